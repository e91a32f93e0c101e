import type { RequestListener } from "node:http";
import { describe, expect, test } from "vitest";
import { createOpenAIProvider } from "../../../shared/providers/openai.ts";
import { ProviderError } from "../../../shared/providers/provider.ts";
import { startServer } from "../start-server.ts";
import { providerRequest } from "./ask-provider.ts";
import { failOpenAI, wireRefusal } from "./fail-openai.ts";
import { answerWith, wireChunk, wireChunks, wireCompletion, wireStream } from "./openai-wire.ts";

describe("an answer that breaks off is never taken for a whole one:", () => {
  const begun = wireChunks({ texts: [{ content: "Because" }] }).slice(0, 2);
  const chunks = (...more: string[]) => answerWith(wireStream([...begun, ...more]));

  test.each([
    ["a stream without a finish_reason", chunks()],
    ["a stream that ends without a word", answerWith("data:\n\n")],
    ["an error in the stream", chunks(wireRefusal(null, "The server had an error."), wireChunk({}, "stop"))],
    [
      "an error beside a finish_reason",
      chunks(wireChunk({}, "error", { error: { code: 502, message: "Upstream is down" } })),
    ],
    ["an end that is an error", chunks(wireChunk({}, "error"))],
    ["an end for lack of a server", chunks(wireChunk({}, "insufficient_system_resource"))],
    ["an end by the server's own hand", chunks(wireChunk({}, "abort"))],
    [
      "an error as a whole, as older servers send it",
      chunks(JSON.stringify({ object: "error", message: "No." })),
    ],
    [
      "a connection that breaks between two chunks",
      ((_request, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(`data: ${begun[1]}\n\n`, () => response.destroy());
      }) satisfies RequestListener,
    ],
  ])("%s", async (_what, listener) => {
    expect((await failOpenAI(listener)).failure).toBe("interrupted");
  });

  test.each([
    ["no finish_reason", wireCompletion({ texts: [{ content: "Because" }] }).replace('"stop"', "null")],
    ["no choices", "{}"],
    ["no object", "null"],
    ["half a body", '{"choices":[{"message":{"content":"Bec'],
  ])("one piece with %s", async (_what, body) => {
    expect((await failOpenAI(answerWith(body), { stream: false })).failure).toBe("interrupted");
  });

  test("what was reported of the usage before is told", async () => {
    const usage = { prompt_tokens: 7, completion_tokens: 2 };
    const reported = { inputTokens: 7, outputTokens: 2 };
    const growing = wireChunk({ content: "Because" }, null, { usage });
    for (const stream of [
      wireStream([growing]),
      wireStream([growing, wireRefusal(null)]),
      wireStream([begun[1] as string, wireChunk({}, "error", { usage })]),
    ])
      expect(await failOpenAI(answerWith(stream))).toMatchObject({ failure: "interrupted", usage: reported });
    expect((await failOpenAI(chunks(wireRefusal(null)))).usage).toBeUndefined();
    const whole = wireCompletion({ texts: [{ content: "Because" }], finishReason: "error", usage });
    expect(await failOpenAI(answerWith(whole), { stream: false })).toMatchObject({
      failure: "interrupted",
      usage: reported,
    });
  });

  test("one piece with an error instead, which is no answer at all", async () => {
    expect((await failOpenAI(answerWith(wireRefusal(null)), { stream: false })).failure).toBe("unavailable");
  });

  test("one piece whose connection breaks", async () => {
    const error = await failOpenAI(
      (_request, response) => {
        response.writeHead(200, { "content-length": "1000" });
        response.write('{"choices"', () => response.destroy());
      },
      { stream: false },
    );
    expect(error.failure).toBe("interrupted");
  });

  test("what arrived before is handed on", async () => {
    const url = await startServer(chunks(wireRefusal(null)));
    let text = "";
    const reads = createOpenAIProvider({ baseUrl: url, fetch }).chat(providerRequest());
    await expect(async () => {
      for await (const events of reads)
        for (const event of events) if (event.type === "text") text += event.text;
    }).rejects.toThrow(ProviderError);
    expect(text).toBe("Because");
  });
});

describe("an error that comes before anything of the answer says what to do, as a refusal does:", () => {
  const inStream = (error: object) =>
    answerWith(wireStream([wireChunk({ role: "assistant", content: "" }), JSON.stringify(error)]));
  const inBody = (error: object) => answerWith(JSON.stringify(error));
  const inChoice = (error: object) =>
    answerWith(JSON.stringify({ choices: [{ ...error, message: { content: "" }, finish_reason: "error" }] }));

  test.each<[object, string]>([
    [{ code: 502, message: "Upstream is down" }, "unavailable"],
    [{ code: 429, message: "Too fast" }, "rate_limited"],
    [{ code: "rate_limit_exceeded", message: "Too fast" }, "rate_limited"],
    [
      { code: 400, message: "Too long", metadata: { error_type: "context_length_exceeded" } },
      "context_length",
    ],
    [
      { code: "server_error", message: "Broken", metadata: { error_type: "provider_overloaded" } },
      "unavailable",
    ],
    [{}, "unavailable"],
  ])("%j is %s", async (error, failure) => {
    expect((await failOpenAI(inStream({ error }))).failure).toBe(failure);
    expect((await failOpenAI(inBody({ error }), { stream: false })).failure).toBe(failure);
    expect((await failOpenAI(inChoice({ error }), { stream: false })).failure).toBe(failure);
  });

  test("a text alone is unavailable", async () => {
    expect((await failOpenAI(inStream({ error: "No." }))).failure).toBe("unavailable");
  });
});
