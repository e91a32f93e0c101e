import { expect, test } from "vitest";
import { createModels } from "../../../shared/database/models.ts";
import { rejectionOf } from "../thrown-by.ts";
import { startDatabase } from "./start-database.ts";

const row = (id: string) => ({
  id,
  name: "GPT-4o mini",
  created_at: "2026-11-20T11:00:00+00:00",
  context_tokens: 128_000,
  max_output_tokens: 16_384,
  input_modalities: ["text", "image"],
  output_modalities: ["text"],
  supported_parameters: ["temperature", "tools"],
});
const model = (id: string) => ({
  id,
  name: "GPT-4o mini",
  createdAt: "2026-11-20T11:00:00+00:00",
  contextTokens: 128_000,
  maxOutputTokens: 16_384,
  inputModalities: ["text", "image"],
  outputModalities: ["text"],
  supportedParameters: ["temperature", "tools"],
});

test("a person is told of the models of their own plan, in the order of the database", async () => {
  const { database, calls } = await startDatabase(() => ({ body: ["b", "a"].map(row) }));
  expect(await createModels(database).list("user-1")).toEqual(["b", "a"].map(model));
  expect(calls).toEqual([{ name: "list_models", body: { user_id: "user-1" } }]);
});

test("a plan may have no model", async () => {
  const { database } = await startDatabase(() => ({ body: [] }));
  expect(await createModels(database).list("user-1")).toEqual([]);
});

test("one model is found by its id", async () => {
  const { database, calls } = await startDatabase(({ body }) => ({ body: [row(String(body.model_id))] }));
  expect(await createModels(database).find("user-1", "openai/gpt-4o-mini")).toEqual(
    model("openai/gpt-4o-mini"),
  );
  expect(calls).toEqual([
    { name: "list_models", body: { user_id: "user-1", model_id: "openai/gpt-4o-mini" } },
  ]);
});

test("a model that there is not, or not for this plan, is not found", async () => {
  const { database } = await startDatabase(() => ({ body: [] }));
  const error = await rejectionOf(createModels(database).find("user-1", "openai/o99"));
  expect(error.toBody().error).toMatchObject({ code: "model_not_found", param: "model" });
});

test("a database that is away is no empty list", async () => {
  const { database } = await startDatabase(() => ({
    status: 503,
    body: { code: "PGRST001", message: "down" },
  }));
  expect((await rejectionOf(createModels(database).list("user-1"))).code).toBe("database_unavailable");
});
