import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32, createApiKey, digestApiKey } from "../../../shared/keys/api-key.ts";

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

test("the checksum is the CRC-32 of gzip and of ISO 3309", () => {
  const known: [text: string, crc: number][] = [
    ["", 0],
    ["a", 0xe8b7be43],
    ["123456789", 0xcbf43926],
    ["The quick brown fox jumps over the lazy dog", 0x414fa339],
  ];
  for (const [text, crc] of known) expect(crc32(new TextEncoder().encode(text))).toBe(crc);
});

test("a key says what it is, and is known by the SHA-256 of all of it", async () => {
  const { key, digest, lastFour } = await createApiKey();
  const text = key.reveal();
  expect(text).toMatch(/^slc_live_[0-9A-Za-z]{49}$/);
  expect(digest).toBe(createHash("sha256").update(text).digest("hex"));
  expect(await digestApiKey(text)).toBe(digest);
  expect(lastFour).toBe(text.slice(-4));
  expect(`${key} ${JSON.stringify({ key })}`).not.toContain(text.slice(9));
});

test("no two keys are alike, and every character of theirs comes about as often as every other", async () => {
  const keys = await Promise.all(Array.from({ length: 400 }, createApiKey));
  const texts = keys.map(({ key }) => key.reveal());
  expect(new Set(texts).size).toBe(texts.length);
  // The first of the 43 says little: 2^256 is a quarter of 62^43.
  const characters = texts.flatMap((text) => [...text.slice(10, 52)]);
  const expected = characters.length / 62;
  const chiSquare = [...base62].reduce((sum, each) => {
    const count = characters.filter((character) => character === each).length;
    return sum + (count - expected) ** 2 / expected;
  }, 0);
  // 61 degrees of freedom: beyond it once in 10^9 runs.
  expect(chiSquare).toBeLessThan(144);
});

test("a slip in any one place is noticed without asking anybody", async () => {
  const text = (await createApiKey()).key.reveal();
  for (let at = 0; at < text.length; at++)
    for (const other of ["0", "Z", "q", "-", " "]) {
      if (text[at] === other) continue;
      expect(await digestApiKey(text.slice(0, at) + other + text.slice(at + 1))).toBeNull();
    }
  for (const cut of [
    text.slice(1),
    text.slice(0, -1),
    `${text}0`,
    ` ${text}`,
    `${text}\n`,
    text.toUpperCase(),
    "",
  ])
    expect(await digestApiKey(cut)).toBeNull();
});

test("two characters that change places are noticed", async () => {
  const text = (await createApiKey()).key.reveal();
  for (let at = 9; at < text.length - 1; at++) {
    const [one, two] = [text[at] as string, text[at + 1] as string];
    if (one !== two)
      expect(await digestApiKey(text.slice(0, at) + two + one + text.slice(at + 2))).toBeNull();
  }
});

test("of texts made up at random hardly one is a key", async () => {
  const digit = fc.constantFrom(...base62);
  await fc.assert(
    fc.asyncProperty(fc.array(digit, { minLength: 49, maxLength: 49 }), async (digits) => {
      expect(await digestApiKey(`slc_live_${digits.join("")}`)).toBeNull();
    }),
    { numRuns: 2_000 },
  );
});
