import type { RequestListener } from "node:http";
import { describe, expect, test } from "vitest";
import { describeCause } from "../../../shared/domain/describe-cause.ts";
import { testCredential } from "./ask-provider.ts";
import { failOpenAI, failOpenAIAt, wireRefusal } from "./fail-openai.ts";
import { answerWith, wireStream } from "./openai-wire.ts";

describe("a refusal tells what to do about it:", () => {
  test.each([
    [400, "context_length_exceeded", "context_length"],
    [400, "content_policy_violation", "content_policy"],
    [400, "content_filter", "content_policy"],
    [400, "unsupported_parameter", "invalid_request"],
    [400, "toString", "invalid_request"],
    [400, null, "invalid_request"],
    [413, null, "invalid_request"],
    [422, null, "invalid_request"],
    [401, "invalid_api_key", "credential"],
    [401, null, "credential"],
    [403, "unsupported_country_region_territory", "permission"],
    [403, null, "permission"],
    [403, "model_not_found", "permission"],
    [404, "model_not_found", "permission"],
    [404, null, "permission"],
    [400, "model_decommissioned", "permission"],
    [400, "invalid_prompt", "content_policy"],
    [402, null, "quota"],
    [429, "rate_limit_exceeded", "rate_limited"],
    [429, null, "rate_limited"],
    [429, "insufficient_quota", "quota"],
    [429, "credit_balance_exhausted", "quota"],
    [400, "billing_hard_limit_reached", "quota"],
    [429, "billing_not_active", "quota"],
    [408, null, "unavailable"],
    [409, null, "unavailable"],
    [500, null, "unavailable"],
    [502, null, "unavailable"],
    [503, "server_is_overloaded", "unavailable"],
  ])("%i %s is %s", async (status, code, failure) => {
    for (const stream of [true, false]) {
      const error = await failOpenAI(answerWith(wireRefusal(code), status), { stream });
      expect(error.failure).toBe(failure);
      expect(error.message).toContain(String(status));
    }
  });

  test.each<[string, number, object, string]>([
    [
      "Mistral's, which is an error as a whole",
      400,
      { object: "error", message: "Invalid model: x", type: "invalid_model", param: null, code: "1500" },
      "permission",
    ],
    [
      "Mistral's of a long prompt",
      400,
      {
        object: "error",
        message: "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
        type: "invalid_request_error",
        code: "3051",
      },
      "context_length",
    ],
    [
      "vLLM's of a long prompt",
      400,
      {
        error: {
          message: "This model's maximum context length is 4096 tokens.",
          type: "BadRequestError",
          code: 400,
        },
      },
      "context_length",
    ],
    [
      "llama.cpp's of a long prompt",
      400,
      { error: { message: "the request exceeds", type: "exceed_context_size_error", code: 400 } },
      "context_length",
    ],
    [
      "vLLM's of an unknown model",
      404,
      { error: { message: "No.", type: "NotFoundError", code: 404 } },
      "permission",
    ],
    [
      "xAI's of a long prompt",
      400,
      {
        code: "invalid-argument",
        error: "This model's maximum prompt length is 131072 but the request has more.",
      },
      "context_length",
    ],
    [
      "xAI's of a wrong key",
      400,
      { code: "invalid-argument", error: "Incorrect API key provided: xa***ab." },
      "credential",
    ],
    [
      "xAI's of its policy",
      403,
      { code: "permission-denied", error: "Content violates usage guidelines. Team: 1" },
      "content_policy",
    ],
    [
      "DeepSeek's of its policy",
      400,
      {
        error: {
          message: "Content Exists Risk",
          type: "invalid_request_error",
          code: "invalid_request_error",
        },
      },
      "content_policy",
    ],
    [
      "DeepSeek's of an empty balance",
      402,
      { error: { message: "Insufficient Balance", type: "unknown_error", code: "invalid_request_error" } },
      "quota",
    ],
    [
      "Groq's of a long prompt",
      413,
      { error: { message: "Request too large", type: "tokens", code: "rate_limit_exceeded" } },
      "rate_limited",
    ],
    [
      "OpenRouter's of a moderated prompt",
      403,
      { error: { code: 403, message: "Flagged", metadata: { reasons: ["violence"], flagged_input: "…" } } },
      "content_policy",
    ],
    [
      "OpenRouter's, whose class counts more than its status",
      400,
      { error: { code: 400, message: "Too long", metadata: { error_type: "context_length_exceeded" } } },
      "context_length",
    ],
    [
      "OpenRouter's of an invalid message, which OpenAI's code of the same name is not",
      400,
      { error: { code: 400, message: "No role", metadata: { error_type: "invalid_prompt" } } },
      "invalid_request",
    ],
    [
      "OpenRouter's of an unknown model",
      404,
      { error: { code: 404, message: "No endpoints found" } },
      "permission",
    ],
    [
      "a request that speaks of long contexts, where the server is at fault",
      500,
      { error: { message: "maximum context length" } },
      "unavailable",
    ],
  ])("%s", async (_whose, status, body, failure) => {
    expect((await failOpenAI(answerWith(JSON.stringify(body), status))).failure).toBe(failure);
  });

  test("a balance that only the calls in flight use up comes back: OpenRouter says when", async () => {
    const body = JSON.stringify({
      error: { code: 402, message: "In flight", metadata: { error_type: "payment_required" } },
    });
    expect(await failOpenAI(answerWith(body, 402, { "retry-after": "3" }))).toMatchObject({
      failure: "rate_limited",
      retryAfterMs: 3000,
    });
    expect((await failOpenAI(answerWith(body, 402))).failure).toBe("quota");
  });

  test.each([
    ["is no JSON", "<html>Too many requests</html>"],
    ["is empty", ""],
    ["is null", "null"],
    ["is a list", "[]"],
    ["has a text for an error", '{"error":"slow down"}'],
    ["has an error without a word", '{"error":{}}'],
    ["has a number for a code", '{"error":{"code":400,"message":"slow down"}}'],
  ])("a body that %s leaves the status to decide", async (_what, body) => {
    expect((await failOpenAI(answerWith(body, 429))).failure).toBe("rate_limited");
  });

  test("a server that is not there is unavailable", async () => {
    expect((await failOpenAIAt("http://127.0.0.1:1")).failure).toBe("unavailable");
  });

  test("a connection that breaks before the answer begins is unavailable", async () => {
    const error = await failOpenAI((request) => request.socket.destroy());
    expect(error.failure).toBe("unavailable");
  });
});

test.each([
  ["in seconds", { "retry-after": "2" }, 2000],
  ["in milliseconds, which are finer", { "retry-after": "3", "retry-after-ms": "2150" }, 2150],
  ["not at all", {}, undefined],
  ["in words", { "retry-after": "soon" }, undefined],
  ["in the past", { "retry-after": "-1" }, undefined],
])("a rate limit says how long to wait: %s", async (_how, headers, retryAfterMs) => {
  const error = await failOpenAI(answerWith(wireRefusal("rate_limit_exceeded"), 429, headers));
  expect(error.retryAfterMs).toBe(retryAfterMs);
});

test.each([
  ["is refused for a while", answerWith(wireRefusal("rate_limit_exceeded"), 429, { "retry-after-ms": "1" })],
  ["fails", answerWith(wireRefusal(null), 500, { "x-should-retry": "true" })],
  ["is refused by an overloaded server", answerWith(wireRefusal("server_is_overloaded"), 503)],
  ["breaks", ((request) => request.socket.destroy()) satisfies RequestListener],
])("a call that %s is not sent again behind the ledger's back", async (_what, listener) => {
  let calls = 0;
  await failOpenAI((request, response) => {
    calls++;
    listener(request, response);
  });
  expect(calls).toBe(1);
});

describe("the key stays out of what is logged:", () => {
  const key = "sk-proj-Canary_0123456789-abcdefghijklmnop";
  const credential = testCredential(key);
  const message = `Incorrect API key provided: ${key}. See https://example.com/account.`;

  test.each([
    ["a refusal that echoes it", answerWith(wireRefusal("invalid_api_key", message), 401)],
    [
      "an error in the stream that echoes it",
      answerWith(wireStream([wireRefusal("invalid_api_key", message)])),
    ],
  ])("%s", async (_what, listener) => {
    const error = await failOpenAI(listener, { credential });
    expect(error.message).toContain("Incorrect API key provided: [redacted]");
    expect(describeCause(error)).not.toContain("Canary");
  });

  test("an echo that is cut in the middle of it, of a key that does not look like one", async () => {
    const plain = "Canary0123456789Canary0123456789";
    const cut = JSON.stringify({ error: { message: `${"x".repeat(190)}${plain}` } });
    for (const listener of [answerWith(cut, 400), answerWith(wireStream([cut]))]) {
      const error = await failOpenAI(listener, { credential: testCredential(plain) });
      expect(describeCause(error)).not.toContain("Canary");
    }
  });

  test("one that no header takes: it is refused before it is sent", async () => {
    const error = await failOpenAI(answerWith("{}"), { credential: testCredential("sk-Canary\n0123456789") });
    expect(error.failure).toBe("credential");
    expect(describeCause(error)).not.toContain("Canary");
  });

  test("a page that echoes it", async () => {
    const error = await failOpenAI(answerWith(`<p>${message}</p>`, 403), { credential });
    expect(describeCause(error)).not.toContain("Canary");
  });
});
