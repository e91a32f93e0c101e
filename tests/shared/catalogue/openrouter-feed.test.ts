import { expect, test } from "vitest";
import { FeedError } from "../../../shared/catalogue/feed.ts";
import { readOpenRouterFeed } from "../../../shared/catalogue/openrouter-feed.ts";
import { listedModel } from "../../support/model-lists.ts";

const pricing = (fields: Record<string, unknown>) => ({
  pricing: { prompt: "0.000001", completion: "0.000004", ...fields },
});
const reasonFor = (entry: unknown) => readOpenRouterFeed([listedModel("good"), entry]).quarantined;

test("everything that is listed about a model is read", () => {
  const { models, routes, listed, quarantined } = readOpenRouterFeed({
    data: [
      listedModel("vendor/model:free", {
        canonical_slug: "vendor/model-2026",
        hugging_face_id: "Vendor/Model",
        architecture: {
          ...{
            modality: "text+image->text",
            input_modalities: ["text", "image", "text"],
            output_modalities: ["text"],
          },
          ...{ tokenizer: "Llama3", instruct_type: "llama3" },
        },
        pricing: { prompt: "0.00000008333333333333334", completion: "0", web_search: "0.01", discount: 0.5 },
        top_provider: { context_length: 4000, max_completion_tokens: 9000, is_moderated: true },
        supported_parameters: ["tools", "max_tokens"],
        default_parameters: { temperature: 0.3, top_p: null },
        knowledge_cutoff: "2026-03-31",
        expiration_date: "2027-01-31T00:00:00Z",
        something_new: { of: "which we know nothing" },
      }),
    ],
  });
  expect({ listed, quarantined }).toEqual({ listed: 1, quarantined: [] });
  expect(models).toEqual([
    {
      ...{ id: "vendor/model:free", name: "Model vendor/model:free", description: "Answers." },
      ...{ canonical_slug: "vendor/model-2026", hugging_face_id: "Vendor/Model" },
      // No answer is longer than the context.
      ...{ context_tokens: 8000, max_output_tokens: 8000 },
      ...{ modality: "text+image->text", input_modalities: ["image", "text"], output_modalities: ["text"] },
      ...{ tokenizer: "Llama3", instruct_type: "llama3" },
      listed_price: {
        prompt: "0.00000008333333333333334",
        completion: "0",
        web_search: "0.01",
        discount: 0.5,
      },
      ...{
        supported_parameters: ["max_tokens", "tools"],
        default_parameters: { temperature: 0.3, top_p: null },
      },
      ...{ is_moderated: true, knowledge_cutoff: "2026-03-31", released_at: "2025-06-15T15:06:40.000Z" },
      expires_on: "2027-01-31",
    },
  ]);
  expect(routes).toMatchObject([
    {
      ...{ model_id: "vendor/model:free", upstream_model: "vendor/model:free", context_tokens: 4000 },
      price: {
        input_usd: "0.00000008333333333333334",
        cache_write_usd: "0.00000008333333333333334",
        output_usd: "0",
      },
    },
  ]);
});

test.each([
  ["a negative price", listedModel("bad", pricing({ prompt: "-1" })), "pricing.prompt is negative"],
  ["a negative zero", listedModel("bad", pricing({ request: "-0" })), "pricing.request is negative"],
  [
    "an absurd price",
    listedModel("bad", pricing({ completion: "1" })),
    "pricing.completion is absurd: 1 USD a token or more",
  ],
  [
    "a price that is not finite",
    listedModel("bad", pricing({ completion: "Infinity" })),
    "pricing.completion must be a decimal number",
  ],
  [
    "a price that is a number",
    listedModel("bad", pricing({ prompt: 0.000001 })),
    "pricing.prompt must be a text",
  ],
  [
    "a price of a thousand zeros",
    listedModel("bad", pricing({ prompt: "1e-16000" })),
    "pricing.prompt must be a decimal number",
  ],
  [
    "a condition of its price that is not known",
    listedModel("bad", pricing({ overrides: [{ prompt: "0.1", weekday: 3 }] })),
    "pricing.overrides.0 has an unknown field: weekday",
  ],
  ["no price", listedModel("bad", { pricing: {} }), "pricing.prompt is missing"],
  ["an endless id", listedModel("x".repeat(201)), "id must have at most 200 characters"],
  ["no id", { ...listedModel("bad"), id: undefined }, "id is missing"],
  ["no name", listedModel("bad", { name: undefined }), "name is missing"],
  ["a context of nothing", listedModel("bad", { context_length: 0 }), "context_length must be at least 1"],
  ["a context in words", listedModel("bad", { context_length: "8k" }), "context_length must be a number"],
  ["no modalities", listedModel("bad", { architecture: {} }), "architecture.input_modalities is missing"],
  ["a NUL character", listedModel("bad", { name: "a\u0000b" }), "name contains a NUL character: remove it"],
  [
    "half a surrogate pair",
    listedModel("bad", { description: "\ud800" }),
    "description contains half of a surrogate pair: send whole characters",
  ],
  [
    "defaults that cannot be stored",
    listedModel("bad", { default_parameters: { stop: "\u0000" } }),
    "default_parameters has characters that cannot be stored: NUL, or half of a surrogate pair",
  ],
  ["nothing", null, "the model must be an object"],
  ["a text", "bad", "the model must be an object"],
])("a model with %s is quarantined with the reason, and the others are read", (_, entry, reason) => {
  expect(reasonFor(entry)).toEqual([{ id: expect.any(String), reason }]);
});

test("a date that there cannot be tells nothing", () => {
  const { models } = readOpenRouterFeed([
    listedModel("one", { knowledge_cutoff: "0000-01-01", expiration_date: "soon" }),
  ]);
  expect(models).toMatchObject([{ knowledge_cutoff: null, expires_on: null }]);
});

test("of a model that is listed twice the first one counts", () => {
  const { models, quarantined } = readOpenRouterFeed([
    listedModel("one", { name: "First" }),
    listedModel("one"),
  ]);
  expect(models.map(({ name }) => name)).toEqual(["First"]);
  expect(quarantined).toEqual([{ id: "one", reason: "is listed twice: the first one counts" }]);
});

test("an id that cannot be stored is made so for the log", () => {
  expect(reasonFor({ ...listedModel("x"), id: `\u0000\ud800${"y".repeat(300)}` })).toEqual([
    { id: `��${"y".repeat(198)}`, reason: expect.any(String) },
  ]);
});

test.each([
  ["nothing", null, "is missing"],
  ["a text", "<html>", "is missing"],
  ["an error", { error: { message: "overloaded" } }, "is missing"],
  ["an object of models", { data: { one: listedModel("one") } }, "must be a list"],
  ["an empty list", { data: [] }, "is empty"],
  ["a list without a valid model", [1, 2], "None of the 2 models that are listed is valid"],
])("%s is refused as a whole", (_, json, reason) => {
  expect(() => readOpenRouterFeed(json)).toThrow(FeedError);
  expect(() => readOpenRouterFeed(json)).toThrow(reason);
});
