import { randomUUID } from "node:crypto";
import { encode, type Forge, type Forgery, nowSeconds, split } from "./forge.ts";

/** A good token, but for its signature. */
function withSignature(forge: Forge, change: (signature: Buffer) => Uint8Array): string {
  const [header, payload, signature] = split(forge.token());
  return `${header}.${payload}.${encode(change(Buffer.from(signature, "base64url")))}`;
}

/** The order of the curve P-256: what r and s are less than. */
const order = Buffer.from("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", "hex");

const signatures: [what: string, token: (forge: Forge) => string][] = [
  ["its signature is missing", (forge) => forge.token().replace(/[^.]+$/, "")],
  ["its signature is cut off", (forge) => withSignature(forge, (bytes) => bytes.subarray(0, 63))],
  ["its signature is half of one", (forge) => withSignature(forge, (bytes) => bytes.subarray(0, 32))],
  [
    "its signature has a byte more",
    (forge) => withSignature(forge, (bytes) => Buffer.concat([bytes, Buffer.alloc(1)])),
  ],
  ["its signature is there twice", (forge) => withSignature(forge, (bytes) => Buffer.concat([bytes, bytes]))],
  [
    "a bit of its signature is another",
    (forge) => withSignature(forge, (bytes) => bytes.fill(Number(bytes[20]) ^ 1, 20, 21)),
  ],
  [
    "the halves of its signature have changed places",
    (forge) => withSignature(forge, (bytes) => Buffer.concat([bytes.subarray(32), bytes.subarray(0, 32)])),
  ],
  ["its signature is nothing but zeros", (forge) => withSignature(forge, () => Buffer.alloc(64))],
  ["its signature is nothing but ones", (forge) => withSignature(forge, () => Buffer.alloc(64, 255))],
  [
    "its signature is the order of the curve",
    (forge) => withSignature(forge, () => Buffer.concat([order, order])),
  ],
  [
    "its signature is that of another token",
    (forge) => {
      const [header, payload] = split(forge.token());
      return `${header}.${payload}.${split(forge.token({ sub: randomUUID() }))[2]}`;
    },
  ],
  [
    "its claims were changed",
    (forge) => {
      const [header, , signature] = split(forge.token());
      return `${header}.${split(forge.token({ sub: randomUUID() }))[1]}.${signature}`;
    },
  ],
  [
    "its header was changed",
    (forge) => {
      const [, payload, signature] = split(forge.token());
      return `${split(forge.token({}, { typ: "jwt" }))[0]}.${payload}.${signature}`;
    },
  ],
  [
    "a person makes themselves an administrator",
    (forge) => {
      const [header, , signature] = split(forge.token());
      return `${header}.${split(forge.token({ app_metadata: { role: "admin" } }))[1]}.${signature}`;
    },
  ],
];

/** Of a good token, which would be accepted if it were shown as it is. */
const texts: [what: string, token: (parts: [string, string, string], good: string) => string][] = [
  ["it is nothing", () => ""],
  ["it is dots", () => ".."],
  ["it is no token", () => "AAAA.BBBB.CCCC"],
  ["it is one part", ([header]) => header],
  ["it is two parts", ([header, payload]) => `${header}.${payload}`],
  ["it is four parts", (_parts, good) => `${good}.AAAA`],
  [
    "it is five parts, as if it were encrypted",
    ([header, payload, signature]) => `${header}.AAAA.${payload}.AAAA.${signature}`,
  ],
  ["it has a dot before", (_parts, good) => `.${good}`],
  ["it has no claims", ([header, , signature]) => `${header}..${signature}`],
  [
    "header and claims have changed places",
    ([header, payload, signature]) => `${payload}.${header}.${signature}`,
  ],
  ["its header is padded", ([header, payload, signature]) => `${header}=.${payload}.${signature}`],
  ["its claims are padded", ([header, payload, signature]) => `${header}.${payload}=.${signature}`],
  ["its signature is padded", (_parts, good) => `${good}==`],
  [
    "its header is not encoded",
    ([header, payload, signature]) => `${Buffer.from(header, "base64url")}.${payload}.${signature}`,
  ],
  [
    "its claims are not encoded",
    ([header, payload, signature]) => `${header}.${Buffer.from(payload, "base64url")}.${signature}`,
  ],
  ["there is a blank in it", ([header, payload, signature]) => `${header}. ${payload}.${signature}`],
  ["there is a tab in it", ([header, payload, signature]) => `${header}.${payload}\t.${signature}`],
  [
    "it has no letter of ours in it",
    ([header, payload, signature]) => `${header}.${payload}.${signature}\u00e9`,
  ],
  ["it is in quotes", (_parts, good) => `"${good}"`],
  ["its dots are written as in an address", (_parts, good) => good.replaceAll(".", "%2E")],
  ["it is encoded once more", (_parts, good) => encode(good)],
  ["it is there twice", (_parts, good) => `${good} ${good}`],
  ["it is there twice, with a comma", (_parts, good) => `${good},${good}`],
  ["it has its scheme twice", (_parts, good) => `Bearer ${good}`],
];

/** The whole header, with a good token. */
const schemes: [what: string, header: (good: string) => string][] = [
  ["it has no scheme", (good) => good],
  ["its scheme is Basic", (good) => `Basic ${good}`],
  [
    "its scheme is Basic, and it is a password",
    (good) => `Basic ${Buffer.from(`user:${good}`).toString("base64")}`,
  ],
  ["its scheme is Token", (good) => `Token ${good}`],
  ["its scheme is DPoP", (good) => `DPoP ${good}`],
  ["its scheme ends like ours", (good) => `XBearer ${good}`],
  ["its scheme has a comma behind", (good) => `Bearer, ${good}`],
  ["its scheme has a colon behind", (good) => `Bearer: ${good}`],
  ["nothing is between scheme and token", (good) => `Bearer${good}`],
  ["two blanks are between scheme and token", (good) => `Bearer  ${good}`],
  ["a tab is between scheme and token", (good) => `Bearer\t${good}`],
  ["another scheme follows", (good) => `Bearer ${good}, Basic dXNlcjpwYXNz`],
  ["another scheme comes first", (good) => `Basic dXNlcjpwYXNz, Bearer ${good}`],
];

export const shapeForgeries: Forgery[] = [
  ...signatures.map(([what, token]): Forgery => [what, (forge) => `Bearer ${token(forge)}`]),
  ["its signature is DER", (forge) => `Bearer ${forge.token({}, {}, forge.bySelfAsDer)}`],
  ["its signature is of another digest", (forge) => `Bearer ${forge.token({}, {}, forge.bySelfOverSha384)}`],
  ...texts.map(
    ([what, token]): Forgery => [
      what,
      (forge) => {
        const good = forge.token();
        return `Bearer ${token(split(good), good)}`;
      },
    ],
  ),
  ...schemes.map(([what, header]): Forgery => [what, (forge) => header(forge.token())]),
  [
    "it is long, and a foreign key signed it",
    (forge) => `Bearer ${forge.token({ ballast: "x".repeat(8000) }, {}, forge.byForeign)}`,
  ],
  [
    "it has expired, and its scheme is in small letters",
    (forge) => `bearer ${forge.token({ exp: nowSeconds() - 60 })}`,
  ],
];
