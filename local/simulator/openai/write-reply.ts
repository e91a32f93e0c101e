import type { PricedReply, Reply, Usage } from "../reply.ts";
import type { WrittenPart, WrittenReply } from "../wire-format.ts";
import { serverFailedMessage } from "./errors.ts";
import { readStreamOptions } from "./read-chat.ts";

const fingerprint = "fp_simulated0";
// Fills every chunk up to about one size, as OpenAI does, so that the size does not tell the token.
const obfuscation = "q7JtB2mXc9LwR4ZsK8";

const failure = `data: ${JSON.stringify({ error: { message: serverFailedMessage, type: "server_error", param: null, code: null } })}\n\n`;

/** Puts a reply on the wire: as a completion, and as the chunks of a stream with what `stream_options` asked for. */
export function writeOpenaiReply(
  id: string,
  model: string,
  reply: PricedReply,
  request: Record<string, unknown>,
): WrittenReply {
  const { includeUsage, obfuscate } = readStreamOptions(request);
  const created = Math.floor(Date.now() / 1000);
  const tellUsage = includeUsage && reply.reportUsage;
  // Joined by hand: every chunk of a stream differs in its delta alone.
  const start = `data: {"id":"${id}","object":"chat.completion.chunk","created":${created},"model":${JSON.stringify(model)},"service_tier":"default","system_fingerprint":"${fingerprint}","choices":[`;
  const afterChoices = tellUsage ? `],"usage":null` : "]";

  function chunk(delta: string, deltaText: string, finish: string): string {
    return `${start}{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finish}}${afterChoices}${end(deltaText)}`;
  }
  function end(text: string): string {
    return obfuscate
      ? `,"obfuscation":"${obfuscation.slice(text.length % obfuscation.length)}"}\n\n`
      : "}\n\n";
  }

  const headers = ["x-request-id", `req_${id}`, "openai-version", "2020-10-01", "openai-processing-ms", "1"];
  const closing = [chunk("{}", "", `"${finishReason(reply)}"`)];
  if (tellUsage) closing.push(`${start}],"usage":${JSON.stringify(writeUsage(reply.usage))}${end("")}`);
  const content = reply.tokens.length === 0 && reply.toolCalls.length > 0 ? "null" : `""`;
  return {
    jsonHeaders: ["content-type", "application/json", ...headers],
    streamHeaders: [
      "content-type",
      "text/event-stream; charset=utf-8",
      "cache-control",
      "no-cache",
      ...headers,
    ],
    json: () => JSON.stringify(completion(id, created, model, reply)),
    opening: chunk(`{"role":"assistant","content":${content},"refusal":null}`, "", "null"),
    parts: writeDeltas(reply, id, (delta, text) => chunk(delta, text, "null")),
    closing,
    end: "data: [DONE]\n\n",
    broken: `data: {"id":"${id}","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"cont\n\n`,
    failure,
    keepAlive: "",
  };
}

/** The parts of a reply as deltas. */
function writeDeltas(
  reply: Reply,
  id: string,
  chunk: (delta: string, text: string) => string,
): WrittenPart[] {
  const whole = { start: "", end: "", tokensPerPiece: 1, isThought: false };
  const field = reply.finish === "refusal" ? "refusal" : "content";
  const thoughts: WrittenPart = {
    ...whole,
    pieces: reply.thoughts,
    write: (text) => chunk(`{"content":null,"reasoning_content":${JSON.stringify(text)}}`, text),
    isThought: true,
  };
  return [
    ...(reply.reasoningText ? [thoughts] : []),
    {
      ...whole,
      pieces: reply.tokens,
      write: (text) => chunk(`{"${field}":${JSON.stringify(text)}}`, text),
    },
    ...reply.toolCalls.map(({ name, tokens }, index) => ({
      ...whole,
      start: chunk(
        `{"tool_calls":[{"index":${index},"id":"${callId(id, index)}","type":"function","function":{"name":"${name}","arguments":""}}]}`,
        "",
      ),
      pieces: tokens,
      write: (text: string) =>
        chunk(`{"tool_calls":[{"index":${index},"function":{"arguments":${JSON.stringify(text)}}}]}`, text),
    })),
  ];
}

/** The id of the call of a tool: another one in every reply. */
export function callId(id: string, index: number): string {
  return `call_${id.slice(id.indexOf("-") + 1)}${index}`;
}

/** The calls of tools as a message holds them; nothing without any. */
export function writeToolCalls({ toolCalls }: Reply, id: string) {
  if (toolCalls.length === 0) return {};
  const tool_calls = toolCalls.map(({ name, tokens }, index) => ({
    id: callId(id, index),
    type: "function",
    function: { name, arguments: tokens.join("") },
  }));
  return { tool_calls };
}

/** The text of a message: null beside calls of tools. */
export function writeText({ tokens, toolCalls }: Reply): string | null {
  return tokens.length === 0 && toolCalls.length > 0 ? null : tokens.join("");
}

export function finishReason({ finish }: Reply): string {
  return finish === "refusal" ? "stop" : finish;
}

function completion(id: string, created: number, model: string, reply: Reply) {
  const isRefusal = reply.finish === "refusal";
  const message = {
    role: "assistant",
    content: isRefusal ? null : writeText(reply),
    ...(reply.reasoningText ? { reasoning_content: reply.thoughts.join("") } : {}),
    ...writeToolCalls(reply, id),
    refusal: isRefusal ? reply.tokens.join("") : null,
    annotations: [],
  };
  return {
    id,
    object: "chat.completion",
    created,
    model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason(reply) }],
    ...(reply.reportUsage ? { usage: writeUsage(reply.usage) } : {}),
    service_tier: "default",
    system_fingerprint: fingerprint,
  };
}

function writeUsage(usage: Usage) {
  const promptTokens = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
  const written = usage.cacheWriteTokens > 0 ? { cache_write_tokens: usage.cacheWriteTokens } : {};
  return {
    prompt_tokens: promptTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: promptTokens + usage.outputTokens,
    prompt_tokens_details: { cached_tokens: usage.cacheReadTokens, ...written, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoningTokens,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}
