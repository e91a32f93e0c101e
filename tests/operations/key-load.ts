import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { Envelopes } from "../../shared/keys/envelope.ts";
import type { Database } from "../support/open-database.ts";
import { createRandom, type Random } from "../support/random.ts";
import { active } from "./key-database.ts";

/** A stored key that is saved anew, edited, deleted and read. Its secret is `<name>@<version>`. */
export interface Slot {
  /** A user, or `platform`. */
  owner: string;
  name: string;
  id: string;
  baseUrl: string | null;
  /** The last one that is known to be stored. */
  version: number;
  /** Set before it is deleted. */
  isDeleted: boolean;
}

export interface LoadOptions {
  sql: Database;
  slots: Slot[];
  /** What the next key is sealed with. */
  chooseEnvelopes(random: Random): Envelopes;
}

const writers = 4;
const readers = 2;

/** Works on stored keys as functions and administrators do, until it is stopped. Each key has one writer. */
export function startLoad({ sql, slots, chooseEnvelopes }: LoadOptions) {
  let isStopping = false;
  const done = { writes: 0, reads: 0 };

  async function write(slot: Slot, random: Random): Promise<void> {
    const version = slot.version + 1;
    const { owner, name, baseUrl } = slot;
    const seal = (record: string) =>
      chooseEnvelopes(random).seal(`${name}@${version}`, { owner, provider: "openai", record, baseUrl });
    if (random.chance(0.03)) {
      slot.isDeleted = true;
      if (owner === "platform") await sql`delete from private.provider_keys where id = ${slot.id}`;
      else await untilFree(() => sql`select public.delete_byok_keys(${owner}, 'openai', ${name})`);
      return;
    }
    if (owner === "platform") {
      await sql`update private.provider_keys set sealed_key = ${await seal(slot.id)} where id = ${slot.id}`;
    } else if (random.chance(0.5)) {
      await sql`update private.byok_keys set sealed_key = ${await seal(slot.id)} where id = ${slot.id}`;
    } else {
      const id = randomUUID();
      const key = {
        ...{ id, provider: "openai", name, base_url: baseUrl, sealed_key: await seal(id) },
        ...{ fingerprint: id, status: "valid" },
      };
      const [row] = await untilFree(
        () => sql<[{ answer: object }]>`select public.save_byok_key(${owner}, ${sql.json(key)}) as answer`,
      );
      expect(row?.answer).toMatchObject({ is_new: false });
      slot.id = id;
    }
    slot.version = version;
  }

  async function read(slot: Slot): Promise<void> {
    const { owner, name, id, version } = slot;
    const rows =
      owner === "platform"
        ? await sql<{ id: string; key: string }[]>`
            select id, sealed_key as key from private.provider_keys where id = ${id}`
        : await sql<{ id: string; key: string }[]>`
            select id, sealed_key as key from private.byok_keys where user_id = ${owner} and name = ${name}`;
    const [row] = rows;
    if (row === undefined) return expect(slot.isDeleted).toBe(true);
    const binding = { owner, provider: "openai", record: row.id, baseUrl: slot.baseUrl };
    const [opened, seen] = (await active.open(row.key, binding)).reveal().split("@");
    expect(opened).toBe(name);
    expect(Number(seen)).toBeGreaterThanOrEqual(version);
  }

  async function work(seed: number, own: Slot[], kind: keyof typeof done): Promise<void> {
    const random = createRandom(seed);
    while (!isStopping) {
      const slot = random.pick(own);
      if (kind === "reads") await read(slot);
      else if (!slot.isDeleted) await write(slot, random);
      done[kind]++;
    }
  }

  const working = Promise.all([
    ...Array.from({ length: writers }, (_, writer) =>
      work(
        writer,
        slots.filter((_slot, index) => index % writers === writer),
        "writes",
      ),
    ),
    ...Array.from({ length: readers }, (_, reader) => work(100 + reader, slots, "reads")),
  ]);
  // Told by `stop`.
  working.catch(() => {});
  return {
    /** Throws what went wrong, and tells how much was done. */
    async stop(): Promise<typeof done> {
      isStopping = true;
      await working;
      return done;
    },
  };
}

/** As functions do: whoever waits for a lock for too long asks again. */
async function untilFree<Rows>(ask: () => PromiseLike<Rows>): Promise<Rows> {
  for (;;)
    try {
      return await ask();
    } catch (error) {
      if ((error as { code?: string }).code !== "55P03") throw error;
    }
}
