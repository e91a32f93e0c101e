import type { PricedReply, Reply, Usage } from "../reply.ts";
import type { WrittenPart, WrittenReply } from "../wire-format.ts";
import { requestId } from "./errors.ts";

/** Proves to Anthropic that a thought is its own: thoughts come back with it or are refused. */
export const thinkingSignature = "EuYBCkQYBCJAc2ltdWxhdGVkIHNpZ25hdHVyZSBvZiBhIHRob3VnaHQ=";

const stopReasons = {
  stop: "end_turn",
  length: "max_tokens",
  tool_calls: "tool_use",
  content_filter: "refusal",
  refusal: "refusal",
} as const;

const stopDetails = {
  type: "refusal",
  category: "cyber",
  explanation: "This request was blocked under the usage policy.",
};

/** Puts a reply on the wire: as a message, and as the events of a stream. */
export function writeAnthropicReply(
  id: string,
  model: string,
  reply: PricedReply,
  isThinkingShown: boolean,
): WrittenReply {
  const { finish, usage, reportUsage } = reply;
  const message = { model, id, type: "message", role: "assistant" };
  const stop = { stop_reason: stopReasons[finish], stop_sequence: null };
  const details = stop.stop_reason === "refusal" ? { stop_details: stopDetails } : { stop_details: null };
  const start = {
    ...message,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    ...(reportUsage ? { usage: { ...writePrompt(usage), ...writeTier(usage), output_tokens: 1 } } : {}),
  };
  const end = reportUsage ? { usage: { ...writePrompt(usage), ...writeOutput(usage) } } : {};
  const headers = ["request-id", requestId];
  return {
    jsonHeaders: ["content-type", "application/json", ...headers],
    streamHeaders: [
      "content-type",
      "text/event-stream; charset=utf-8",
      "cache-control",
      "no-cache",
      ...headers,
    ],
    json: () =>
      JSON.stringify({
        ...message,
        content: writeContent(reply, id, isThinkingShown),
        ...stop,
        ...details,
        ...(reportUsage
          ? { usage: { ...writePrompt(usage), ...writeTier(usage), ...writeOutput(usage) } }
          : {}),
      }),
    opening: event({ type: "message_start", message: start }),
    parts: writeBlocks(reply, id, isThinkingShown),
    closing: [event({ type: "message_delta", delta: { ...stop, ...details }, ...end })],
    end: event({ type: "message_stop" }),
    broken: `event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_del\n\n`,
    failure: event({
      type: "error",
      error: { type: "overloaded_error", message: "Overloaded" },
      request_id: requestId,
    }),
    keepAlive: event({ type: "ping" }),
  };
}

function event(data: { type: string } & Record<string, unknown>): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
}

function writeBlocks(reply: Reply, id: string, isThinkingShown: boolean): WrittenPart[] {
  const parts: WrittenPart[] = [];

  function add(block: object, pieces: readonly string[], deltaType: string, field: string, last = "") {
    const index = parts.length;
    // Joined by hand: the deltas of a block differ in their text alone.
    const head = `event: content_block_delta\ndata: {"type":"content_block_delta","index":${index},"delta":{"type":"${deltaType}","${field}":`;
    const isInput = deltaType === "input_json_delta";
    const write = (text: string) => `${head}${JSON.stringify(text)}}}\n\n`;
    const started = event({ type: "content_block_start", index, content_block: block });
    const ping = index === 0 ? event({ type: "ping" }) : "";
    parts.push({
      start: `${started}${ping}${isInput ? write("") : ""}`,
      pieces,
      // Of a call without arguments Anthropic sends the empty first piece alone.
      write: (piece) => (isInput && piece === "{}" ? write("") : write(piece)),
      end: `${last}${event({ type: "content_block_stop", index })}`,
      tokensPerPiece: 1,
      isThought: deltaType === "thinking_delta",
    });
  }

  if (reply.thoughts.length > 0) {
    const delta = { type: "signature_delta", signature: thinkingSignature };
    const signed = event({ type: "content_block_delta", index: 0, delta });
    const thoughts = isThinkingShown ? reply.thoughts : [];
    add({ type: "thinking", thinking: "", signature: "" }, thoughts, "thinking_delta", "thinking", signed);
  }
  if (reply.tokens.length > 0) add({ type: "text", text: "" }, reply.tokens, "text_delta", "text");
  for (const [index, { name, tokens }] of reply.toolCalls.entries())
    add({ ...startCall(name, id, index), input: {} }, tokens, "input_json_delta", "partial_json");
  return parts;
}

function startCall(name: string, id: string, index: number) {
  return { type: "tool_use", id: `toolu_${id.slice(4)}${index}`, name, caller: { type: "direct" } };
}

function writeContent(
  { thoughts, tokens, toolCalls }: Reply,
  id: string,
  isThinkingShown: boolean,
): object[] {
  const thinking = isThinkingShown ? thoughts.join("") : "";
  return [
    ...(thoughts.length > 0 ? [{ type: "thinking", thinking, signature: thinkingSignature }] : []),
    ...(tokens.length > 0 ? [{ type: "text", text: tokens.join("") }] : []),
    ...toolCalls.map((call, index) => ({
      ...startCall(call.name, id, index),
      input: JSON.parse(call.tokens.join("")),
    })),
  ];
}

/** What the prompt cost; unlike OpenAI's, `input_tokens` leaves out what the cache held or took. */
function writePrompt(usage: Usage) {
  return {
    input_tokens: usage.inputTokens,
    cache_creation_input_tokens: usage.cacheWriteTokens,
    cache_read_input_tokens: usage.cacheReadTokens,
  };
}

function writeTier({ cacheWriteTokens }: Usage) {
  return {
    cache_creation: { ephemeral_5m_input_tokens: cacheWriteTokens, ephemeral_1h_input_tokens: 0 },
    service_tier: "standard",
    inference_geo: "not_available",
  };
}

function writeOutput({ outputTokens, reasoningTokens }: Usage) {
  return {
    output_tokens: outputTokens,
    output_tokens_details: reasoningTokens > 0 ? { thinking_tokens: reasoningTokens } : null,
  };
}
