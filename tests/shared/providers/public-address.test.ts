import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isPublicIp, parsePublicAddress } from "../../../shared/providers/public-address.ts";
import { eachOf, privateHosts, publicAddresses, unfitAddresses, unfitBases } from "./user-addresses.ts";

describe("a user's key is not sent to", () => {
  test.each(eachOf(privateHosts))("%s: %j", (_kind, host) => {
    expect(parsePublicAddress(`https://${host}/v1`)).toBeNull();
  });

  test.each([...eachOf(unfitAddresses), ...eachOf(unfitBases)])("%s: %j", (_kind, address) => {
    expect(parsePublicAddress(address)).toBeNull();
  });
});

test.each(publicAddresses)("a user's key may be sent to %j", (given, written) => {
  expect(parsePublicAddress(given)?.href).toBe(written);
});

describe("what a name resolves to is no public address where it is", () => {
  test.each([
    ...[
      "",
      ".",
      ":",
      "8",
      "8.8",
      "8.8.8",
      "8.8.8.8.",
      "08.8.8.8",
      "0x8.8.8.8",
      "134744072",
      "８.8.8.8",
      "8.8.8.256",
    ],
    ...[" 8.8.8.8", "8.8.8.8 ", "8.8.8.8:443", "8.8.8.8/32", "llm.example.com", "dead.beef", "1.2.3.4.5"],
    ...[
      "[2606:4700::1]",
      "2606:4700::1%eth0",
      "2606:4700::1%1",
      "2606:4700::1::1",
      "2606:4700",
      "2606:47000::1",
    ],
    ...["1:2:3:4:5:6:7:8:9", "2606:4700::1/64", "2606:4700::1]:443/[", "::", "::1", "::ffff:8.8.8.8"],
  ])("%j", (text) => {
    expect(isPublicIp(text)).toBe(false);
  });
});

/** Every block that is not public, once more: a typing error in one list is found by the other. */
const privateBlocks = [
  ...[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
  ],
  ...[
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
  ],
  ...["198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"],
].map((block) => {
  const [a, b, c, d, length] = block.split(/[./]/).map(Number) as [number, number, number, number, number];
  const first = ((a * 256 + b) * 256 + c) * 256 + d;
  return { first, last: first + 2 ** (32 - length) - 1 };
});
const quadOf = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
const privateIpv4 = fc
  .constantFrom(...privateBlocks)
  .chain(({ first, last }) => fc.oneof(fc.constantFrom(first, last), fc.integer({ min: first, max: last })));

/** An IPv4 address as the parser of addresses takes it: one to four numbers, the last one for all bytes that remain. */
const spellingOf = (value: number) =>
  fc
    .record({
      shifts: fc.constantFrom([], [24], [24, 16], [24, 16, 8]),
      writers: fc.array(
        fc.constantFrom(
          (part: number) => String(part),
          (part: number) => `0x${part.toString(16)}`,
          (part: number) => `0X000${part.toString(16).toUpperCase()}`,
          (part: number) => `0${part.toString(8)}`,
          (part: number) =>
            String(part).replace(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit))),
        ),
        { minLength: 4, maxLength: 4 },
      ),
      dot: fc.constantFrom(".", "。", "．", "%2e"),
      end: fc.constantFrom("", ".", ":8443"),
    })
    .map(({ shifts, writers, dot, end }) => {
      const rest = value % 2 ** (shifts.at(-1) ?? 32);
      const parts = [...shifts.map((shift) => (value >>> shift) & 255), rest];
      return `${parts.map((part, index) => writers[index]?.(part)).join(dot)}${end}`;
    });

/** IPv6 addresses that stand for an IPv4 address. */
const wrappings = ["::ffff:", "0:0:0:0:0:FFFF:", "::", "::ffff:0:", "64:ff9b::", "64:ff9b:1::"];

test("an IPv4 address that is not public is not so in any spelling", () => {
  const spelled = privateIpv4.chain((value) => fc.tuple(fc.constant(value), spellingOf(value)));
  const check = ([value, spelling]: [number, string]) => {
    const quad = quadOf(value);
    // A spelling that the parser does not take would prove nothing.
    expect(new URL(`https://${spelling}`).hostname).toBe(quad);
    expect(parsePublicAddress(`https://${spelling}/v1`)).toBeNull();
    expect(isPublicIp(quad)).toBe(false);
    const hex = `${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`;
    const wrapped = [...wrappings.flatMap((start) => [start + quad, start + hex]), `2002:${hex}::1`];
    for (const text of wrapped) {
      expect(URL.canParse(`https://[${text}]`)).toBe(true);
      expect([text, isPublicIp(text), parsePublicAddress(`https://[${text}]/v1`)]).toEqual([
        text,
        false,
        null,
      ]);
    }
  };
  fc.assert(fc.property(spelled, check), { numRuns: 1000 });
});

test("every other IPv4 address is public in every spelling", () => {
  const value = fc
    .oneof(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.constantFrom(...privateBlocks.flatMap(({ first, last }) => [first - 1, last + 1])),
    )
    .filter((n) => n > 0 && n < 2 ** 32 && !privateBlocks.some(({ first, last }) => first <= n && n <= last));
  const spelled = value.chain((n) => fc.tuple(fc.constant(n), spellingOf(n)));
  const check = ([n, spelling]: [number, string]) => {
    expect(isPublicIp(quadOf(n))).toBe(true);
    expect(parsePublicAddress(`https://${spelling}/v1`)?.hostname).toBe(quadOf(n));
  };
  fc.assert(fc.property(spelled, check), { numRuns: 1000 });
});

test("an IPv6 address is public or not however it is written", () => {
  const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
  const start = fc.oneof(fc.constantFrom(0x1fff, 0x2000, 0x2001, 0x2002, 0x2003, 0x3fff, 0x4000), group);
  const second = fc.oneof(fc.constantFrom(0x1ff, 0x200, 0xdb7, 0xdb8, 0xdb9, 0xfff, 0x1000), group);
  const groups = fc.tuple(start, second, group, group, group, group, group, group);
  const check = (numbers: number[]) => {
    const [a = 0, b = 0, c] = numbers;
    const isSpecial =
      (a === 0x2001 && (b <= 0x1ff || b === 0xdb8)) ||
      a === 0x2002 ||
      (a === 0x3fff && b <= 0xfff) ||
      (a === 0x2620 && b === 0x4f && c === 0x8000);
    const isPublic = a >= 0x2000 && a <= 0x3fff && !isSpecial;
    const whole = numbers.map((number) => number.toString(16).padStart(4, "0")).join(":");
    const [g = 0, h = 0] = numbers.slice(6);
    const withQuad = `${whole.slice(0, 30)}${quadOf(g * 65536 + h)}`;
    const { hostname } = new URL(`https://[${whole}]`);
    for (const text of [whole, whole.toUpperCase(), withQuad, hostname.slice(1, -1)])
      expect([text, isPublicIp(text)]).toEqual([text, isPublic]);
  };
  fc.assert(fc.property(groups, check), { numRuns: 2000 });
});
