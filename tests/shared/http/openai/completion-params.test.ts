import { expect, test } from "vitest";
import { parseCompletionParams } from "../../../../shared/http/openai/completion-params.ts";
import { thrownBy } from "../../thrown-by.ts";

test.each(["Once upon", ["Once upon"]])("a prompt is a chat of one message: %j", (prompt) => {
  const { request, includeUsage } = parseCompletionParams({
    prompt,
    model: "a/b",
    provider: "groq",
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: 100,
    temperature: 1,
    top_p: 1,
    stop: ["\n"],
    seed: 1,
    best_of: 1,
    n: 1,
    echo: false,
    suffix: null,
    logprobs: null,
    user: "u",
  });
  expect(request).toEqual({
    messages: [{ role: "user", content: "Once upon" }],
    conversationId: null,
    model: "a/b",
    provider: "groq",
    stream: true,
    options: { maxTokens: 100, temperature: 1, topP: 1, stop: ["\n"], seed: 1 },
  });
  expect(includeUsage).toBe(true);
});

test("without a limit an answer has 16 tokens, as OpenAI documents", () => {
  expect(parseCompletionParams({ prompt: "x" }).request.options.maxTokens).toBe(16);
});

test.each<[body: Record<string, unknown>, code: string, param: string]>([
  [{ prompt: ["a", "b"] }, "unsupported_parameter", "prompt"],
  [{ prompt: [1, 2] }, "unsupported_parameter", "prompt"],
  [{ prompt: [[1, 2]] }, "unsupported_parameter", "prompt"],
  [{ prompt: [] }, "unsupported_parameter", "prompt"],
  [{ prompt: "x", suffix: "y" }, "unsupported_parameter", "suffix"],
  [{ prompt: "x", echo: true }, "unsupported_parameter", "echo"],
  [{ prompt: "x", best_of: 2 }, "unsupported_parameter", "best_of"],
  [{ prompt: "x", logprobs: 0 }, "unsupported_parameter", "logprobs"],
  [{ prompt: "" }, "invalid_request", "prompt"],
  [{ prompt: "a\u0000" }, "invalid_request", "prompt"],
  [{}, "invalid_request", "prompt"],
  [{ prompt: "x", max_tokens: 0 }, "invalid_request", "max_tokens"],
  [{ prompt: "x", messages: [] }, "invalid_request", "messages"],
])("%j is refused, naming the field", (body, code, param) => {
  const error = thrownBy(() => parseCompletionParams(body));
  expect([error.code, error.toBody().error.param]).toEqual([code, param]);
  expect(error.message.startsWith(`${param}: `)).toBe(true);
});
