import { randomUUID } from "node:crypto";
import { base64url } from "jose";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { errorTable } from "../../../shared/domain/error-table.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { type Person, signUp } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { readMetering, untouched } from "../../support/read-metering.ts";
import { createTokenSigner, type TokenSigner } from "../../support/sign-tokens.ts";

const sql = connectDatabase();
const provider = watchProvider();
const { apiUrl, publishableKey, secretKey } = inject("stack");
const issuer = `${apiUrl}/auth/v1`;
let signer: TokenSigner;
/** Signs like the other, and is not known to the function. */
let stranger: TokenSigner;
let instance: ExtraFunction;
let chats: ReturnType<typeof createChatClient>;
let person: Person;

beforeAll(async () => {
  signer = await createTokenSigner(issuer);
  stranger = await createTokenSigner(issuer);
  instance = await startExtraFunction({ SUPABASE_JWKS: JSON.stringify({ keys: [signer.publicKey] }) });
  chats = createChatClient(instance.url);
  person = await signUp();
});
afterAll(() => instance.stop());

const hourAgo = () => Math.floor(Date.now() / 1000) - 3600;

/** `alg: none`, which the library refuses to make. */
function unsigned(subject: string): string {
  const encode = (value: unknown) => base64url.encode(JSON.stringify(value));
  const claims = {
    iss: issuer,
    aud: "authenticated",
    sub: subject,
    role: "authenticated",
    exp: hourAgo() + 7200,
  };
  return `${encode({ alg: "none", kid: signer.publicKey.kid, typ: "JWT" })}.${encode(claims)}.`;
}

const refused: [what: string, header: (id: string) => Promise<string | undefined> | string | undefined][] = [
  ["no token", () => undefined],
  ["an empty header", () => ""],
  ["another scheme", async (id) => `Basic ${await signer.sign(id)}`],
  ["garbage", () => "Bearer garbage"],
  ["three garbled parts", () => "Bearer a.b.c"],
  ["the publishable key", () => `Bearer ${publishableKey}`],
  ["the secret key", () => `Bearer ${secretKey}`],
  ["an expired token", async (id) => `Bearer ${await signer.sign(id, { claims: { exp: hourAgo() } })}`],
  [
    "a token without an expiry",
    async (id) => `Bearer ${await signer.sign(id, { claims: { exp: undefined } })}`,
  ],
  [
    "a token of later",
    async (id) => `Bearer ${await signer.sign(id, { claims: { nbf: hourAgo() + 7200 } })}`,
  ],
  [
    "another issuer",
    async (id) => `Bearer ${await signer.sign(id, { claims: { iss: "https://evil.example/auth/v1" } })}`,
  ],
  ["no issuer", async (id) => `Bearer ${await signer.sign(id, { claims: { iss: undefined } })}`],
  ["another audience", async (id) => `Bearer ${await signer.sign(id, { claims: { aud: "anon" } })}`],
  ["no audience", async (id) => `Bearer ${await signer.sign(id, { claims: { aud: undefined } })}`],
  ["the role anon", async (id) => `Bearer ${await signer.sign(id, { claims: { role: "anon" } })}`],
  [
    "the role service_role",
    async (id) => `Bearer ${await signer.sign(id, { claims: { role: "service_role" } })}`,
  ],
  ["no role", async (id) => `Bearer ${await signer.sign(id, { claims: { role: undefined } })}`],
  ["a subject that is no UUID", async () => `Bearer ${await signer.sign("admin")}`],
  ["no subject", async () => `Bearer ${await signer.sign("", { claims: { sub: undefined } })}`],
  ["no signature", async (id) => `Bearer ${unsigned(id)}`],
  ["a signature cut off", async (id) => `Bearer ${(await signer.sign(id)).replace(/[^.]*$/, "")}`],
  [
    "another's signature",
    async (id) =>
      `Bearer ${(await signer.sign(randomUUID())).replace(/\.[^.]*\./, `.${(await signer.sign(id)).split(".")[1]}.`)}`,
  ],
  [
    "HS256 signed with the public key",
    async (id) => {
      const key = new TextEncoder().encode(JSON.stringify(signer.publicKey));
      return `Bearer ${await signer.sign(id, { header: { alg: "HS256" }, key })}`;
    },
  ],
  [
    "HS256 signed with the public point",
    async (id) => {
      const key = base64url.decode(`${signer.publicKey.x}`);
      return `Bearer ${await signer.sign(id, { header: { alg: "HS256" }, key })}`;
    },
  ],
  ["an unknown key", async (id) => `Bearer ${await stranger.sign(id)}`],
  [
    "an unknown key under a known name",
    async (id) => `Bearer ${await stranger.sign(id, { header: { kid: String(signer.publicKey.kid) } })}`,
  ],
  [
    "a key that the token brings along",
    async (id) => {
      const { publicKey: jwk } = stranger;
      return `Bearer ${await stranger.sign(id, { header: { jwk, kid: String(jwk.kid) } })}`;
    },
  ],
  [
    "a key that the token knows where to get",
    async (id) => `Bearer ${await stranger.sign(id, { header: { jku: "https://evil.example/jwks.json" } })}`,
  ],
];

test.each(refused)("%s is a 401, the same for all, and nothing else happens", async (_what, makeHeader) => {
  const message = randomUUID();
  const header = await makeHeader(person.userId);
  const authorization: Record<string, string> = header === undefined ? {} : { authorization: header };
  for (const [method, path] of [
    ["POST", ""],
    ["GET", "/conversations"],
    ["DELETE", `/conversations/${randomUUID()}`],
  ] as const) {
    const response = await chats.send(path, {
      method,
      headers: { ...authorization, apikey: publishableKey },
      ...(method === "POST" ? { body: JSON.stringify({ message }) } : {}),
    });
    expect(response.status).toBe(401);
    expect(response.headers.get("x-request-id")).toBeTruthy();
    expect(await response.json()).toEqual({
      error: {
        message: errorTable.unauthorized.message,
        type: "authentication_error",
        param: null,
        code: "unauthorized",
      },
    });
  }
  expect(await readMetering(sql, person.userId)).toEqual(untouched);
  expect(await provider.findCalls(message)).toEqual([]);
});

test("a token that is in order is accepted", async () => {
  const { userId } = await signUp();
  const token = await signer.sign(userId);
  expect((await chats.ask({ token }, { message: "Hello" })).status).toBe(200);
  const inAList = await signer.sign(userId, { claims: { aud: ["other", "authenticated"] } });
  expect((await chats.ask({ token: inAList }, { message: "Hello" })).status).toBe(200);
});

test("a token of a key that was rotated in since the start is accepted", async () => {
  const { token } = await signUp();
  expect((await chats.ask({ token }, { message: "Hello" })).status).toBe(200);
});

test("a token that expires is refused from then on, though it was accepted before", async () => {
  const { userId } = await signUp();
  const now = Math.floor(Date.now() / 1000);
  const token = await signer.sign(userId, { claims: { exp: now + 2 } });
  expect((await chats.request({ token }, "GET", "/conversations")).status).toBe(200);
  await expect
    .poll(async () => (await chats.request({ token }, "GET", "/conversations")).status, { timeout: 10_000 })
    .toBe(401);
});

test("somebody who was deleted is refused, however long their token is good", async () => {
  const { userId, token } = await signUp();
  await sql`delete from auth.users where id = ${userId}`;
  expect((await chats.ask({ token }, { message: "Hello" })).status).toBe(401);
});
