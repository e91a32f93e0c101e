import type { RequestListener } from "node:http";
import { describe, expect, test } from "vitest";
import { describeCause } from "../../../shared/domain/describe-cause.ts";
import { createGoogleProvider } from "../../../shared/providers/google.ts";
import { ProviderError, type ProviderRequest } from "../../../shared/providers/provider.ts";
import { startServer } from "../start-server.ts";
import { testCredential } from "./ask-provider.ts";
import { askGoogle, googleRequest, usage, wireAnswer, wireStream, wireUsage } from "./google-wire.ts";
import { answerWith } from "./openai-wire.ts";
import { hasRecordings, readRecording } from "./recordings.ts";

/** Asks a server and returns how the call failed. */
async function fail(listener: RequestListener, given?: Partial<ProviderRequest>): Promise<ProviderError> {
  return failAt(await startServer(listener), given);
}

async function failAt(url: string, given?: Partial<ProviderRequest>): Promise<ProviderError> {
  const thrown = await askGoogle(url, given).then(
    () => new Error("there was an answer"),
    (error: unknown) => error,
  );
  if (thrown instanceof ProviderError) return thrown;
  throw thrown;
}

const type = (name: string) => `type.googleapis.com/google.rpc.${name}`;
const errorInfo = (reason: string) => ({ "@type": type("ErrorInfo"), reason, domain: "googleapis.com" });
const quota = (quotaId: string) => ({
  "@type": type("QuotaFailure"),
  violations: [{ quotaId, quotaValue: "50" }],
});
const retryIn = (retryDelay: unknown) => ({ "@type": type("RetryInfo"), retryDelay });
const wireError = (code: number, status: string | null, details: unknown = [], message: unknown = "No.") => ({
  error: { code, message, status, details },
});
const tooLong = "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).";

describe("a refusal tells what to do about it:", () => {
  test.each<[number, string | null, string, unknown, string]>([
    [400, "INVALID_ARGUMENT", "invalid_request", [], "No."],
    [400, "INVALID_ARGUMENT", "context_length", [], tooLong],
    [400, "INVALID_ARGUMENT", "content_policy", [], "The prompt violates Google's usage policy."],
    [400, "INVALID_ARGUMENT", "credential", [errorInfo("API_KEY_INVALID")], "API key not valid."],
    [400, "FAILED_PRECONDITION", "permission", [], "User location is not supported for the API use."],
    [401, "UNAUTHENTICATED", "credential", [], "No."],
    [402, "RESOURCE_EXHAUSTED", "quota", [], "Prepay credits are depleted."],
    [403, "PERMISSION_DENIED", "permission", [], "No."],
    [403, "PERMISSION_DENIED", "credential", [errorInfo("CONSUMER_SUSPENDED")], "No."],
    [403, "PERMISSION_DENIED", "quota", [errorInfo("BILLING_DISABLED")], "No."],
    [404, "NOT_FOUND", "permission", [], "models/gemini-9 is not found for API version v1beta"],
    [429, "RESOURCE_EXHAUSTED", "rate_limited", [], "Resource has been exhausted (e.g. check quota)."],
    [
      429,
      "RESOURCE_EXHAUSTED",
      "rate_limited",
      [quota("GenerateRequestsPerMinutePerProjectPerModel")],
      "No.",
    ],
    [
      429,
      "RESOURCE_EXHAUSTED",
      "quota",
      [quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), retryIn("9s")],
      "No.",
    ],
    [500, "INTERNAL", "unavailable", [], "No."],
    [503, "UNAVAILABLE", "unavailable", [], "The model is overloaded."],
    [504, "DEADLINE_EXCEEDED", "unavailable", [], "No."],
    [400, null, "invalid_request", [], "No."],
    [401, null, "credential", [], "No."],
    [402, null, "quota", [], "No."],
    [403, null, "permission", [], "No."],
    [404, null, "permission", [], "No."],
    [413, null, "invalid_request", [], "No."],
    [429, null, "rate_limited", [], "No."],
    [499, "CANCELLED", "unavailable", [], "No."],
    [520, "toString", "unavailable", [], "No."],
    [502, null, "unavailable", [], "No."],
  ])("%i %s is %s", async (status, name, failure, details, message) => {
    const body = wireError(status, name, details, message);
    for (const stream of [true, false]) {
      // The streaming method may put its errors into a list.
      const error = await fail(answerWith(JSON.stringify(stream ? [body] : body), status), { stream });
      expect(error.failure).toBe(failure);
      expect(error.message).toContain(String(status));
      // What it says about a request may quote it.
      const isQuoting = ["invalid_request", "context_length", "content_policy"].includes(failure);
      expect(error.message.includes(message)).toBe(!isQuoting);
    }
  });

  test.each([
    ["is no JSON", "<html>Too many requests</html>"],
    ["is empty", ""],
    ["is null", "null"],
    ["is an empty list", "[]"],
    ["has a text for an error", '{"error":"slow down"}'],
    ["has an error without a word", '{"error":{}}'],
    ["has details that are none", JSON.stringify(wireError(429, null, "soon", 7))],
    ["has details of nothing", JSON.stringify(wireError(429, null, [null, 1, { violations: [null] }]))],
  ])("a body that %s leaves the status to decide", async (_what, body) => {
    expect((await fail(answerWith(body, 429))).failure).toBe("rate_limited");
  });

  test("a long message is not searched for longer than it takes to read it", async () => {
    const body = JSON.stringify(wireError(400, "INVALID_ARGUMENT", [], "token count ".repeat(150_000)));
    expect((await fail(answerWith(body, 400))).failure).toBe("invalid_request");
  });

  test("a server that is not there is unavailable", async () => {
    expect((await failAt("http://127.0.0.1:1")).failure).toBe("unavailable");
  });

  test.skipIf(!hasRecordings)("as it was recorded", async () => {
    const error = await fail(
      answerWith(hasRecordings ? readRecording("google/google-429-retry-info.json") : "", 429),
    );
    expect(error).toMatchObject({ failure: "rate_limited", retryAfterMs: 34_400 });
  });
});

test.each<[string, unknown, Record<string, string>, number | undefined]>([
  ["in seconds and parts of them", "45.8s", {}, 45_800],
  ["in the body before the header", "2s", { "retry-after": "7" }, 2000],
  ["in the header alone", undefined, { "retry-after": "7" }, 7000],
  ["not at all", undefined, {}, undefined],
  ["in words", "soon", { "retry-after": "later" }, undefined],
  ["in another type", 45, {}, undefined],
])("a rate limit says how long to wait: %s", async (_how, delay, headers, retryAfterMs) => {
  const body = JSON.stringify(wireError(429, "RESOURCE_EXHAUSTED", [retryIn(delay)]));
  expect((await fail(answerWith(body, 429, headers))).retryAfterMs).toBe(retryAfterMs);
});

test.each([
  [
    "is refused for a while",
    answerWith(JSON.stringify(wireError(429, "RESOURCE_EXHAUSTED", [retryIn("0s")])), 429),
  ],
  ["fails", answerWith(JSON.stringify(wireError(500, "INTERNAL")), 500)],
  ["breaks", ((request) => request.socket.destroy()) satisfies RequestListener],
])("a call that %s is not sent again behind the ledger's back", async (_what, listener) => {
  let calls = 0;
  await fail((request, response) => {
    calls++;
    listener(request, response);
  });
  expect(calls).toBe(1);
});

const told = { usageMetadata: wireUsage };
const begun = wireAnswer([{ text: "Because" }], undefined, told);

describe("an answer that breaks off is never taken for a whole one, and what it used is told:", () => {
  const unavailable = JSON.stringify(wireError(503, "UNAVAILABLE", [], "The model is overloaded."));
  const chunks = (...chunks: string[]) => answerWith(wireStream(chunks));

  test.each<[string, RequestListener, unknown]>([
    ["a stream without a finishReason", chunks(begun), usage],
    [
      "a finishReason that is none yet",
      chunks(wireAnswer([{ text: "B" }], "FINISH_REASON_UNSPECIFIED")),
      undefined,
    ],
    ["a finishReason that is no text", chunks('{"candidates":[{"finishReason":1}]}'), undefined],
    ["a stream that ends without a word", answerWith("data:\n\n"), undefined],
    ["an error after the first words", chunks(begun, unavailable, wireAnswer([], "STOP")), usage],
    [
      "an error in the chunk of the finish",
      chunks(begun, wireAnswer([], "STOP", JSON.parse(unavailable))),
      usage,
    ],
    [
      "a connection that breaks between two chunks",
      (_request, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(wireStream([begun]), () => response.destroy());
      },
      usage,
    ],
    [
      "one whose output was not counted yet",
      chunks(wireAnswer([{ text: "Because" }], undefined, { usageMetadata: { promptTokenCount: 9 } })),
      { inputTokens: 9, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: null, reasoningTokens: 0 },
    ],
    ["a function call that is none", chunks(begun, wireAnswer([], "MALFORMED_FUNCTION_CALL", told)), usage],
    ["a reason of tomorrow", chunks(begun, wireAnswer([], "SOMETHING_NEW", told)), usage],
  ])("%s", async (_what, listener, expected) => {
    const error = await fail(listener);
    expect(error.failure).toBe("interrupted");
    expect(error.usage).toEqual(expected);
  });

  test.each([
    ["no finishReason", begun],
    ["a function call that is none", wireAnswer(undefined, "MALFORMED_FUNCTION_CALL")],
    ["no candidates", "{}"],
    ["no object", "null"],
    ["half a body", '{"candidates":[{"content":{"parts":[{"text":"Bec'],
  ])("one piece with %s", async (_what, body) => {
    expect((await fail(answerWith(body), { stream: false })).failure).toBe("interrupted");
  });

  test("one piece whose connection breaks", async () => {
    const listener: RequestListener = (_request, response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write('{"candidates"', () => response.destroy());
    };
    expect((await fail(listener, { stream: false })).failure).toBe("interrupted");
  });

  test.each([
    ["UNAVAILABLE", 503, "unavailable"],
    ["RESOURCE_EXHAUSTED", 429, "rate_limited"],
    ["INTERNAL", 500, "unavailable"],
  ])("%s in place of an answer is a refusal", async (status, code, failure) => {
    const error = JSON.stringify(wireError(code, status, [retryIn("3s")]));
    for (const stream of [true, false]) {
      const body = stream ? wireStream([error]) : error;
      expect(await fail(answerWith(body), { stream })).toMatchObject({ failure, retryAfterMs: 3000 });
    }
  });

  test("what arrived before is handed on", async () => {
    const baseUrl = await startServer(chunks(begun, unavailable));
    let text = "";
    const reads = createGoogleProvider({ baseUrl, fetch }).chat(googleRequest());
    await expect(async () => {
      for await (const events of reads)
        for (const event of events) if (event.type === "text") text += event.text;
    }).rejects.toThrow(ProviderError);
    expect(text).toBe("Because");
  });
});

describe("a prompt that Gemini blocks", () => {
  const blocked = (more: object = {}) =>
    JSON.stringify({ promptFeedback: { blockReason: "PROHIBITED_CONTENT" }, ...more });

  test("is refused for its content, where it costs nothing", async () => {
    for (const stream of [true, false]) {
      const body = stream ? wireStream([blocked()]) : blocked();
      const error = await fail(answerWith(body), { stream });
      expect(error.failure).toBe("content_policy");
      expect(error.message).toContain("PROHIBITED_CONTENT");
    }
  });

  test("is an answer to be paid for, where it was counted", async () => {
    const body = blocked({ usageMetadata: { promptTokenCount: 9, totalTokenCount: 9 } });
    for (const stream of [true, false]) {
      const url = await startServer(answerWith(stream ? wireStream([body]) : body));
      expect(await askGoogle(url, { stream })).toMatchObject({
        text: "",
        finish: { reason: "content_filter", usage: { inputTokens: 9, outputTokens: 0 } },
      });
    }
  });
});

describe("the key stays out of what is logged:", () => {
  // Keys of the newer kind look like nothing that could be recognised.
  const key = "AQ.Canary_0123456789-abcdefghijklmnop";
  const credential = testCredential(key);
  const echo = wireError(400, "INVALID_ARGUMENT", [errorInfo("API_KEY_INVALID")], `Bad key: ${key}. Sorry.`);

  test.each([
    ["a refusal that echoes it", answerWith(JSON.stringify(echo), 400)],
    ["an error in the stream that echoes it", answerWith(wireStream([JSON.stringify(echo)]))],
  ])("%s", async (_what, listener) => {
    const error = await fail(listener, { credential });
    expect(error.message).toContain("Bad key: [redacted]");
    expect(describeCause(error)).not.toContain("Canary");
  });

  test("a long refusal that is cut in the middle of it", async () => {
    const message = `${"x".repeat(190)} ${key}`;
    const error = await fail(answerWith(JSON.stringify(wireError(403, null, [], message)), 403), {
      credential,
    });
    expect(error.message).not.toContain("AQ.");
    expect(error.message.length).toBeLessThan(220);
  });

  test("a page that echoes it", async () => {
    const error = await fail(answerWith(`<p>${key}</p>`, 403), { credential });
    expect(describeCause(error)).not.toContain("Canary");
  });
});
