import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { createModelsClient, type ListBody } from "../../support/models-client.ts";
import { signUp, signUpCaller } from "../../support/people.ts";

const sql = connectDatabase();
const models = createModelsClient();
const { publishableKey } = inject("stack");
let forVisitors: ExtraFunction;
beforeAll(async () => {
  forVisitors = await startExtraFunction({ MODELS_FOR_VISITORS: "true" }, "models");
});
afterAll(() => forVisitors.stop());

test("with the setting visitors see what the default plan has, also with the key that the app has for all", async () => {
  const open = createModelsClient(forVisitors.url);
  const free = await signUp();
  const { body } = await models.list(free);
  for (const headers of [{}, { authorization: `Bearer ${publishableKey}` }] as Record<string, string>[]) {
    const answer = await open.get<ListBody>("", { headers });
    expect(answer.headers.get("cache-control")).toBe("public, max-age=60");
    expect(answer.body.models.map(({ id }) => id)).toEqual(body.models.map(({ id }) => id));
    expect(answer.body.defaultModel).toBe(body.defaultModel);
  }
  // A token that is wrong is no visitor.
  const caller = await signUpCaller(sql);
  expect((await open.get("", { token: "a.b.c" })).status).toBe(401);
  expect((await open.list(caller)).body.models.map(({ id }) => id)).toEqual([caller.modelId]);
  expect((await open.get(`/${caller.modelId}`)).status).toBe(404);
});
