import type { RequestListener } from "node:http";
import { describe, expect, test } from "vitest";
import { createSecret } from "../../../shared/domain/secret.ts";
import { describeCause } from "../../../shared/http/request-log.ts";
import { createOpenAIProvider } from "../../../shared/providers/openai.ts";
import { ProviderError, type ProviderRequest } from "../../../shared/providers/provider.ts";
import { startServer } from "../start-server.ts";
import { askOpenAI, providerRequest } from "./ask-provider.ts";
import { answerWith, wireChunk, wireChunks, wireCompletion, wireStream } from "./openai-wire.ts";

/** Asks a server and returns how the call failed. */
async function fail(listener: RequestListener, given?: Partial<ProviderRequest>): Promise<ProviderError> {
  return failAt(await startServer(listener), given);
}

async function failAt(url: string, given?: Partial<ProviderRequest>): Promise<ProviderError> {
  const thrown = await askOpenAI(url, given).then(
    () => new Error("there was an answer"),
    (error: unknown) => error,
  );
  if (thrown instanceof ProviderError) return thrown;
  throw thrown;
}

/** OpenAI's body of a refusal. */
const refusal = (code: string | null, message = "No.", type = "invalid_request_error") =>
  JSON.stringify({ error: { message, type, param: null, code } });

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
    [403, "unsupported_country_region_territory", "credential"],
    [404, "model_not_found", "unavailable"],
    [429, "rate_limit_exceeded", "rate_limited"],
    [429, null, "rate_limited"],
    [429, "insufficient_quota", "quota"],
    [429, "credit_balance_exhausted", "quota"],
    [400, "billing_hard_limit_reached", "quota"],
    [408, null, "unavailable"],
    [409, null, "unavailable"],
    [500, null, "unavailable"],
    [502, null, "unavailable"],
    [503, "server_is_overloaded", "unavailable"],
  ])("%i %s is %s", async (status, code, failure) => {
    for (const stream of [true, false]) {
      const error = await fail(answerWith(refusal(code), status), { stream });
      expect(error.failure).toBe(failure);
      expect(error.message).toContain(String(status));
    }
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
    expect((await fail(answerWith(body, 429))).failure).toBe("rate_limited");
  });

  test("a server that is not there is unavailable", async () => {
    expect((await failAt("http://127.0.0.1:1")).failure).toBe("unavailable");
  });

  test("a connection that breaks before the answer begins is unavailable", async () => {
    const error = await fail((request) => request.socket.destroy());
    expect(error.failure).toBe("unavailable");
  });
});

test.each([
  ["in seconds", { "retry-after": "2" }, 2000],
  ["in milliseconds, which are finer", { "retry-after": "3", "retry-after-ms": "2150" }, 2150],
  ["not at all", {}, undefined],
  ["in words", { "retry-after": "soon" }, undefined],
])("a rate limit says how long to wait: %s", async (_how, headers, retryAfterMs) => {
  const error = await fail(answerWith(refusal("rate_limit_exceeded"), 429, headers));
  expect(error.retryAfterMs).toBe(retryAfterMs);
});

test.each([
  ["is refused for a while", answerWith(refusal("rate_limit_exceeded"), 429, { "retry-after-ms": "1" })],
  ["fails", answerWith(refusal(null), 500, { "x-should-retry": "true" })],
  ["is refused by an overloaded server", answerWith(refusal("server_is_overloaded"), 503)],
  ["breaks", ((request) => request.socket.destroy()) satisfies RequestListener],
])("a call that %s is not sent again behind the ledger's back", async (_what, listener) => {
  let calls = 0;
  await fail((request, response) => {
    calls++;
    listener(request, response);
  });
  expect(calls).toBe(1);
});

describe("an answer that breaks off is never taken for a whole one:", () => {
  const begun = wireChunks({ texts: [{ content: "Because" }] }).slice(0, 2);
  const chunks = (...more: string[]) => answerWith(wireStream([...begun, ...more]));

  test.each([
    ["a stream without a finish_reason", chunks()],
    ["a stream that ends without a word", answerWith("data:\n\n")],
    ["an error in the stream", chunks(refusal(null, "The server had an error."), wireChunk({}, "stop"))],
    [
      "an error beside a finish_reason",
      chunks(wireChunk({}, "error", { error: { code: 502, message: "Upstream is down" } })),
    ],
    [
      "a connection that breaks between two chunks",
      ((_request, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(`data: ${begun[1]}\n\n`, () => response.destroy());
      }) satisfies RequestListener,
    ],
  ])("%s", async (_what, listener) => {
    expect((await fail(listener)).failure).toBe("interrupted");
  });

  test.each([
    ["no finish_reason", wireCompletion({ texts: [{ content: "Because" }] }).replace('"stop"', "null")],
    ["no choices", "{}"],
    ["no object", "null"],
    ["half a body", '{"choices":[{"message":{"content":"Bec'],
  ])("one piece with %s", async (_what, body) => {
    expect((await fail(answerWith(body), { stream: false })).failure).toBe("interrupted");
  });

  test("one piece with an error instead, which is no answer at all", async () => {
    expect((await fail(answerWith(refusal(null)), { stream: false })).failure).toBe("unavailable");
  });

  test("one piece whose connection breaks", async () => {
    const error = await fail(
      (_request, response) => {
        response.writeHead(200, { "content-length": "1000" });
        response.write('{"choices"', () => response.destroy());
      },
      { stream: false },
    );
    expect(error.failure).toBe("interrupted");
  });

  test("what arrived before is handed on", async () => {
    const url = await startServer(chunks(refusal(null)));
    let text = "";
    const reads = createOpenAIProvider({ baseUrl: url, fetch }).chat(providerRequest());
    await expect(async () => {
      for await (const events of reads)
        for (const event of events) if (event.type === "text") text += event.text;
    }).rejects.toThrow(ProviderError);
    expect(text).toBe("Because");
  });
});

describe("the key stays out of what is logged:", () => {
  const key = "sk-proj-Canary_0123456789-abcdefghijklmnop";
  const credential = { key: createSecret(key) };
  const message = `Incorrect API key provided: ${key}. See https://example.com/account.`;

  test.each([
    ["a refusal that echoes it", answerWith(refusal("invalid_api_key", message), 401)],
    ["an error in the stream that echoes it", answerWith(wireStream([refusal("invalid_api_key", message)]))],
  ])("%s", async (_what, listener) => {
    const error = await fail(listener, { credential });
    expect(error.message).toContain("Incorrect API key provided: [redacted]");
    expect(describeCause(error)).not.toContain("Canary");
  });

  test("a page that echoes it", async () => {
    const error = await fail(answerWith(`<p>${message}</p>`, 403), { credential });
    expect(describeCause(error)).not.toContain("Canary");
  });
});
