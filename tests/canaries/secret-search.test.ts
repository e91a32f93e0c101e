import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSecretSearch, type Mark } from "./secret-search.ts";

const forms: Record<string, (bytes: Buffer) => string | Buffer> = {
  "as it is": (bytes) => bytes,
  "in base64": (bytes) => bytes.toString("base64"),
  "in base64url": (bytes) => bytes.toString("base64url"),
  "in base64, within an address": (bytes) => encodeURIComponent(bytes.toString("base64")),
  "in base64, within JSON that escapes slashes": (bytes) => bytes.toString("base64").replaceAll("/", "\\/"),
  "in hex": (bytes) => bytes.toString("hex"),
  "in hex of capitals": (bytes) => bytes.toString("hex").toUpperCase(),
  "in URL form": (bytes) => percent(bytes.toString("hex")),
  "in URL form of capitals": (bytes) => percent(bytes.toString("hex").toUpperCase()),
  "as bytes are printed": (bytes) => inspect(Uint8Array.from(bytes), { maxArrayLength: null }),
  "as an array in JSON": (bytes) => JSON.stringify([...bytes]),
  "as bytes in JSON": (bytes) => JSON.stringify(Uint8Array.from(bytes)),
  "as bytes in JSON within JSON": (bytes) => JSON.stringify(JSON.stringify(Uint8Array.from(bytes), null, 2)),
  "as bytes in JSON, in a row of Postgres": (bytes) => inRow(JSON.stringify(Uint8Array.from(bytes), null, 1)),
  "in base64, within JSON in a row of Postgres": (bytes) =>
    inRow(bytes.toString("base64").replaceAll("/", "\\/")),
};

const inRow = (text: string) => text.replace(/[\\"]/g, "$&$&");
const percent = (hex: string) => hex.replace(/../g, "%$&");
const bytesOf = (minLength: number, maxLength: number) =>
  fc.uint8Array({ minLength, maxLength }).map((bytes) => Buffer.from(bytes));

/** The slots that are found in pieces. */
function find(marks: Mark[], pieces: Uint8Array[]): string[] {
  const search = createSecretSearch(marks)();
  for (const piece of pieces) search.add(piece);
  return [...search.found];
}

describe.each(Object.entries(forms))("%s", (_name, form) => {
  const write = (...bytes: Buffer[]) => Buffer.from(form(Buffer.concat(bytes)));

  test("a secret is found, whatever is around it and wherever it is cut", () => {
    fc.assert(
      fc.property(bytesOf(12, 24), bytesOf(0, 4), bytesOf(0, 4), (secret, before, after) => {
        const marks = [
          { slot: "other", bytes: Buffer.from("another secret") },
          { slot: "key", bytes: secret },
        ];
        const text = write(before, secret, after);
        const cuts = Array.from(text, (_, at) => [text.subarray(0, at), text.subarray(at)]);
        const single = Array.from(text, (_, at) => text.subarray(at, at + 1));
        for (const pieces of [...cuts, single]) if (!find(marks, pieces).includes("key")) return false;
        return true;
      }),
      { numRuns: 20 },
    );
  });

  test("what is no secret is not found, not even one that has another byte", () => {
    fc.assert(
      fc.property(bytesOf(0, 200), fc.integer({ min: 1, max: 10 }), (noise, at) => {
        const secret = Buffer.from("cnryProvider");
        const other = Buffer.from(secret).fill("#", at, at + 1);
        expect(find([{ slot: "key", bytes: secret }], [write(noise, other, noise)])).toEqual([]);
      }),
    );
  });

  test("the beginning of a secret is not found where it may be shown, the whole is", () => {
    const marks = [{ slot: "key", bytes: Buffer.from("slc_live_"), more: 24 }];
    const key = `slc_live_${"4nYf0vXJ2b8Qm1sWc7Rk9A4nYf0vXJ2b8Qm1sWc7Rk9A4"}`;
    for (const before of ["", "a ", "of "]) {
      const around = (text: string) => write(Buffer.from(before + text));
      expect(find(marks, [around(key.slice(0, 13)), Buffer.from('"\n')])).toEqual([]);
      expect(find(marks, [around(key)])).toEqual(["key"]);
    }
  });
});

test("of two secrets both are found", () => {
  const marks = ["first secret", "second secret"].map((slot) => ({ slot, bytes: Buffer.from(slot) }));
  const text = `first secret, ${Buffer.from("second secret").toString("hex")}`;
  expect(find(marks, [Buffer.from(text)]).sort()).toEqual(["first secret", "second secret"]);
});
