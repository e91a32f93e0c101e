import { exportJWK } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { forgeries } from "../../support/forgeries/all.ts";
import { createForge, type Forge } from "../../support/forgeries/forge.ts";
import { rejectionOf } from "../thrown-by.ts";
import { bearer, createTokenProject, publish } from "./token-project.ts";

let project: Awaited<ReturnType<typeof createTokenProject>>;
let forge: Forge;

beforeAll(async () => {
  project = await createTokenProject();
  forge = createForge({
    signingKey: { ...(await exportJWK(project.key.privateKey)), kid: project.key.jwk.kid },
    issuer: String(project.claims().iss),
    userId: project.userId,
  });
});

/** What a request is told, where keys that are not at hand are looked up: they are not there, either. */
async function refuse(request: Request) {
  const authenticate = project.createChecker({ jwksUrl: await publish([project.key.jwk]) });
  return rejectionOf(authenticate(request));
}

const showing = (authorization: string) => new Request("http://localhost/", { headers: { authorization } });

test("what the forger changes is a token that is accepted", async () => {
  const person = { userId: project.userId, email: null, isAdministrator: false };
  expect(await project.createChecker()(bearer(forge.token()))).toEqual(person);
});

test("there are at least sixty forgeries, and no two are the same", () => {
  expect(forgeries.length).toBeGreaterThanOrEqual(60);
  expect(new Set(forgeries.map(([what]) => what)).size).toBe(forgeries.length);
});

describe("whatever is wrong with a token, the answer is the same:", () => {
  test.each(forgeries)("%s", async (_what, show) => {
    const error = await refuse(showing(show(forge)));
    expect(error.code).toBe("unauthorized");
    // It goes into the log, which anybody could fill.
    expect(error.cause).toBeUndefined();
    expect(error.toBody()).toEqual((await refuse(bearer("no.to.ken"))).toBody());
  });

  test("it has a hundred thousand characters", async () => {
    const token = forge.token({ ballast: "x".repeat(100_000) }, {}, forge.byForeign);
    expect((await refuse(bearer(token))).code).toBe("unauthorized");
  });

  test.each([
    ["no header", {}],
    ["a key in its own header", { apikey: "sb_secret_test" }],
  ])("%s is there at all", async (_what, headers) => {
    const request = new Request("http://localhost/", { headers });
    expect((await refuse(request)).code).toBe("unauthorized");
  });
});
