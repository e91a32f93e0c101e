import { inspect } from "node:util";
import { expect, test } from "vitest";
import type { SealedKey } from "../../../shared/domain/sealed-key.ts";
import { createEnvelopes } from "../../../shared/keys/envelope.ts";
import { createSealedCredentials, type Resealed } from "../../../shared/keys/sealed-credentials.ts";
import { faultOf, randomRoot, ringOf } from "./test-ring.ts";

const ring = ringOf({ k1: randomRoot() });
const envelopes = createEnvelopes(ring);

/** A row of the platform's keys as the database hands it out. */
async function sealRow(record: string, provider = "openai"): Promise<SealedKey> {
  const sealedKey = await envelopes.seal(`sk-of-row-${record}`, { owner: "platform", provider, record });
  return { id: record, provider, sealedKey, userId: null, baseUrl: null };
}

const ignore = () => {};

test("a key of the platform opens for its provider and its row, under the name that the database has for it", async () => {
  const credential = await createSealedCredentials(ring, ignore).open(await sealRow("17"));
  expect(credential.id).toBe("key:17");
  expect(credential.key.reveal()).toBe("sk-of-row-17");
});

test("one sealed text gives one object, also to those who ask at once", async () => {
  const credentials = createSealedCredentials(ring, ignore);
  const [first, second] = [await sealRow("1"), await sealRow("2")];
  const opened = await Promise.all([1, 2, 3].map(() => credentials.open({ ...first })));
  opened.push(await credentials.open({ ...first }));
  expect(new Set(opened).size).toBe(1);
  expect(await credentials.open(second)).not.toBe(opened[0]);
});

test("a key that was sealed anew is another object", async () => {
  const credentials = createSealedCredentials(ring, ignore);
  const before = await credentials.open(await sealRow("1"));
  expect(await credentials.open(await sealRow("1"))).not.toBe(before);
});

test("a sealed text that is remembered opens neither in another row nor for another provider", async () => {
  const credentials = createSealedCredentials(ring, ignore);
  const row = await sealRow("1");
  await credentials.open(row);
  expect(await faultOf(credentials.open({ ...row, provider: "anthropic" }))).toBe("not_authentic");
  expect(await faultOf(credentials.open({ ...row, id: "2" }))).toBe("not_authentic");
});

test("a user's key does not open as one of the platform", async () => {
  const sealedKey = await envelopes.seal("sk-theirs", { owner: "somebody", provider: "openai", record: "1" });
  expect(
    await faultOf(createSealedCredentials(ring, ignore).open({ ...(await sealRow("1")), sealedKey })),
  ).toBe("not_authentic");
});

test("a text that does not open is refused each time", async () => {
  const credentials = createSealedCredentials(ring, ignore);
  const broken = { ...(await sealRow("1")), sealedKey: "v1.k1.AAAA" };
  for (const _time of [1, 2, 3]) expect(await faultOf(credentials.open(broken))).toBe("malformed");
});

test("without root keys no key opens", async () => {
  const credentials = createSealedCredentials(null, ignore);
  const row = await sealRow("1");
  for (const _time of [1, 2]) expect(await faultOf(credentials.open(row))).toBe("unknown_root");
});

test("a ring that was away for a moment is asked again", async () => {
  let isAway = true;
  const remote: typeof ring = {
    activeKid: ring.activeKid,
    derive: async (...given) => {
      if (isAway) throw new Error("the ring is away");
      return ring.derive(...given);
    },
  };
  const credentials = createSealedCredentials(remote, ignore);
  const row = await sealRow("1");
  await expect(credentials.open(row)).rejects.toThrow("the ring is away");
  isAway = false;
  expect((await credentials.open(row)).key.reveal()).toBe("sk-of-row-1");
});

test("a thousand keys are remembered, and of more the oldest are opened again", async () => {
  const credentials = createSealedCredentials(ring, ignore);
  const rows = await Promise.all(Array.from({ length: 1_001 }, (_, at) => sealRow(String(at))));
  const open = (at: number) => credentials.open(rows[at] as SealedKey);
  const opened = [];
  for (let at = 0; at < 1_000; at++) opened.push(await open(at));

  // What does not open takes nobody's place.
  for (const row of rows.slice(0, 10))
    expect(await faultOf(credentials.open({ ...row, id: "another" }))).toBe("not_authentic");
  expect(await open(0)).toBe(opened[0]);

  const newest = await open(1_000);
  expect(await open(1_000)).toBe(newest);
  expect(await open(1)).toBe(opened[1]);
  const again = await open(0);
  expect(again).not.toBe(opened[0]);
  expect(again.key.reveal()).toBe("sk-of-row-0");
});

test("a credential that is logged shows its id and not its key", async () => {
  const credential = await createSealedCredentials(ring, ignore).open(await sealRow("17"));
  const shown = inspect(credential, { depth: null, showHidden: true }) + JSON.stringify(credential);
  expect(shown).toContain("key:17");
  expect(shown).not.toContain("sk-of-row");
});

test("a caller's own key opens for its owner and the address that it was saved with alone", async () => {
  const binding = {
    owner: "somebody",
    provider: "openai",
    record: "1",
    baseUrl: "https://llm.example.com/v1",
  };
  const sealedKey = await envelopes.seal("sk-theirs", binding);
  const row = { id: "1", provider: "openai", sealedKey, userId: "somebody", baseUrl: binding.baseUrl };
  const credentials = createSealedCredentials(ring, ignore);
  const credential = await credentials.open(row);
  expect([credential.id, credential.key.reveal()]).toEqual(["byok:1", "sk-theirs"]);
  for (const other of [
    { userId: "another" },
    { userId: null },
    { baseUrl: null },
    { baseUrl: "https://evil.example.com/" },
  ])
    expect(await faultOf(credentials.open({ ...row, ...other }))).toBe("not_authentic");
});

test("a key that was sealed under an old root key is told sealed under the active one, once while it is remembered", async () => {
  const roots = { k1: randomRoot(), k2: randomRoot() };
  const old = createEnvelopes(ringOf(roots, "k1"));
  const binding = { owner: "platform", provider: "openai", record: "1" };
  const row = { ...(await sealRow("1")), sealedKey: await old.seal("sk-old", binding) };
  const resealed: Resealed[] = [];
  const credentials = createSealedCredentials(ringOf(roots, "k2"), (key) => void resealed.push(key));
  for (const _time of [1, 2]) expect((await credentials.open(row)).key.reveal()).toBe("sk-old");
  expect(resealed).toEqual([
    { id: "1", sealedKey: row.sealedKey, resealed: expect.stringMatching(/^v1\.k2\./) },
  ]);
  const [{ resealed: text = "" } = {}] = resealed;
  const opened = await credentials.open({ ...row, sealedKey: text });
  expect([opened.key.reveal(), resealed.length]).toEqual(["sk-old", 1]);
});
