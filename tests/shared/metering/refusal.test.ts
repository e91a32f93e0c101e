import { describe, expect, test } from "vitest";
import { codeOfSqlState, sqlStates } from "../../../shared/database/sql-states.ts";
import type { ErrorCode } from "../../../shared/domain/error-table.ts";
import { readRefusal } from "../../../shared/metering/refusal.ts";

function refusalError(code: ErrorCode, detail: Record<string, unknown> | null) {
  return readRefusal({ refusal: String(sqlStates.find((state) => codeOfSqlState(state) === code)), detail });
}

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
        owner: "caller",
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

  test.each([
    ["model", "openai/gpt-4o", "budget of this month for the model openai/gpt-4o does not cover"],
    ["provider", "groq", "budget of this month for the provider groq does not cover"],
  ])("of a %s names it", (scope, scope_id, words) => {
    const error = refusalError("quota_exceeded", { ...exhausted, scope, scope_id });
    expect(error.message).toContain(words);
    expect(error.toBody().error.limit).toMatchObject({ scope, scopeId: scope_id });
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
        owner: "caller",
        scope: "all",
        scopeId: "",
        unit: "requests",
        window: "minute",
        limit: 10,
        resetsAt: "2026-11-20T11:00:05.200Z",
      },
    });
  });

  test.each([
    ["requests", "provider", "groq", "Too fast: the plan allows 10 requests a minute for the provider groq."],
    ["tokens", "all", "", "Too fast: the plan allows 10 tokens a minute."],
    [
      "nano_usd",
      "model",
      "openai/gpt-4o",
      "Too fast: the plan allows 10 nano-USD a minute for the model openai/gpt-4o.",
    ],
  ])("of %s of scope %s %s is called by its name", (unit, scope, scope_id, words) => {
    const error = refusalError("rate_limited", { ...tooFast, unit, scope, scope_id });
    expect(error.message).toBe(`${words} Wait 5 s and try again.`);
    expect(error.retryAfterSeconds).toBe(5);
  });

  test("that a request alone goes beyond is not waited for", () => {
    const tooMuch = { ...exhausted, unit: "tokens", window: "minute", limit: 100 };
    expect(refusalError("quota_exceeded", tooMuch).message).toBe(
      'What the plan allows a minute, 100 tokens, does not cover this request. Ask for less; the plan "pro" would allow it.',
    );
  });
});

describe("requests at once", () => {
  const atOnce = {
    ...tooFast,
    unit: "concurrent",
    window: "instant",
    limit: 2,
    resets_at: null,
    retry_after_ms: 2000,
  };

  test("are told how many the plan allows, and to wait a little", () => {
    const error = refusalError("rate_limited", atOnce);
    expect(error).toMatchObject({ status: 429, retryAfterSeconds: 2 });
    expect(error.toBody().error).toMatchObject({
      message: "Too many requests at once: the plan allows 2. Wait for one to finish and try again.",
      limit: { owner: "caller", unit: "concurrent", window: "instant", limit: 2, resetsAt: null },
    });
  });

  test("to one model are told so", () => {
    const { message } = refusalError("rate_limited", {
      ...atOnce,
      scope: "model",
      scope_id: "openai/gpt-4o",
    });
    expect(message).toContain("at once for the model openai/gpt-4o: the plan allows 2.");
  });

  test("are told to wait a little where nothing says how long", () => {
    expect(refusalError("rate_limited", { ...atOnce, retry_after_ms: null }).retryAfterSeconds).toBe(2);
  });

  test("of which none is allowed are not waited for", () => {
    const { message } = refusalError("quota_exceeded", { ...atOnce, limit: 0, upgrade: null });
    expect(message).toBe(
      "What the plan allows at once, 0 requests, does not cover this request. Waiting does not help.",
    );
  });
});

describe("a limit of the whole project is told without its figures:", () => {
  const figures = { owner: "project", limit: 7_777_777, used: 6_666_666, held: 5_555_555, upgrade: null };
  const minute = { ...tooFast, ...figures };
  test.each([
    [
      "quota_exceeded",
      { ...exhausted, ...figures },
      "What is left of the service's budget of this month does not cover this request. It resets at 2026-12-01T00:00:00.000Z.",
    ],
    [
      "quota_exceeded",
      { ...exhausted, ...figures, unit: "tokens", window: "minute" },
      "What the service allows a minute does not cover this request. Ask for less.",
    ],
    [
      "rate_limited",
      { ...minute, scope: "provider", scope_id: "groq" },
      "Too fast: what is left of the service's requests of this minute for the provider groq does not cover this request. Wait 5 s and try again.",
    ],
    [
      "rate_limited",
      { ...minute, unit: "concurrent", window: "instant", resets_at: null, retry_after_ms: 2000 },
      "Too many requests at once: the service allows no more at this moment. Wait 2 s and try again.",
    ],
  ] as const)("%s %#", (code, detail, message) => {
    const { error } = refusalError(code, detail).toBody();
    expect(error.message).toBe(message);
    const { scope, scope_id: scopeId, unit, window, resets_at } = detail;
    const resetsAt = resets_at && new Date(resets_at).toISOString();
    expect(error.limit).toEqual({ owner: "project", scope, scopeId, unit, window, resetsAt });
    expect(JSON.stringify(error)).not.toMatch(/7777777|6666666|5555555/);
  });
});

describe("a key that stands for a request", () => {
  const detail = { request_id: "5b0fd0ff-43b5-4a6b-9d0e-0a8f7a3f9b11" };

  test("that is still running leads to its reply", () => {
    const error = refusalError("request_running", detail);
    expect(error).toMatchObject({ status: 409, retryAfterSeconds: 1 });
    expect(error.toBody().error).toMatchObject({ param: null, requestId: detail.request_id });
    expect(error.message).toMatch(/ai-chat\/requests\/5b0fd0ff-43b5-4a6b-9d0e-0a8f7a3f9b11\.$/);
  });

  test("with another body is the field at fault", () => {
    const error = refusalError("idempotency_mismatch", detail);
    expect(error.status).toBe(422);
    expect(error.toBody().error).toMatchObject({ param: "Idempotency-Key" });
    expect(error.toBody().error).not.toHaveProperty("requestId");
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
