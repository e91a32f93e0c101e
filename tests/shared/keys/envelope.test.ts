import { createDecipheriv, hkdfSync } from "node:crypto";
import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Binding, createEnvelopes } from "../../../shared/keys/envelope.ts";
import { parseKeyRing } from "../../../shared/keys/key-ring.ts";
import { frozenEnvelopes, frozenSetting } from "./frozen-envelopes.ts";
import { randomRoot, ringOf } from "./test-ring.ts";

const roots = { k1: randomRoot(), k2: randomRoot() };
const envelopes = createEnvelopes(ringOf(roots));
const binding: Binding = { owner: "platform", provider: "openai", record: "17" };

describe("what is sealed comes back as it was:", () => {
  test.each([
    ["1 byte", "x"],
    ["a key", "sk-proj-Canary_0123456789"],
    ["10 kB", "0123456789".repeat(1_000)],
    ["zeros and line breaks", "\0\r\n\0"],
    ["a byte order mark", "\ufeffkey"],
  ])("%s", async (_what, secret) => {
    expect((await envelopes.open(await envelopes.seal(secret, binding), binding)).reveal()).toBe(secret);
  });

  test("any text, bound to anything", async () => {
    const text = fc.string({ unit: "grapheme", maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(text, text, text, text, async (secret, owner, provider, record) => {
        const bound = { owner, provider, record };
        expect((await envelopes.open(await envelopes.seal(secret, bound), bound)).reveal()).toBe(secret);
      }),
    );
  });
});

test("a text that UTF-8 cannot hold is refused, not changed", async () => {
  await expect(envelopes.seal("key\ud800", binding)).rejects.toThrow(TypeError);
  await expect(envelopes.seal("key", { ...binding, record: "\udc00" })).rejects.toThrow(TypeError);
});

test.each(frozenEnvelopes)(
  "what the first version sealed for $binding.provider still opens",
  async (frozen) => {
    const ring = parseKeyRing(frozenSetting);
    if (ring === null) throw new Error("the setting is empty");
    const secret = await createEnvelopes(ring).open(frozen.envelope, frozen.binding);
    expect(secret.reveal()).toBe(frozen.secret);
  },
);

test("an envelope can be opened by anybody who has the root key and its description", async () => {
  const [version, kid, text] = (await envelopes.seal("sk-key", binding)).split(".");
  const payload = Buffer.from(text as string, "base64url");
  const root = Buffer.from(roots.k1, "base64");
  const derived = Buffer.from(hkdfSync("sha256", root, payload.subarray(0, 16), "sluice sealed key v1", 64));
  expect([version, kid]).toEqual(["v1", "k1"]);
  expect(payload.subarray(28, 60)).toEqual(derived.subarray(32));

  const parts = ["v1 HKDF-SHA256 AES-256-GCM", "k1", "platform", "openai", "17"];
  const lengthPrefixed = parts.flatMap((part) => [Buffer.from([0, 0, 0, part.length]), Buffer.from(part)]);
  const decipher = createDecipheriv("aes-256-gcm", derived.subarray(0, 32), payload.subarray(16, 28));
  decipher.setAAD(Buffer.concat(lengthPrefixed)).setAuthTag(payload.subarray(-16));
  const plaintext = Buffer.concat([decipher.update(payload.subarray(60, -16)), decipher.final()]);
  expect(plaintext.toString()).toBe("sk-key");
});

test("new envelopes are sealed under the active root key, and those of the others still open", async () => {
  const before = await envelopes.seal("sk-before", binding);
  const after = createEnvelopes(ringOf({ k2: roots.k2, k1: roots.k1 }));
  expect(await after.seal("sk-after", binding)).toMatch(/^v1\.k2\./);
  expect((await after.open(before, binding)).reveal()).toBe("sk-before");
});

test("the same secret sealed twice has nothing in common but its length", async () => {
  const [first, second] = await Promise.all(
    [1, 2].map(async () => {
      const [, , text] = (await envelopes.seal("sk-the-same", binding)).split(".");
      return Buffer.from(text as string, "base64url");
    }),
  );
  const parts = [0, 16, 28, 60, -16].map((from, at, all) => [from, all[at + 1]] as const);
  for (const [from, to] of parts) expect(first?.subarray(from, to)).not.toEqual(second?.subarray(from, to));
  expect(first?.length).toBe(second?.length);
});

test("a secret that was opened does not show itself, nor does its envelope", async () => {
  const value = "sk-proj-Canary_0123456789";
  const envelope = await envelopes.seal(value, binding);
  const secret = await envelopes.open(envelope, binding);
  const shown = [
    `${secret}`,
    JSON.stringify({ secret }),
    inspect({ secret }, { showHidden: true, depth: null }),
  ];
  for (const text of shown) {
    expect(text).toContain("[redacted]");
    expect(text).not.toContain("Canary");
  }
  expect(envelope).not.toContain("Canary");
  expect(Buffer.from(envelope.split(".")[2] as string, "base64url").toString("latin1")).not.toContain(
    "Canary",
  );
});
