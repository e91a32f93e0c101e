import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { type Binding, createEnvelopes, EnvelopeError } from "../../../shared/keys/envelope.ts";
import { faultOf, randomRoot, ringOf } from "./test-ring.ts";

const roots = { k1: randomRoot(), k2: randomRoot() };
const envelopes = createEnvelopes(ringOf(roots));
const binding: Binding = { owner: "platform", provider: "openai", record: "17" };
const shortSample = await envelopes.seal("x", binding);
const sample = await envelopes.seal("sk-proj-Canary_0123456789", binding);

/** Opens all of them and returns those that opened, or failed in another way than an envelope does. */
async function findAccepted(forgeries: string[]): Promise<string[]> {
  const faults = await Promise.all(forgeries.map((forgery) => faultOf(envelopes.open(forgery, binding))));
  return forgeries.filter((_, at) => faults[at] === "opened");
}

function payloadOf(envelope: string): Buffer {
  return Buffer.from(envelope.slice("v1.k1.".length), "base64url");
}

function envelopeOf(payload: Uint8Array): string {
  return `v1.k1.${Buffer.from(payload).toString("base64url")}`;
}

/** Each of them differs from the bytes in one bit. */
function flipBits(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: bytes.length * 8 }, (_, bit) => {
    const flipped = Uint8Array.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    return flipped;
  });
}

describe.each([
  ["one letter", shortSample],
  ["a key", sample],
])("of the envelope of %s", (_what, sample) => {
  test("it opens as it is", async () => {
    expect(envelopeOf(payloadOf(sample))).toBe(sample);
    expect(await findAccepted([sample])).toEqual([sample]);
  });

  test("no bit of what it holds can be flipped", async () => {
    expect(await findAccepted(flipBits(payloadOf(sample)).map(envelopeOf))).toEqual([]);
  });

  test("no bit of its text can be flipped", async () => {
    const texts = flipBits(Buffer.from(sample)).map((bytes) => Buffer.from(bytes).toString("latin1"));
    expect(await findAccepted(texts)).toEqual([]);
  });

  test("no part of it is enough", async () => {
    const payload = payloadOf(sample);
    const cuts = Array.from({ length: sample.length }, (_, at) => at);
    const inner = Array.from({ length: payload.length }, (_, at) => at);
    expect(
      await findAccepted([
        ...cuts.flatMap((at) => [
          sample.slice(0, at),
          sample.slice(at + 1),
          sample.slice(0, at) + sample.slice(at + 1),
        ]),
        ...inner.flatMap((at) => [envelopeOf(payload.subarray(0, at)), envelopeOf(payload.subarray(at + 1))]),
      ]),
    ).toEqual([]);
  });

  test("nothing can be added to it", async () => {
    const more = ["A", "=", "==", "\n", " ", ".", ".A", "\0"];
    expect(await findAccepted(more.flatMap((text) => [sample + text, text + sample]))).toEqual([]);
  });
});

describe("an envelope opens for nobody but whom it was sealed for:", () => {
  test.each<[what: string, other: Partial<Binding>]>([
    ["another owner", { owner: "0b9b0e3c-7f5e-4d4b-8f0e-5a1c2d3e4f50" }],
    ["another provider", { provider: "anthropic" }],
    ["another row", { record: "18" }],
    ["a row whose id begins alike", { record: "171" }],
    ["no row", { record: "" }],
    ["another way to write the owner", { owner: "Platform" }],
  ])("not for %s", async (_what, other) => {
    for (const sealed of [sample, shortSample])
      expect(await faultOf(envelopes.open(sealed, { ...binding, ...other }))).toBe("not_authentic");
  });

  test("not where the same characters are shared out among the fields in another way", async () => {
    const sealed = await envelopes.seal("sk-key", { owner: "ab", provider: "c", record: "d" });
    for (const other of [
      { owner: "a", provider: "bc", record: "d" },
      { owner: "ab", provider: "cd", record: "" },
      { owner: "c", provider: "ab", record: "d" },
    ])
      expect(await faultOf(envelopes.open(sealed, other))).toBe("not_authentic");
  });
});

describe("an envelope opens under no root key but its own:", () => {
  const asK2 = sample.replace("v1.k1.", "v1.k2.");

  test("not under another of the ring", async () => {
    expect(await faultOf(envelopes.open(asK2, binding))).toBe("not_authentic");
  });

  test("not under the same key by another name", async () => {
    const renamed = createEnvelopes(ringOf({ k2: roots.k1 }));
    expect(await faultOf(renamed.open(asK2, binding))).toBe("not_authentic");
  });

  test("not under another key by the same name", async () => {
    const replaced = createEnvelopes(ringOf({ k1: randomRoot() }));
    expect(await faultOf(replaced.open(sample, binding))).toBe("not_authentic");
  });

  test("not where the ring no longer has it", async () => {
    const without = createEnvelopes(ringOf({ k2: roots.k2 }));
    expect(await faultOf(without.open(sample, binding))).toBe("unknown_root");
  });
});

const enough = "A".repeat(200);
test.each<[what: string, text: string]>([
  ["nothing", ""],
  ["a key that was never sealed", "sk-proj-Canary_0123456789"],
  ["the version alone", "v1"],
  ["no name and no content", "v1.."],
  ["no content", "v1.k1."],
  ["too little content", "v1.k1.AAAA"],
  ["a byte less than there must be", `v1.k1.${Buffer.alloc(75).toString("base64url")}`],
  ["another version", `v2.k1.${enough}`],
  ["a name in capitals", `v1.K1.${enough}`],
  ["a name that is too long", `v1.${"a".repeat(33)}.${enough}`],
  ["padding", `v1.k1.${enough}=`],
  ["a sign of plain base64", `v1.k1.${enough}+++/`],
  ["a part too many", `v1.k1.k2.${enough}`],
])("a text that is no envelope is told apart from a forged one: %s", async (_what, text) => {
  expect(await faultOf(envelopes.open(text, binding))).toBe("malformed");
});

test("the error that goes to the log has the fault and nothing of the secret, the envelope or the row", async () => {
  const canary = "sk-proj-Canary_0123456789";
  const bound = { owner: "owner-canary", provider: "provider-canary", record: "record-canary" };
  const sealed = await envelopes.seal(canary, bound);
  const attempts: [EnvelopeError["fault"], string][] = [
    ["malformed", canary],
    ["unknown_root", sealed.replace(".k1.", ".k1-canary.")],
    ["not_authentic", sealed.replace(".k1.", ".k2.")],
    ["not_authentic", envelopeOf(payloadOf(sealed).fill(0, 60))],
  ];
  for (const [fault, text] of attempts) {
    const thrown = await envelopes.open(text, bound).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(EnvelopeError);
    expect(thrown).toMatchObject({ name: "EnvelopeError", fault });
    expect((thrown as EnvelopeError).cause).toBeUndefined();
    const shown = inspect(thrown, { depth: null, showHidden: true }).replaceAll(/^ {4}at .*$/gm, "");
    expect(shown).not.toMatch(/canary/i);
    expect(shown).not.toContain(sealed.slice(6, 30));
  }
});
