import type { RequestListener } from "node:http";
import { describe, expect, test } from "vitest";
import { describeCause } from "../../../shared/domain/describe-cause.ts";
import { createAnthropicProvider } from "../../../shared/providers/anthropic.ts";
import { ProviderError, type ProviderRequest } from "../../../shared/providers/provider.ts";
import { startServer } from "../start-server.ts";
import { windingTurn } from "./anthropic-fixtures.ts";
import { askAnthropic, type WireEvent, wireEvents, wireMessage, wireStream } from "./anthropic-wire.ts";
import { providerRequest, testCredential } from "./ask-provider.ts";
import { answerWith } from "./openai-wire.ts";

/** Asks a server and returns how the call failed. */
async function fail(listener: RequestListener, given?: Partial<ProviderRequest>): Promise<ProviderError> {
  return failAt(await startServer(listener), given);
}

async function failAt(url: string, given?: Partial<ProviderRequest>): Promise<ProviderError> {
  const thrown = await askAnthropic(url, given).then(
    () => new Error("there was an answer"),
    (error: unknown) => error,
  );
  if (thrown instanceof ProviderError) return thrown;
  throw thrown;
}

/** Anthropic's body of a refusal. */
const refusal = (type: string | null, message = "No.", code?: string) =>
  JSON.stringify({
    type: "error",
    error: { type, message, ...(code === undefined ? {} : { details: { error_code: code } }) },
    request_id: "req_01",
  });

describe("a refusal tells what to do about it:", () => {
  test.each([
    [400, "invalid_request_error", "max_tokens: Field required", "invalid_request"],
    [
      400,
      "invalid_request_error",
      "This model does not support assistant message prefill.",
      "invalid_request",
    ],
    [400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum", "context_length"],
    [
      400,
      "invalid_request_error",
      "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
      "context_length",
    ],
    [400, "invalid_request_error", "Output blocked by content filtering policy", "content_policy"],
    [400, "invalid_request_error", "You have reached your specified API usage limits.", "quota"],
    [400, "invalid_request_error", "You have reached your specified workspace API usage limits.", "quota"],
    [400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.", "quota"],
    [413, "request_too_large", "Request exceeds the maximum size", "invalid_request"],
    [401, "authentication_error", "invalid x-api-key", "credential"],
    [402, "billing_error", "Check your payment details.", "quota"],
    [403, "permission_error", "Your API key does not have permission.", "permission"],
    [404, "not_found_error", "model: claude-sonnet-99", "permission"],
    [429, "rate_limit_error", "This request would exceed your rate limit.", "rate_limited"],
    [429, "rate_limit_error", "prompt is too long for the words of a rate limit", "rate_limited"],
    [500, "api_error", "Internal server error", "unavailable"],
    [504, "timeout_error", "The request timed out.", "unavailable"],
    [529, "overloaded_error", "Overloaded", "unavailable"],
    [400, "overloaded_error", "a type that says more than its status", "unavailable"],
    [400, "timeout_error", "a type that says more than its status", "unavailable"],
    [500, "not_found_error", "a type that says more than its status", "permission"],
    [500, "request_too_large", "a type that says more than its status", "invalid_request"],
    [400, "toString", "a type of tomorrow", "invalid_request"],
    [401, null, "a proxy's", "credential"],
    [402, null, "a proxy's", "quota"],
    [403, null, "a proxy's", "permission"],
    [404, null, "a proxy's", "permission"],
    [409, "conflict_error", "Try again.", "unavailable"],
    [422, null, "a proxy's", "invalid_request"],
    [502, null, "a proxy's", "unavailable"],
  ])("%i %s %j is %s", async (status, type, message, failure) => {
    for (const stream of [true, false]) {
      const error = await fail(answerWith(refusal(type, message), status), { stream });
      expect(error.failure).toBe(failure);
      expect(error.message).toContain(String(status));
    }
  });

  test.each([
    [429, "rate_limit_error", "enforced_spend_limit_reached", "quota"],
    [429, "rate_limit_error", "contract_spend_limit_reached", "quota"],
    [429, "rate_limit_error", "ramp_limit_exceeded", "rate_limited"],
    [402, "billing_error", "linked_organization_spend_limit_reached", "quota"],
    [400, "invalid_request_error", "organization_on_hold", "credential"],
    [429, "rate_limit_error", "a code of tomorrow", "rate_limited"],
  ])("%i %s with the code %s is %s", async (status, type, code, failure) => {
    const error = await fail(answerWith(refusal(type, "No.", code), status));
    expect(error.failure).toBe(failure);
    expect(error.message).toBe(`${status} ${type} ${code} No.`);
  });

  test.each([
    ["is no JSON", "<html>Too many requests</html>"],
    ["is empty", ""],
    ["is null", "null"],
    ["is a list", "[]"],
    ["has a text for an error", '{"error":"slow down"}'],
    ["has null for an error", '{"error":null}'],
    ["has an error without a word", '{"error":{}}'],
    ["has an error of other types", '{"error":{"type":429,"message":[],"details":"slow down"}}'],
  ])("a body that %s leaves the status to decide", async (_what, body) => {
    expect((await fail(answerWith(body, 429))).failure).toBe("rate_limited");
  });

  test("a server that is not there is unavailable", async () => {
    expect((await failAt("http://127.0.0.1:1")).failure).toBe("unavailable");
  });

  test("a connection that breaks before the answer begins is unavailable", async () => {
    expect((await fail((request) => request.socket.destroy())).failure).toBe("unavailable");
  });
});

test.each([
  ["in seconds", { "retry-after": "2" }, 2000],
  ["in milliseconds, which are finer", { "retry-after": "3", "retry-after-ms": "2150" }, 2150],
  ["not at all", {}, undefined],
  ["in words", { "retry-after": "soon" }, undefined],
  ["with nothing", { "retry-after": "" }, undefined],
])("a rate limit says how long to wait: %s", async (_how, headers, retryAfterMs) => {
  const error = await fail(answerWith(refusal("rate_limit_error"), 429, headers));
  expect(error.retryAfterMs).toBe(retryAfterMs);
});

test.each([
  ["is refused for a while", answerWith(refusal("rate_limit_error"), 429, { "retry-after": "0" })],
  ["fails", answerWith(refusal("api_error"), 500, { "x-should-retry": "true" })],
  ["is refused by an overloaded server", answerWith(refusal("overloaded_error"), 529)],
  ["breaks", ((request) => request.socket.destroy()) satisfies RequestListener],
])("a call that %s is not sent again behind the ledger's back", async (_what, listener) => {
  let calls = 0;
  await fail((request, response) => {
    calls++;
    listener(request, response);
  });
  expect(calls).toBe(1);
});

/** The prompt, as the first event of a stream tells it. */
const promptUsage = {
  inputTokens: 10,
  cacheReadTokens: 60,
  cacheWriteTokens: 30,
  outputTokens: null,
  reasoningTokens: 0,
};
const events = wireEvents({ content: [{ type: "text", text: "Because of light." }] });
/** The beginning, with half of the text. */
const begun = events.slice(0, 4);

describe("an answer that breaks off is never taken for a whole one, and its prompt is known:", () => {
  const errorEvent: WireEvent = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };
  test.each([
    ["a stream without a stop reason", answerWith(wireStream(begun))],
    ["a message_stop without one", answerWith(wireStream([...begun, { type: "message_stop" }]))],
    ["an error in the stream", answerWith(wireStream([...begun, errorEvent, ...events.slice(4)]))],
    [
      "a connection that breaks between two events",
      ((_request, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(wireStream(begun), () => response.destroy());
      }) satisfies RequestListener,
    ],
  ])("%s", async (_what, listener) => {
    expect(await fail(listener)).toMatchObject({ failure: "interrupted", usage: promptUsage });
  });

  test("output that was counted on the way is told, too", async () => {
    const counted = { type: "message_delta", delta: {}, usage: { output_tokens: 7 } };
    const error = await fail(answerWith(wireStream([...begun, counted])));
    expect(error.usage).toEqual({ ...promptUsage, outputTokens: 7 });
  });

  test.each([
    ["the beginning of a call", "content_block_start"],
    ["all of a call but its end", "content_block_start", "content_block_delta"],
  ])("a stream that lost %s", async (_what, ...types) => {
    const calls = wireEvents({ ...windingTurn, content: windingTurn.content.slice(5) });
    const lost = calls.filter(({ type, index }) => index !== 0 || !types.includes(type));
    const alone = lost.filter(({ index }) => index !== 1);
    const error = await fail(answerWith(wireStream(types.length === 1 ? lost : alone)));
    expect(error.failure).toBe("interrupted");
  });

  test("a stream without a word, whose prompt is not known", async () => {
    const error = await fail(answerWith("event: ping\ndata: {}\n\n"));
    expect(error).toMatchObject({ failure: "interrupted", usage: undefined });
  });

  const whole = wireMessage({ content: [{ type: "text", text: "Because" }] });
  test.each([
    ["no stop_reason", whole.replace('"end_turn"', "null")],
    ["no members", "{}"],
    ["no object", "null"],
    ["half a body", whole.slice(0, 100)],
  ])("one piece with %s", async (_what, body) => {
    expect((await fail(answerWith(body), { stream: false })).failure).toBe("interrupted");
  });

  test("one piece whose connection breaks", async () => {
    const error = await fail(
      (_request, response) => {
        response.writeHead(200, { "content-length": "1000" });
        response.write('{"content"', () => response.destroy());
      },
      { stream: false },
    );
    expect(error.failure).toBe("interrupted");
  });

  test("what arrived before is handed on", async () => {
    const url = await startServer(answerWith(wireStream([...begun, errorEvent])));
    let text = "";
    const reads = createAnthropicProvider({ baseUrl: url, fetch }).chat(providerRequest());
    await expect(async () => {
      for await (const read of reads) for (const event of read) if (event.type === "text") text += event.text;
    }).rejects.toThrow(ProviderError);
    expect(text).toBe("Because o");
  });
});

describe("an error instead of an answer says what it is:", () => {
  test.each([
    ["overloaded_error", "Overloaded", "unavailable"],
    ["rate_limit_error", "Slow down.", "rate_limited"],
    ["api_error", "Internal server error", "unavailable"],
    ["api_error", "Output blocked by content filtering policy", "content_policy"],
    ["a type of tomorrow", "Oops", "unavailable"],
  ])("%s %j is %s", async (type, message, failure) => {
    const error = { type: "error", error: { type, message } };
    const streamed = await fail(answerWith(wireStream([...events.slice(0, 2), error])));
    expect(streamed).toMatchObject({ failure, usage: promptUsage });
    const whole = await fail(answerWith(JSON.stringify(error)), { stream: false });
    expect(whole.failure).toBe(failure);
  });
});

test("no more of a message is logged than fits a line", async () => {
  const error = await fail(answerWith(refusal("permission_error", "prompt ".repeat(1000)), 403));
  expect(error.message.length).toBeLessThan(250);
});

describe("the key stays out of what is logged:", () => {
  const key = "sk-ant-api03-Canary_0123456789-abcdefghijklmnop";
  const credential = testCredential(key);
  const message = `invalid x-api-key: ${key}. See https://example.com/account.`;

  test.each([
    ["a refusal that echoes it", answerWith(refusal("authentication_error", message), 401)],
    [
      "an error in the stream that echoes it",
      answerWith(wireStream([{ type: "error", error: { type: "authentication_error", message } }])),
    ],
  ])("%s", async (_what, listener) => {
    const error = await fail(listener, { credential });
    expect(error.message).toContain("invalid x-api-key: [redacted]");
    expect(describeCause(error)).not.toContain("Canary");
  });

  test("a key that looks like none, at the end of what is kept of a message", async () => {
    const plain = "Canary~0123456789~abcdefghijklmnop";
    const body = refusal("authentication_error", `${"x".repeat(190)}${plain}`);
    for (const [stream, listener] of [
      [true, answerWith(body, 401)],
      [true, answerWith(`data: ${body}\n\n`)],
      [false, answerWith(body)],
    ] as const) {
      const error = await fail(listener, { stream, credential: testCredential(plain) });
      expect(describeCause(error)).not.toContain("Canary");
    }
  });
});
