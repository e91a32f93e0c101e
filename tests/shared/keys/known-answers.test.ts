import { describe, expect, test } from "vitest";

// What the envelope is built from does what is published about it.
const { subtle } = globalThis.crypto;
const fromHex = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
const toHex = (bytes: ArrayBuffer) => Buffer.from(bytes).toString("hex");
/** The bytes from one to another, as hexadecimal digits. */
const range = (from: number, to: number) =>
  Buffer.from(Uint8Array.from({ length: to - from + 1 }, (_, at) => from + at)).toString("hex");

describe("HKDF-SHA256 gives the answers of RFC 5869, appendix A:", () => {
  test.each([
    {
      name: "A.1",
      ikm: "0b".repeat(22),
      salt: range(0x00, 0x0c),
      info: range(0xf0, 0xf9),
      okm: "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    },
    {
      name: "A.2",
      ikm: range(0x00, 0x4f),
      salt: range(0x60, 0xaf),
      info: range(0xb0, 0xff),
      okm:
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09" +
        "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    },
    {
      name: "A.3",
      ikm: "0b".repeat(22),
      salt: "",
      info: "",
      okm: "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    },
  ])("$name", async ({ ikm, salt, info, okm }) => {
    const root = await subtle.importKey("raw", fromHex(ikm), "HKDF", false, ["deriveBits"]);
    const parameters = { name: "HKDF", hash: "SHA-256", salt: fromHex(salt), info: fromHex(info) };
    expect(toHex(await subtle.deriveBits(parameters, root, okm.length * 4))).toBe(okm);
  });
});

const zeros = "00".repeat(16);
const key = "feffe9928665731c6d6a8f9467308308".repeat(2);
const iv = "cafebabefacedbaddecaf888";
const plaintext =
  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" +
  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255";
const ciphertext =
  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" +
  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad";

describe("AES-256-GCM with an IV of 96 bits gives the answers of the GCM specification, appendix B:", () => {
  test.each([
    {
      name: "test case 13",
      key: zeros.repeat(2),
      iv: zeros.slice(0, 24),
      plaintext: "",
      additional: "",
      ciphertext: "",
      tag: "530f8afbc74536b9a963b4f1c4cb738b",
    },
    {
      name: "test case 14",
      key: zeros.repeat(2),
      iv: zeros.slice(0, 24),
      plaintext: zeros,
      additional: "",
      ciphertext: "cea7403d4d606b6e074ec5d3baf39d18",
      tag: "d0d1c8a799996bf0265b98b5d48ab919",
    },
    {
      name: "test case 15",
      key,
      iv,
      plaintext,
      additional: "",
      ciphertext,
      tag: "b094dac5d93471bdec1a502270e3cc6c",
    },
    {
      name: "test case 16",
      key,
      iv,
      plaintext: plaintext.slice(0, 120),
      additional: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
      ciphertext: ciphertext.slice(0, 120),
      tag: "76fc6ece0f4e1768cddf8853bb2d551b",
    },
  ])("$name", async ({ key, iv, plaintext, additional, ciphertext, tag }) => {
    const aes = await subtle.importKey("raw", fromHex(key), "AES-GCM", false, ["encrypt", "decrypt"]);
    const parameters = { name: "AES-GCM", iv: fromHex(iv), additionalData: fromHex(additional) };
    expect(toHex(await subtle.encrypt(parameters, aes, fromHex(plaintext)))).toBe(ciphertext + tag);
    expect(toHex(await subtle.decrypt(parameters, aes, fromHex(ciphertext + tag)))).toBe(plaintext);
    const forged = fromHex(ciphertext + tag);
    forged[forged.length - 1] = (forged.at(-1) as number) ^ 1;
    await expect(subtle.decrypt(parameters, aes, forged)).rejects.toThrow();
  });
});
