import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { type Person, signUp } from "../../support/people.ts";
import { makeSecret } from "../../support/secrets.ts";

const { secretKey } = inject("stack");
const jobSecret = makeSecret("job secret");
let instance: ExtraFunction;
let person: Person;

beforeAll(async () => {
  // An address that nothing answers at: nothing here comes so far.
  const settings = {
    JOB_SECRET: jobSecret,
    OPENROUTER_BASE_URL: "http://127.0.0.1:9/api/v1",
    OPENAI_API_KEY: "",
  };
  instance = await startExtraFunction(settings, "sync-models");
  person = await signUp();
});
afterAll(() => instance.stop());

async function call(
  authorization: string | null = `Bearer ${jobSecret}`,
  { body = "{}", method = "POST", headers = {} } = {},
) {
  const response = await fetch(instance.url, {
    method,
    headers: { ...headers, ...(authorization === null ? {} : { authorization }) },
    ...(method === "GET" ? {} : { body }),
  });
  const answer = (await response.json()) as { error: { code: string; param: string | null } };
  return { status: response.status, headers: response.headers, body: answer };
}

test.each([
  ["nobody", () => ({ authorization: null }), 401, "unauthorized"],
  [
    "somebody who is no administrator",
    () => ({ authorization: `Bearer ${person.token}` }),
    403,
    "administrators_only",
  ],
  ["a wrong secret", () => ({ authorization: `Bearer ${jobSecret}x` }), 401, "unauthorized"],
  ["a service", () => ({ authorization: null, headers: { apikey: secretKey } }), 401, "unauthorized"],
])("%s may not", async (_, sent, status, code) => {
  const { authorization, headers } = { headers: {}, ...sent() };
  const answered = await call(authorization, { headers });
  expect([answered.status, answered.body.error.code]).toEqual([status, code]);
});

test.each([
  ["an unknown source", '{"source":"azure"}', 400, "invalid_request", "source"],
  ["a source without a key", '{"source":"openai"}', 503, "not_configured", "source"],
  ["an unknown field", '{"force":true}', 400, "invalid_request", "force"],
  ["no JSON", "{", 400, "invalid_json", null],
])("%s is refused, and nothing begins", async (_, body, status, code, param) => {
  const answered = await call(undefined, { body });
  expect([answered.status, answered.body.error.code, answered.body.error.param]).toEqual([
    status,
    code,
    param,
  ]);
  expect(instance.lines.filter((line) => line.includes('"model_sync"'))).toEqual([]);
});

test("another method is a 405", async () => {
  const { status, headers } = await call(undefined, { method: "GET" });
  expect([status, headers.get("allow")]).toEqual([405, "POST"]);
});
