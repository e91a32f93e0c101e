import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { projectRoot } from "../../../local/project.ts";
import { createEnvelopes } from "../../../shared/keys/envelope.ts";
import { type KeyRing, parseKeyRing } from "../../../shared/keys/key-ring.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { type Caller, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { makeKeyRing } from "../../support/secrets.ts";
import {
  environmentKeyId,
  makeProviderKey,
  simulateMoreProviders,
} from "../../support/simulated-providers.ts";

const sql = connectDatabase();
const provider = watchProvider();
const rings = makeKeyRing();
const ring = parseKeyRing(rings) as KeyRing;

// Each test has providers of its own; those from 10 on have no key in the environment.
const settings: Record<string, string> = { BYOK_KEYS: rings };
let instances: ExtraFunction[];
let one: ReturnType<typeof createChatClient>;
let other: ReturnType<typeof createChatClient>;

beforeAll(async () => {
  Object.assign(settings, simulateMoreProviders(20));
  for (let number = 10; number < 20; number++) delete settings[`EXTRA_${number}_API_KEY`];
  instances = await Promise.all([startExtraFunction(settings), startExtraFunction(settings)]);
  [one, other] = instances.map(({ url }) => createChatClient(url)) as [typeof one, typeof other];
});
afterAll(() => Promise.all(instances.map((instance) => instance.stop())));

const keyOf = (number: number) => settings[`EXTRA_${number}_API_KEY`] as string;
const second = { provider: "anthropic", upstream: "claude-haiku-4-5", priority: 1 };

/** Somebody whose first route is the provider of this number, and whose second is another's that answers. */
function signUpAt(number: number, simulate?: string): Promise<Caller> {
  return signUpCaller(sql, {
    routes: [{ provider: `extra-${number}`, ...(simulate && { simulate }) }, second],
  });
}

/** Which providers a chat of a function asks, with which keys (the last four characters), and who serves it. */
async function trace(chats: typeof one, caller: Caller) {
  const message = randomUUID();
  const { result, headers } = await chats.ask(caller, { message, options: { maxTokens: 5 } });
  const calls = await provider.findCalls(message);
  const { provider: server, credential, attempts } = result;
  const told = ["provider", "credential", "attempts"].map((name) => headers.get(`x-sluice-${name}`));
  expect(told).toEqual([server, credential, String(attempts)]);
  return {
    keys: calls.map(({ format, key }) => (format === "openai" ? key : format)),
    server,
    credential,
    attempts,
  };
}

const readCooldown = (keyId: string) => sql<{ reason: string; seconds: number }[]>`
  select reason, extract(epoch from until - updated_at)::float as seconds from private.key_cooldowns where key_id = ${keyId}`;

describe.each([
  ["that is wrong (401)", 0, "status=401", "credential", Number.POSITIVE_INFINITY],
  ["whose budget is used up (429 insufficient_quota)", 1, "status=429;code=insufficient_quota", "quota", 600],
  ["that is asked to wait for a minute (429)", 2, "status=429;retryafter=60", "rate_limited", 60],
])("a key %s", (_what, number, refuse, reason, seconds) => {
  test("is not used again, by no function, until its time is over or somebody acts", async () => {
    const name = `extra-${number}`;
    const lastFour = keyOf(number).slice(-4);
    // Once: who would use it again would be served.
    const simulate = `${refuse};times=1;key=${randomUUID()}`;
    const isForAll = reason === "credential";
    const keyId = `${environmentKeyId(name, keyOf(number))}${isForAll ? "" : `/gpt-4o-mini;${simulate}`}`;
    const [refused, neighbour, stranger] = await Promise.all([
      signUpAt(number, simulate),
      signUpAt(number, simulate),
      signUpAt(number),
    ]);
    const served = { server: "anthropic", credential: "environment" };
    expect(await trace(other, stranger)).toMatchObject({ keys: [lastFour], server: name });
    expect(await trace(one, refused)).toEqual({ keys: [lastFour, "anthropic"], attempts: 2, ...served });
    const [cooldown] = await readCooldown(keyId);
    expect(cooldown?.reason).toBe(reason);
    // What the rest of the chat took is over already.
    expect(cooldown?.seconds).toBeLessThanOrEqual(seconds);
    expect(cooldown?.seconds).toBeGreaterThanOrEqual(seconds - 15);
    for (const chats of [one, other])
      expect(await trace(chats, neighbour)).toEqual({ keys: ["anthropic"], attempts: 1, ...served });
    // Who has another model is only kept from it where the key is wrong: providers count each model's calls.
    expect(await trace(other, stranger)).toMatchObject({ server: isForAll ? "anthropic" : name });

    if (seconds === Number.POSITIVE_INFINITY)
      await sql`delete from private.key_cooldowns where key_id = ${keyId}`;
    else await sql`update private.key_cooldowns set until = now() where key_id = ${keyId}`;
    for (const chats of [one, other])
      expect(await trace(chats, neighbour)).toMatchObject({ keys: [lastFour], server: name });
  });
});

test("where all keys of a model's providers are out, the chat is refused at once, and costs nothing", async () => {
  const caller = await signUpCaller(sql, { routes: [{ provider: "extra-3", simulate: "status=401" }] });
  expect((await one.ask(caller, { message: "Hello" })).status).toBe(502);
  const readState = () => sql`select state from private.holds where user_id = ${caller.userId}`;
  await expect.poll(readState).toEqual([{ state: "settled" }]);
  const { status, error, headers } = await other.ask(caller, { message: "Hello" });
  expect([status, error.code, headers.get("retry-after")]).toEqual([503, "model_unavailable", "60"]);
});

/** Puts a key into the pool of a provider, sealed for its own row unless another is named. */
async function addKey(number: number, { record }: { record?: string } = {}) {
  const id = randomUUID();
  const key = makeProviderKey();
  const name = `extra-${number}`;
  const binding = { owner: "platform", provider: name, record: record ?? id };
  const sealed = await createEnvelopes(ring).seal(key, binding);
  await sql`insert into private.provider_keys (id, provider, sealed_key) values (${id}, ${name}, ${sealed})`;
  return { id, lastFour: key.slice(-4) };
}

describe("the keys of the pool", () => {
  test("are opened by every function, and share the chats", async () => {
    const [first, last] = [await addKey(10), await addKey(10)];
    const caller = await signUpAt(10);
    const traces = await Promise.all(
      Array.from({ length: 40 }, (_, at) => trace(at % 2 ? one : other, caller)),
    );
    const used = traces.map(({ keys, server, credential }) => [...keys, server, credential]);
    for (const each of used) expect([first.lastFour, last.lastFour]).toContain(each[0]);
    // By chance one of them is never the first once in 10^11 runs.
    for (const { lastFour } of [first, last]) expect(used).toContainEqual([lastFour, "extra-10", "pool"]);
  });

  test("come after the key of the environment, at once where that is refused", async () => {
    const { lastFour } = await addKey(4);
    const caller = await signUpAt(4, `status=429;times=1;key=${randomUUID()}`);
    expect(await trace(one, caller)).toEqual({
      ...{ keys: [keyOf(4).slice(-4), lastFour], attempts: 2 },
      ...{ server: "extra-4", credential: "pool" },
    });
  });

  test("are not used while they are disabled, nor after the provider has refused them", async () => {
    const [good, bad] = [await addKey(11), await addKey(11)];
    await sql`update private.provider_keys set is_enabled = false where id = ${good.id}`;
    const refused = await signUpAt(11, "status=401");
    expect(await trace(one, refused)).toMatchObject({ keys: [bad.lastFour, "anthropic"] });
    const [cooldown] = await readCooldown(`key:${bad.id}`);
    expect(cooldown?.reason).toBe("credential");
    await sql`update private.provider_keys set is_enabled = true where id = ${good.id}`;
    const caller = await signUpAt(11);
    for (const chats of [one, other, one, other])
      expect(await trace(chats, caller)).toMatchObject({ keys: [good.lastFour], credential: "pool" });
  });

  test("that were sealed for another row do not open: the log names them, and the chat goes on with another", async () => {
    const [copied, good] = [await addKey(12, { record: randomUUID() }), await addKey(12)];
    const caller = await signUpAt(12);
    expect(await trace(one, caller)).toMatchObject({ keys: [good.lastFour], server: "extra-12" });
    const find = () => instances[0]?.lines.filter((line) => line.includes(copied.id)) ?? [];
    await expect.poll(find).not.toHaveLength(0);
    expect(JSON.parse(find()[0] as string)).toEqual({
      event: "key_failed",
      requestId: expect.any(String),
      keyId: copied.id,
      cause:
        "EnvelopeError: The sealed key was changed, or sealed for another row, or with another root key.",
    });
    await sql`update private.provider_keys set is_enabled = false where id = ${good.id}`;
    expect(await trace(one, caller)).toMatchObject({ keys: ["anthropic"] });
  });

  test("are put there by what `npm run keys -- seal` prints", async () => {
    const key = makeProviderKey();
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [join(projectRoot, "operations/keys.ts"), "seal", "extra-13"],
      {
        env: { ...process.env, BYOK_KEYS: rings },
        input: `${key}\n`,
        encoding: "utf8",
      },
    );
    expect(stdout, stderr).toMatch(/^insert into private\.provider_keys /);
    expect(stdout).not.toContain(key);
    await sql.unsafe(stdout);
    const caller = await signUpAt(13);
    expect(await trace(one, caller)).toMatchObject({ keys: [key.slice(-4)], credential: "pool" });
  });
});
