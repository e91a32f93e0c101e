import { generateKeyPairSync, sign } from "node:crypto";
import { encode, type Forge, type Forgery, hmac, join, type Signer } from "./forge.ts";

const made: Signer = () => encode(new Uint8Array(64).fill(1));
const pem = ({ publicKey }: Forge) => publicKey.export({ format: "pem", type: "spki" }).toString();
const point = ({ publicJwk: { x, y } }: Forge) =>
  Buffer.concat([Buffer.from([4]), ...[x, y].map((part) => Buffer.from(String(part), "base64url"))]);

/** By no key at all, or by what everybody knows as if it were a password. */
const keyless: [
  what: string,
  header: (forge: Forge) => Record<string, unknown>,
  signer: (forge: Forge) => Signer,
][] = [
  ...["none", "None", "NONE", "nOnE", "none "].map(
    (alg) => [`its algorithm is "${alg}"`, () => ({ alg }), () => made] satisfies (typeof keyless)[number],
  ),
  ["its algorithm is none, and the project signed that", () => ({ alg: "none" }), ({ bySelf }) => bySelf],
  ["its algorithm is none, and nothing follows", () => ({ alg: "none" }), () => () => ""],
  ["it names no algorithm", () => ({ alg: undefined }), ({ bySelf }) => bySelf],
  ["its algorithm is null", () => ({ alg: null }), ({ bySelf }) => bySelf],
  ["its algorithm is empty", () => ({ alg: "" }), ({ bySelf }) => bySelf],
  ["its algorithm is a list", () => ({ alg: ["ES256"] }), ({ bySelf }) => bySelf],
  ["its algorithm is a number", () => ({ alg: 256 }), ({ bySelf }) => bySelf],
  ["its algorithm is in small letters", () => ({ alg: "es256" }), ({ bySelf }) => bySelf],
  ["it is signed by its own word", () => ({}), () => made],
  ["it is signed with the public key as a password", () => ({ alg: "HS256" }), (forge) => hmac(pem(forge))],
  [
    "it is signed with the public key in one line",
    () => ({ alg: "HS256" }),
    (forge) => hmac(pem(forge).replaceAll(/-----.*?-----|\n/g, "")),
  ],
  [
    "it is signed with the public key without its last line break",
    () => ({ alg: "HS256" }),
    (forge) => hmac(pem(forge).trim()),
  ],
  [
    "it is signed with the bytes of the public key",
    () => ({ alg: "HS256" }),
    ({ publicKey }) => hmac(publicKey.export({ format: "der", type: "spki" })),
  ],
  ["it is signed with the public point", () => ({ alg: "HS256" }), (forge) => hmac(point(forge))],
  [
    "it is signed with half of the public point",
    () => ({ alg: "HS256" }),
    (forge) => hmac(point(forge).subarray(1, 33)),
  ],
  [
    "it is signed with the published key",
    () => ({ alg: "HS256" }),
    ({ publicJwk }) => hmac(JSON.stringify(publicJwk)),
  ],
  [
    "it is signed with the published key set",
    () => ({ alg: "HS256" }),
    ({ publicJwk }) => hmac(JSON.stringify({ keys: [publicJwk] })),
  ],
  ["it is signed with the name of the key", () => ({ alg: "HS256" }), ({ kid }) => hmac(kid)],
  ["it is signed with an empty password", () => ({ alg: "HS256" }), () => hmac("")],
  [
    "it is signed with the public key by HS384",
    () => ({ alg: "HS384" }),
    (forge) => hmac(pem(forge), "sha384"),
  ],
  [
    "it is signed with the public key by HS512",
    () => ({ alg: "HS512" }),
    (forge) => hmac(pem(forge), "sha512"),
  ],
  [
    "it is signed with a password that nobody has",
    () => ({ alg: "HS256", kid: "foreign" }),
    () => hmac("secret"),
  ],
  ...["RS256", "PS256", "ES384", "ES512", "ES256K", "EdDSA", "A128KW", "dir"].map(
    (alg) =>
      [
        `it says ${alg} and is signed by ES256`,
        () => ({ alg }),
        ({ bySelf }) => bySelf,
      ] satisfies (typeof keyless)[number],
  ),
  [
    "a key of another kind signed it",
    () => ({ alg: "EdDSA" }),
    () => {
      const { privateKey } = generateKeyPairSync("ed25519");
      return (input) => encode(sign(null, Buffer.from(input), privateKey));
    },
  ],
];

/** Signed by the forger, who has the verifier look for the key in a place of theirs. */
const foreignKeys: [what: string, header: (forge: Forge) => Record<string, unknown>][] = [
  ["a foreign key signed it", () => ({})],
  ["a foreign key signed it under its own name", () => ({ kid: "foreign" })],
  ["a foreign key signed it, and it names none", () => ({ kid: undefined })],
  ["the name of its key is empty", () => ({ kid: "" })],
  ["the name of its key is null", () => ({ kid: null })],
  ["the name of its key is a number", () => ({ kid: 0 })],
  ["the name of its key is true", () => ({ kid: true })],
  ["the name of its key is a list", ({ kid }) => ({ kid: [kid] })],
  ["the name of its key is an object", ({ kid }) => ({ kid: { kid } })],
  ["the name of its key is a path", () => ({ kid: "../../../../dev/null" })],
  ["the name of its key is SQL", () => ({ kid: "' union select 'AAAA' --" })],
  ["the name of its key is a command", () => ({ kid: "key; sleep 5 |" })],
  ["the name of its key is an address", () => ({ kid: "https://evil.example/key" })],
  ["the name of its key is one that every object has", () => ({ kid: "__proto__" })],
  ["the name of its key is very long", () => ({ kid: "k".repeat(4000) })],
  ["the name of its key is in another alphabet", () => ({ kid: "ключ🔑\u0000" })],
  ["the name of its key has a blank behind", ({ kid }) => ({ kid: `${kid} ` })],
  ["it brings its own key", ({ foreignJwk }) => ({ jwk: foreignJwk })],
  ["it brings its own key under its own name", ({ foreignJwk }) => ({ jwk: foreignJwk, kid: "foreign" })],
  [
    "it brings its own key under the project's name",
    ({ foreignJwk, kid }) => ({ jwk: { ...foreignJwk, kid } }),
  ],
  ["it says where its key is", () => ({ jku: "http://127.0.0.1:1/jwks.json", kid: "foreign" })],
  ["it says where its certificate is", () => ({ x5u: "http://127.0.0.1:1/cert.pem", kid: "foreign" })],
  [
    "it brings its own certificate",
    ({ foreignJwk }) => ({ x5c: [encode(String(foreignJwk.x))], kid: "foreign" }),
  ],
  [
    "it tells the digest of its certificate",
    () => ({ "x5t#S256": encode(new Uint8Array(32)), kid: "foreign" }),
  ],
];

/** Signed by the project, under terms that nobody here knows. */
const terms: [what: string, header: Record<string, unknown>][] = [
  [
    "it makes a term critical that nobody knows",
    { crit: ["http://example.com/term"], "http://example.com/term": 1 },
  ],
  ["it makes its expiry critical", { crit: ["exp"], exp: 9999999999 }],
  ["it makes a term critical that it does not have", { crit: ["missing"] }],
  ["it makes nothing critical", { crit: [] }],
  ["its critical terms are a text", { crit: "kid" }],
  ["its claims are said not to be encoded", { crit: ["b64"], b64: false }],
  ["the project signed it, and it names no key", { kid: undefined }],
];

export const keyForgeries: Forgery[] = [
  ...keyless.map(
    ([what, header, signer]): Forgery => [
      what,
      (forge) => `Bearer ${forge.token({}, header(forge), signer(forge))}`,
    ],
  ),
  ...foreignKeys.map(
    ([what, header]): Forgery => [
      what,
      (forge) => `Bearer ${forge.token({}, header(forge), forge.byForeign)}`,
    ],
  ),
  ...terms.map(([what, header]): Forgery => [what, (forge) => `Bearer ${forge.token({}, header)}`]),
  [
    "it names two keys",
    (forge) =>
      `Bearer ${join(`{"alg":"ES256","kid":"foreign","kid":"${forge.kid}"}`, claims(forge), forge.byForeign)}`,
  ],
  [
    "it names two algorithms, of which one is none",
    (forge) => `Bearer ${join(`{"alg":"ES256","kid":"${forge.kid}","alg":"none"}`, claims(forge), made)}`,
  ],
  ["its header is null", (forge) => `Bearer ${join("null", claims(forge), forge.bySelf)}`],
  ["its header is a list", (forge) => `Bearer ${join("[]", claims(forge), forge.bySelf)}`],
  ["its header is a text", (forge) => `Bearer ${join('"ES256"', claims(forge), forge.bySelf)}`],
  ["its header is no JSON", (forge) => `Bearer ${join("alg=ES256", claims(forge), forge.bySelf)}`],
];

/** Those of a good token, as text. */
function claims({ token }: Forge): string {
  return Buffer.from(String(token().split(".")[1]), "base64url").toString();
}
