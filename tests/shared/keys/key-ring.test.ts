import { hkdfSync, randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { parseKeyRing } from "../../../shared/keys/key-ring.ts";
import { randomRoot, ringOf } from "./test-ring.ts";

const k1 = randomRoot();
const k2 = randomRoot();
const salt = Uint8Array.of(1, 2, 3);
const info = Uint8Array.of(4, 5);

test.each([undefined, ""])("a setting that is %j means that there are no root keys", (text) => {
  expect(parseKeyRing(text)).toBeNull();
});

test("what is derived is HKDF-SHA256 of the root key that is named", async () => {
  const ring = ringOf({ k1, k2 });
  expect(ring.activeKid).toBe("k1");
  for (const [kid, root] of Object.entries({ k1, k2 })) {
    const derived = await ring.derive(kid, salt, info, 64);
    const expected = hkdfSync("sha256", Buffer.from(root, "base64"), salt, info, 64);
    expect(Buffer.from(derived as ArrayBuffer)).toEqual(Buffer.from(expected));
  }
});

test.each(["k3", "", "K1", "toString", "__proto__"])("a ring has nothing for the name %j", async (kid) => {
  expect(await ringOf({ k1 }).derive(kid, salt, info, 64)).toBeNull();
});

test.each(["k1", "0", "2026-11_b", "a".repeat(32), "active", "keys", "constructor"])(
  "a root key may be called %s",
  (kid) => {
    expect(ringOf({ [kid]: k1, other: k2 }).activeKid).toBe(kid);
  },
);

test("white space in the setting does no harm", () => {
  expect(parseKeyRing(JSON.stringify({ keys: { k1 }, active: "k1" }, null, 2))?.activeKid).toBe("k1");
});

describe("a setting is refused, with its name and the fault and nothing of a key, when", () => {
  const random = (length: number) => randomBytes(length).toString("base64");
  const encoded = (make: Buffer) => make.toString("base64");
  const setting = (keys: unknown, active: unknown = "k1") => JSON.stringify({ active, keys });

  test.each<[what: string, text: string, fault: string]>([
    ["it is a key alone", k1, "is not JSON"],
    ["it is half of one", setting({ k1 }).slice(0, -1), "is not JSON"],
    ["it is a list", `[${setting({ k1 })}]`, "must be a JSON object"],
    ["it is null", "null", "must be a JSON object"],
    ["it is a text", JSON.stringify(k1), "must be a JSON object"],
    ["it has no keys", JSON.stringify({ active: "k1" }), "must be a JSON object"],
    ["it has no active key", JSON.stringify({ keys: { k1 } }), "must be a JSON object"],
    ["it has more than that", JSON.stringify({ active: "k1", keys: { k1 }, old: k2 }), "with exactly"],
    ["its keys are a list", setting([k1]), '"keys" an object'],
    ["its keys are null", setting(null), '"keys" an object'],
    ["its keys are none", setting({}), '"active" key among "keys"'],
    ["the active key is not among them", setting({ k1 }, "k2"), '"active" key among "keys"'],
    ["the active key is the key itself", setting({ k1 }, k1), '"active" key among "keys"'],
    ["the active key is a number", setting({ 1: k1 }, 1), '"active" key among "keys"'],
    ["a name has a capital", setting({ K1: k1 }, "K1"), "name is not"],
    ["a name is empty", setting({ "": k1 }, ""), "name is not"],
    ["a name begins with a sign", setting({ _k1: k1 }, "_k1"), "name is not"],
    ["a name has a point", setting({ "k.1": k1 }, "k.1"), "name is not"],
    ["a name ends in a line break", setting({ "k1\n": k1 }, "k1\n"), "name is not"],
    ["a name is too long", setting({ ["a".repeat(33)]: k1 }, "a".repeat(33)), "name is not"],
    ["a name and its key changed places", setting({ [k1]: "k1" }), "name is not"],
    ["a name comes twice", `{"active":"k1","keys":{"k1":"${k1}","k1":"${k2}"}}`, "names something twice"],
    [
      "the keys come twice",
      `{"active":"k1","keys":{"k1":"${k1}"},"keys":{"k1":"${k2}"}}`,
      "names something twice",
    ],
    ["one key has two names", setting({ k1, k2: k1 }), "same key under two names"],
    ["a key is a number", setting({ k1: 1 }), "not canonical base64: k1"],
    [
      "a key is in hexadecimal with a prefix",
      setting({ k1: `0x${"a1".repeat(32)}` }),
      "not canonical base64: k1",
    ],
    [
      "a key is in base64url",
      setting({ k1: encoded(Buffer.alloc(32, "\xfb\xef", "latin1")).replaceAll("+", "-") }),
      "not canonical base64: k1",
    ],
    ["a key has no padding", setting({ k1: k1.slice(0, -1) }), "not canonical base64: k1"],
    ["a key has a blank before it", setting({ k1: ` ${k1}` }), "not canonical base64: k1"],
    ["a key has a line break behind it", setting({ k1: `${k1}\n` }), "not canonical base64: k1"],
    ["a key has bits to spare", setting({ k1: `${k1.slice(0, 42)}B=` }), "not canonical base64: k1"],
    ["a key is empty", setting({ k1: "" }), "of 0 bytes, not 32: k1"],
    ["a key has 16 bytes", setting({ k1: random(16) }), "of 16 bytes, not 32: k1"],
    [
      "a key is 32 hexadecimal digits",
      setting({ k1: "0123456789abcdef".repeat(2) }),
      "of 24 bytes, not 32: k1",
    ],
    [
      "a key is 64 hexadecimal digits",
      setting({ k1: "0123456789abcdef".repeat(4) }),
      "of 48 bytes, not 32: k1",
    ],
    ["a key has 31 bytes", setting({ k1: random(31) }), "of 31 bytes, not 32: k1"],
    ["a key has 33 bytes", setting({ k1: random(33) }), "of 33 bytes, not 32: k1"],
    ["a key is all zeros", setting({ k1: encoded(Buffer.alloc(32)) }), "bytes are all the same: k1"],
    [
      "a key is one letter again and again",
      setting({ k1: encoded(Buffer.alloc(32, "a")) }),
      "bytes are all the same: k1",
    ],
    ["a key that is not active is wrong", setting({ k1, k2: "" }), "of 0 bytes, not 32: k2"],
  ])("%s", (_what, text, fault) => {
    let thrown: unknown;
    try {
      parseKeyRing(text);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(Error);
    const { message } = thrown as Error;
    expect(message).toMatch(/^BYOK_KEYS .*\.$/);
    expect(message).toContain(fault);
    for (const value of [k1, k2, k1.slice(0, 8), k2.slice(0, 8)])
      expect(inspect(thrown)).not.toContain(value);
  });
});

test("a ring that is logged shows nothing of a key", async () => {
  const ring = ringOf({ k1, k2 });
  await ring.derive("k1", salt, info, 64);
  const shown = inspect(ring, { depth: null, showHidden: true, getters: true }) + JSON.stringify(ring);
  const numbers = (shown.match(/\d+/g) ?? []).join();
  for (const root of [k1, k2]) {
    const bytes = Buffer.from(root, "base64");
    expect(shown).not.toContain(root);
    expect(shown).not.toContain(bytes.toString("hex"));
    expect(numbers).not.toContain(bytes.subarray(0, 8).join());
  }
});
