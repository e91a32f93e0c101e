import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeBase64, decodeBase64Url, encodeBase64, encodeBase64Url } from "../../../shared/keys/base64.ts";

// RFC 4648, section 10, and the two signs in which base64url differs.
test.each([
  ["", "", ""],
  ["f", "Zg==", "Zg"],
  ["fo", "Zm8=", "Zm8"],
  ["foo", "Zm9v", "Zm9v"],
  ["foob", "Zm9vYg==", "Zm9vYg"],
  ["fooba", "Zm9vYmE=", "Zm9vYmE"],
  ["foobar", "Zm9vYmFy", "Zm9vYmFy"],
  ["\xfb\xff", "+/8=", "-_8"],
])("%j is %s in base64 and %s in base64url", (binary, base64, base64Url) => {
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  expect(encodeBase64(bytes)).toBe(base64);
  expect(encodeBase64Url(bytes)).toBe(base64Url);
  expect(decodeBase64(base64)).toEqual(bytes);
  expect(decodeBase64Url(base64Url)).toEqual(bytes);
});

test("any bytes come back, and a text that is read is written the same", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes);
      expect(decodeBase64Url(encodeBase64Url(bytes))).toEqual(bytes);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."AQgw_-+/=") }), (text) => {
      const bytes = decodeBase64(text);
      const urlBytes = decodeBase64Url(text);
      expect([text, null]).toContain(bytes && encodeBase64(bytes));
      expect([text, null]).toContain(urlBytes && encodeBase64Url(urlBytes));
    }),
  );
});

test.each(["Zg", "Zg=", "Zh==", "Zm9=", "Zm9v\n", " Zm9v", "Zm 9v", "Zm9v====", "=", "-_8=", "Zm9vé"])(
  "%j is not canonical base64",
  (text) => {
    expect(decodeBase64(text)).toBeNull();
  },
);

test.each(["Z", "Zg==", "Zh", "Zm9", "Zm9v\n", "+/8", "Zm9vY"])("%j is not canonical base64url", (text) => {
  expect(decodeBase64Url(text)).toBeNull();
});
