import type { RequestListener } from "node:http";

/** Usage as OpenAI reports it: 100 prompt tokens, of which 60 from and 30 into the cache; 40 answer tokens, 25 of them thoughts. */
export const wireUsage = {
  prompt_tokens: 100,
  completion_tokens: 40,
  total_tokens: 140,
  prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 30, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 25, audio_tokens: 0, accepted_prediction_tokens: 0 },
};

/** What one chunk adds. */
interface WireDelta {
  content?: string;
  reasoning_content?: string;
  reasoning?: string;
  refusal?: string;
  tool_calls?: object[];
}

interface WireAnswer {
  /** In the order in which they are said. */
  texts: WireDelta[];
  finishReason?: string;
  usage?: unknown;
}

const envelope = { id: "chatcmpl-1", created: 1_790_000_000, model: "gpt-4o-mini", service_tier: "default" };

/** One chunk of a stream. */
export function wireChunk(delta: unknown, finishReason: string | null = null, more: object = {}): string {
  const choices = [{ index: 0, delta, logprobs: null, finish_reason: finishReason }];
  return JSON.stringify({ ...envelope, object: "chat.completion.chunk", choices, usage: null, ...more });
}

/** The chunks of an answer as OpenAI streams it: role, texts, finish, and usage by itself. */
export function wireChunks({ texts, finishReason = "stop", usage = wireUsage }: WireAnswer): string[] {
  return [
    wireChunk({ role: "assistant", content: "", refusal: null }),
    ...texts.map((text) => wireChunk(text)),
    wireChunk({}, finishReason),
    ...(usage === null ? [] : [wireChunk(undefined, null, { choices: [], usage })]),
  ];
}

/** The stream of some chunks, with its end. */
export function wireStream(chunks: string[]): string {
  return [...chunks, "[DONE]"].map((data) => `data: ${data}\n\n`).join("");
}

/** A whole tool call. */
export function wireCall(id: string, name: string, text: string): object {
  return { id, type: "function", function: { name, arguments: text } };
}

/** The same answer in one piece; its tool calls, if any, are whole in `texts`. */
export function wireCompletion({ texts, finishReason = "stop", usage = wireUsage }: WireAnswer): string {
  const join = (name: Exclude<keyof WireDelta, "tool_calls">) =>
    texts.map((text) => text[name] ?? "").join("") || null;
  const toolCalls = texts.flatMap((text) => text.tool_calls ?? []);
  const message = {
    role: "assistant",
    content: join("content"),
    refusal: join("refusal"),
    reasoning_content: join("reasoning_content"),
    reasoning: join("reasoning"),
    ...(toolCalls.length > 0 ? { tool_calls: toolCalls } : {}),
  };
  const choices = [{ index: 0, message, logprobs: null, finish_reason: finishReason }];
  return JSON.stringify({ ...envelope, object: "chat.completion", choices, usage });
}

/** Answers every request with a whole body. */
export function answerWith(
  body: string,
  status = 200,
  headers: Record<string, string> = {},
): RequestListener {
  return (request, response) => {
    request.resume();
    const type = body.startsWith("data:") ? "text/event-stream" : "application/json";
    response.writeHead(status, { "content-type": type, ...headers }).end(body);
  };
}
