import { type Forge, type Forgery, join, nowSeconds } from "./forge.ts";

/** Signed by the project itself, which would not say so: only what is claimed is wrong. */
const wrongClaims: [what: string, claims: (forge: Forge) => Record<string, unknown>][] = [
  ["it has expired", () => ({ exp: nowSeconds() - 1 })],
  ["it expired at the epoch", () => ({ exp: 0 })],
  ["it expired before the epoch", () => ({ exp: -1 })],
  ["it never expires", () => ({ exp: undefined })],
  ["its expiry is null", () => ({ exp: null })],
  ["its expiry is a text", () => ({ exp: String(nowSeconds() + 600) })],
  ["its expiry is a list", () => ({ exp: [nowSeconds() + 600] })],
  ["it is not valid yet", () => ({ nbf: nowSeconds() + 600 })],
  ["the time from which it is valid is a text", () => ({ nbf: "0" })],
  ["the time at which it was issued is a text", () => ({ iat: "now" })],
  ["the time at which it was issued is null", () => ({ iat: null })],
  ["nobody issued it", () => ({ iss: undefined })],
  ["null issued it", () => ({ iss: null })],
  ["another project issued it", () => ({ iss: "https://other.supabase.co/auth/v1" })],
  ["its issuer has a slash behind", ({ issuer }) => ({ iss: `${issuer}/` })],
  ["its issuer has a blank behind", ({ issuer }) => ({ iss: `${issuer} ` })],
  ["its issuer is a longer host", ({ issuer }) => ({ iss: `${issuer}.evil.example` })],
  ["its issuer is in capitals", ({ issuer }) => ({ iss: issuer.toUpperCase() })],
  ["its issuer is one of a list", ({ issuer }) => ({ iss: [issuer, "https://evil.example"] })],
  ["it is for nobody", () => ({ aud: undefined })],
  ["it is for null", () => ({ aud: null })],
  ["it is for another audience", () => ({ aud: "anon" })],
  ["its audience is in capitals", () => ({ aud: "AUTHENTICATED" })],
  ["its audience has a blank behind", () => ({ aud: "authenticated " })],
  ["its audiences are others", () => ({ aud: ["anon", "service_role"] })],
  ["its audiences are none", () => ({ aud: [] })],
  ["its audience is an object", () => ({ aud: { authenticated: true } })],
  ["it has no subject", () => ({ sub: undefined })],
  ["its subject is null", () => ({ sub: null })],
  ["its subject is empty", () => ({ sub: "" })],
  ["its subject is no id", () => ({ sub: "admin" })],
  ["its subject is a number", () => ({ sub: 1 })],
  ["its subject is a list", ({ userId }) => ({ sub: [userId] })],
  ["its subject is an object", ({ userId }) => ({ sub: { id: userId } })],
  ["its subject is in capitals", ({ userId }) => ({ sub: userId.toUpperCase() })],
  ["its subject has a blank before", ({ userId }) => ({ sub: ` ${userId}` })],
  ["its subject has a line break behind", ({ userId }) => ({ sub: `${userId}\n` })],
  ["its subject is in braces", ({ userId }) => ({ sub: `{${userId}}` })],
  ["its subject has no hyphens", ({ userId }) => ({ sub: userId.replaceAll("-", "") })],
  ["its subject is two ids", ({ userId }) => ({ sub: `${userId},${userId}` })],
  ["it has no role", () => ({ role: undefined })],
  ["its role is null", () => ({ role: null })],
  ["its role is anon", () => ({ role: "anon" })],
  ["its role is service_role", () => ({ role: "service_role" })],
  ["its role is in capitals", () => ({ role: "AUTHENTICATED" })],
  ["its role is one of a list", () => ({ role: ["authenticated"] })],
];

/** The claims of a good token as text, with one put in the place of another. */
function replaceClaim({ userId, issuer }: Forge, exp: string): string {
  return `{"iss":"${issuer}","aud":"authenticated","sub":"${userId}","role":"authenticated","exp":${exp}}`;
}

/** Signed by the project itself, with claims that JSON.stringify would not write. */
const writtenClaims: [what: string, text: (forge: Forge) => string][] = [
  ["its expiry is not a number of JSON", (forge) => replaceClaim(forge, "NaN")],
  ["its expiry is beyond all numbers", (forge) => replaceClaim(forge, "1e400")],
  [
    "it says first that it is good, and then that it has expired",
    (forge) => replaceClaim(forge, '9999999999,"exp":1'),
  ],
  ["its claims are a list", (forge) => `[${replaceClaim(forge, "9999999999")}]`],
  ["its claims are a text", (forge) => JSON.stringify(replaceClaim(forge, "9999999999"))],
  ["its claims are null", () => "null"],
  ["its claims are no JSON", () => "iss=us"],
  ["its claims are another token", (forge) => forge.token()],
];

export const claimForgeries: Forgery[] = [
  ...wrongClaims.map(([what, claims]): Forgery => [what, (forge) => `Bearer ${forge.token(claims(forge))}`]),
  ...writtenClaims.map(
    ([what, text]): Forgery => [
      what,
      (forge) =>
        `Bearer ${join(JSON.stringify({ alg: "ES256", kid: forge.kid }), text(forge), forge.bySelf)}`,
    ],
  ),
];
