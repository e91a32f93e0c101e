import { describe, expect, test } from "vitest";
import { refusalError } from "../../../shared/metering/refusal.ts";

/** What the database says of an exhausted limit. */
const exhausted = {
  unit: "nano_usd",
  window: "month",
  scope: "all",
  scope_id: "",
  limit: 5_000_000_000,
  used: 4_999_000_000,
  held: 900_000,
  resets_at: "2026-12-01T00:00:00+00:00",
  upgrade: "pro",
};

/** What it says of a rate. */
const tooFast = {
  unit: "requests",
  window: "minute",
  scope: "all",
  scope_id: "",
  limit: 10,
  resets_at: "2026-11-20T11:00:05.2+00:00",
  retry_after_ms: 4201,
};

describe("an exhausted limit", () => {
  test("says what ran out, when it resets and which plan would help, in words and as data", () => {
    const error = refusalError("quota_exceeded", exhausted);
    expect(error.status).toBe(402);
    expect(error.toBody().error).toEqual({
      message:
        "What is left of the plan's budget of this month does not cover this request. " +
        'It resets at 2026-12-01T00:00:00.000Z; the plan "pro" would allow it.',
      type: "insufficient_quota",
      param: null,
      code: "quota_exceeded",
      limit: {
        scope: "all",
        scopeId: "",
        unit: "nano_usd",
        window: "month",
        limit: 5_000_000_000,
        used: 4_999_000_000,
        held: 900_000,
        resetsAt: "2026-12-01T00:00:00.000Z",
      },
      upgrade: "pro",
    });
  });

  test.each([
    ["requests", "day", "requests of this day"],
    ["tokens", "month", "tokens of this month"],
    ["nano_usd", "day", "budget of this day"],
  ])("of %s a %s is called by its name", (unit, window, words) => {
    expect(refusalError("quota_exceeded", { ...exhausted, unit, window }).message).toContain(words);
  });

  test("names no plan where none would help", () => {
    const { message, upgrade } = refusalError("quota_exceeded", { ...exhausted, upgrade: null }).toBody()
      .error;
    expect(upgrade).toBeNull();
    expect(message).toMatch(/It resets at 2026-12-01T00:00:00.000Z\.$/);
  });
});

describe("a rate", () => {
  test("says how long to wait, in whole seconds that are enough", () => {
    const error = refusalError("rate_limited", tooFast);
    expect(error).toMatchObject({ status: 429, retryAfterSeconds: 5 });
    expect(error.toBody().error).toEqual({
      message: "Too fast: the plan allows 10 requests a minute. Wait 5 s and try again.",
      type: "rate_limit_error",
      param: null,
      code: "rate_limited",
      limit: {
        scope: "all",
        scopeId: "",
        unit: "requests",
        window: "minute",
        limit: 10,
        resetsAt: "2026-11-20T11:00:05.200Z",
      },
    });
  });
});

describe("something that the model cannot do", () => {
  test.each([
    ["image", "messages", "messages: this model cannot see images. Choose another model or leave it out."],
    ["tools", "options.tools", "options.tools: this model cannot call tools."],
    ["tool_choice", "options.toolChoice", "be told which tool to call"],
    ["stop", "options.stop", "stop at given texts"],
    ["response_format", "options.responseFormat", "be held to JSON"],
    ["structured_outputs", "options.responseFormat", "be held to a schema"],
    ["text", "model", "this model cannot chat"],
    ["embeddings", "model", "this model cannot embed texts"],
    ["something_new", "model", "this model cannot something_new"],
  ])("%s is refused naming %s, in words", (missing, param, words) => {
    const error = refusalError("unsupported_parameter", { missing });
    expect(error.status).toBe(400);
    expect(error.toBody().error).toMatchObject({ code: "unsupported_parameter", param });
    expect(error.message).toContain(words);
  });
});

test.each([
  ["model_not_allowed", "model"],
  ["model_not_found", "model"],
  ["conversation_not_found", "conversationId"],
  ["unauthorized", null],
  ["model_unavailable", null],
  ["quota_exceeded", null],
  ["rate_limited", null],
] as const)("%s without details has the table's message and names %s", (code, param) => {
  const error = refusalError(code, null);
  expect(error.code).toBe(code);
  expect(error.toBody().error.param).toBe(param);
  expect(error.message).toMatch(/\S\.$|`\.$/);
});
