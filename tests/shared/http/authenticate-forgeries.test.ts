import { createHmac, randomUUID } from "node:crypto";
import { exportSPKI } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { rejectionOf } from "../thrown-by.ts";
import {
  bearer,
  createSigningKey,
  createTokenProject,
  nowSeconds,
  publish,
  type SigningKey,
} from "./token-project.ts";

let project: Awaited<ReturnType<typeof createTokenProject>>;
let foreign: SigningKey;

beforeAll(async () => {
  project = await createTokenProject();
  foreign = await createSigningKey("foreign-key");
});

/** A token whose parts are written by hand. */
function forge(header: object, payload: object, signature: (input: string) => string): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${signature(input)}`;
}

describe("whatever is wrong with a token, the answer is the same:", () => {
  const forgeries: [what: string, make: () => Promise<string> | string][] = [
    ["it has expired", () => project.sign({ exp: nowSeconds() - 60 })],
    ["it never expires", () => project.sign({ exp: undefined })],
    ["it is not valid yet", () => project.sign({ nbf: nowSeconds() + 3600 })],
    ["another project issued it", () => project.sign({ iss: "https://other.supabase.co/auth/v1" })],
    ["nobody issued it", () => project.sign({ iss: undefined })],
    ["it is for another audience", () => project.sign({ aud: "anon" })],
    ["it is for nobody", () => project.sign({ aud: undefined })],
    ["its role is anon", () => project.sign({ role: "anon" })],
    ["its role is service_role", () => project.sign({ role: "service_role" })],
    ["it has no role", () => project.sign({ role: undefined })],
    ["its subject is no id", () => project.sign({ sub: "admin" })],
    ["its subject is an id and more", () => project.sign({ sub: `${project.userId}\n` })],
    ["it has no subject", () => project.sign({ sub: undefined })],
    ["a foreign key signed it", () => project.sign({}, {}, foreign)],
    ["a foreign key signed it under its own name", () => project.sign({}, { kid: "foreign-key" }, foreign)],
    ["it names no key", () => project.sign({}, { kid: undefined })],
    ["it brings its own key", () => project.sign({}, { jwk: foreign.jwk }, foreign)],
    ["it says where its key is", () => project.sign({}, { jku: "http://127.0.0.1:1/jwks.json" }, foreign)],
    ["it is not signed", () => forge({ alg: "none", kid: "project-key" }, project.claims(), () => "AAAA")],
    [
      "it is signed by its own word",
      () => forge({ alg: "ES256", kid: "project-key" }, project.claims(), () => "AAAA"),
    ],
    [
      "it is signed with the public key as a password",
      async () => {
        const pem = await exportSPKI(project.key.publicKey);
        return forge({ alg: "HS256", kid: "project-key" }, project.claims(), (input) =>
          createHmac("sha256", pem).update(input).digest("base64url"),
        );
      },
    ],
    [
      "it is signed with the published key as a password",
      () =>
        forge({ alg: "HS256", kid: "project-key" }, project.claims(), (input) =>
          createHmac("sha256", JSON.stringify(project.key.jwk)).update(input).digest("base64url"),
        ),
    ],
    [
      "its claims were changed",
      async () => {
        const [header, , signature] = (await project.sign()).split(".");
        const payload = Buffer.from(JSON.stringify({ ...project.claims(), sub: randomUUID() })).toString(
          "base64url",
        );
        return `${header}.${payload}.${signature}`;
      },
    ],
    ["its signature is missing", async () => (await project.sign()).replace(/[^.]+$/, "")],
    ["it is cut off", async () => (await project.sign()).slice(0, -10)],
    ["it is no token", () => "AAAA.BBBB.CCCC"],
    ["it is an API key", () => "sb_publishable_0123456789abcdef"],
    ["it is nothing", () => ""],
  ];

  test.each(forgeries)("%s", async (_what, make) => {
    const checker = project.createChecker({ jwksUrl: await publish([project.key.jwk]) });
    const error = await rejectionOf(checker(bearer(await make())));
    expect(error.code).toBe("unauthorized");
    expect(error.cause).toBeUndefined();
    expect(error.toBody()).toEqual(
      (await rejectionOf(project.createChecker()(bearer("no.to.ken")))).toBody(),
    );
  });

  test.each([
    ["no header", {}],
    ["another scheme", { authorization: "Basic dXNlcjpwYXNzd29yZA==" }],
    ["a key in its own header", { apikey: "sb_secret_test" }],
  ])("%s is there at all", async (_what, headers) => {
    const request = new Request("http://localhost/", { headers });
    expect((await rejectionOf(project.createChecker()(request))).code).toBe("unauthorized");
  });

  test("a token without its scheme, or with more behind it", async () => {
    const token = await project.sign();
    for (const authorization of [token, `Bearer ${token} ${token}`, `Bearer, ${token}`, `XBearer ${token}`]) {
      const request = new Request("http://localhost/", { headers: { authorization } });
      expect((await rejectionOf(project.createChecker()(request))).code).toBe("unauthorized");
    }
  });
});
