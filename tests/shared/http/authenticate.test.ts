import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { rejectionOf } from "../thrown-by.ts";
import { bearer, createSigningKey, createTokenProject, nowSeconds, publish } from "./token-project.ts";

let project: Awaited<ReturnType<typeof createTokenProject>>;

beforeAll(async () => {
  project = await createTokenProject();
});

describe("a token of the project", () => {
  test("says who calls", async () => {
    expect(await project.createChecker()(bearer(await project.sign()))).toEqual({
      userId: project.userId,
      email: null,
      isAdministrator: false,
    });
  });

  test("may be signed with RS256", async () => {
    const rsa = await createSigningKey("rsa-key", "RS256");
    const authenticate = project.createChecker({ jwks: { keys: [{ ...rsa.jwk }] } });
    const token = await project.sign({}, { kid: "rsa-key" }, rsa);
    expect(await authenticate(bearer(token))).toEqual({
      userId: project.userId,
      email: null,
      isAdministrator: false,
    });
  });

  test("may name several audiences, and its scheme may be written in any case", async () => {
    const token = await project.sign({ aud: ["other", "authenticated"] });
    const request = new Request("http://localhost/", { headers: { authorization: `bearer ${token}` } });
    expect(await project.createChecker()(request)).toEqual({
      userId: project.userId,
      email: null,
      isAdministrator: false,
    });
  });

  test("is told from another's, also when both come at once", async () => {
    const authenticate = project.createChecker();
    const ids = Array.from({ length: 20 }, () => randomUUID());
    const tokens = await Promise.all(ids.map((sub) => project.sign({ sub })));
    for (let round = 0; round < 2; round++) {
      const callers = await Promise.all(tokens.map((token) => authenticate(bearer(token))));
      expect(callers.map((caller) => caller.userId)).toEqual(ids);
    }
  });
});

describe("the outcome for one exact token", () => {
  /** A checker whose key set can be taken away, so that what it remembers can be told from what it checks. */
  function createForgetfulChecker(now: () => number) {
    const jwks = { keys: [{ ...project.key.jwk }] as Record<string, unknown>[] };
    return { authenticate: project.createChecker({ jwks }, now), loseKeys: () => jwks.keys.splice(0) };
  }

  test("is remembered until the token expires, and not a moment longer", async () => {
    const exp = nowSeconds() + 3600;
    const clock = { time: Date.now() };
    const { authenticate, loseKeys } = createForgetfulChecker(() => clock.time);
    const token = await project.sign({ exp });
    await authenticate(bearer(token));
    loseKeys();

    clock.time = exp * 1000 - 1;
    expect(await authenticate(bearer(token))).toEqual({
      userId: project.userId,
      email: null,
      isAdministrator: false,
    });
    clock.time = exp * 1000;
    expect((await rejectionOf(authenticate(bearer(token)))).code).toBe("authentication_unavailable");
  });

  test("says nothing of any other token, not even of one with the same claims", async () => {
    const { authenticate, loseKeys } = createForgetfulChecker(Date.now);
    const token = await project.sign();
    await authenticate(bearer(token));
    loseKeys();
    expect((await rejectionOf(authenticate(bearer(await project.sign())))).code).toBe(
      "authentication_unavailable",
    );
    expect(await authenticate(bearer(token))).toEqual({
      userId: project.userId,
      email: null,
      isAdministrator: false,
    });
  });

  test("is not remembered where it was refused", async () => {
    const jwks = { keys: [] as Record<string, unknown>[] };
    const authenticate = project.createChecker({ jwks });
    const token = await project.sign();
    expect((await rejectionOf(authenticate(bearer(token)))).code).toBe("authentication_unavailable");
    jwks.keys.push({ ...project.key.jwk });
    expect(await authenticate(bearer(token))).toEqual({
      userId: project.userId,
      email: null,
      isAdministrator: false,
    });
  });
});

describe("keys are looked up where the project publishes them", () => {
  test("when the deployment came with none", async () => {
    const authenticate = project.createChecker({ jwks: null, jwksUrl: await publish([project.key.jwk]) });
    expect(await authenticate(bearer(await project.sign()))).toEqual({
      userId: project.userId,
      email: null,
      isAdministrator: false,
    });
    const foreign = await createSigningKey("foreign-key");
    expect((await rejectionOf(authenticate(bearer(await project.sign({}, {}, foreign))))).code).toBe(
      "unauthorized",
    );
  });

  test("when a key was rotated in after the deployment", async () => {
    const next = await createSigningKey("next-key");
    const authenticate = project.createChecker({ jwksUrl: await publish([project.key.jwk, next.jwk]) });
    const token = await project.sign({}, { kid: "next-key" }, next);
    expect(await authenticate(bearer(token))).toEqual({
      userId: project.userId,
      email: null,
      isAdministrator: false,
    });
    expect(await authenticate(bearer(await project.sign()))).toEqual({
      userId: project.userId,
      email: null,
      isAdministrator: false,
    });
  });

  test("and while they cannot be fetched, a token that needs them is not called wrong", async () => {
    const token = await project.sign({}, { kid: "next-key" }, await createSigningKey("next-key"));
    const error = await rejectionOf(project.createChecker()(bearer(token)));
    expect(error.code).toBe("authentication_unavailable");
    expect(error.status).toBe(503);
  });
});
