import { createAnthropicProvider } from "../../../shared/providers/anthropic.ts";
import type { ProviderRequest } from "../../../shared/providers/provider.ts";
import { startServer } from "../start-server.ts";
import { providerRequest, readWholeAnswer, type WholeAnswer } from "./ask-provider.ts";
import { answerWith } from "./openai-wire.ts";

export type WireEvent = { type: string } & Record<string, unknown>;

/** Usage as Anthropic reports it: a prompt of 100 tokens, of which 60 from and 30 into the cache; 40 tokens of answer, 25 of them thoughts. */
export const wireUsage = {
  input_tokens: 10,
  cache_creation_input_tokens: 30,
  cache_read_input_tokens: 60,
  output_tokens: 40,
  output_tokens_details: { thinking_tokens: 25 },
  server_tool_use: null,
};

/** What `wireUsage` means. */
export const usage = {
  inputTokens: 10,
  cacheReadTokens: 60,
  cacheWriteTokens: 30,
  outputTokens: 40,
  reasoningTokens: 25,
};

export interface WireAnswer {
  /** Blocks as they stand in an answer that comes whole. */
  content: ({ type: string } & Record<string, unknown>)[];
  stopReason?: string;
  usage?: unknown;
}

const message = {
  ...{
    id: "msg_01",
    type: "message",
    role: "assistant",
    model: "claude-sonnet-4-5-20250929",
    container: null,
  },
  ...{ stop_details: null, stop_sequence: null },
};

/** How each kind of block begins in a stream, and how its members come. */
function streamBlock(block: WireAnswer["content"][number], index: number): WireEvent[] {
  const start = (fresh: object): WireEvent => ({ type: "content_block_start", index, content_block: fresh });
  const deltas = (type: string, name: string, text: unknown): WireEvent[] =>
    halves(String(text)).map((half) => ({
      type: "content_block_delta",
      index,
      delta: { type, [name]: half },
    }));
  const stop: WireEvent = { type: "content_block_stop", index };
  if (block.type === "text")
    return [start({ ...block, text: "" }), ...deltas("text_delta", "text", block.text), stop];
  if (block.type === "thinking")
    return [
      start({ ...block, thinking: "", signature: "" }),
      ...deltas("thinking_delta", "thinking", block.thinking),
      ...deltas("signature_delta", "signature", block.signature),
      stop,
    ];
  if (block.type === "tool_use") {
    const json = JSON.stringify(block.input);
    return [
      start({ ...block, input: {} }),
      ...deltas("input_json_delta", "partial_json", json === "{}" ? "" : json),
      stop,
    ];
  }
  return [start(block), stop];
}

/** A text in two pieces; none is cut within a character. */
function halves(text: string): string[] {
  const characters = [...text];
  const middle = Math.ceil(characters.length / 2);
  return [characters.slice(0, middle), characters.slice(middle)].map((half) => half.join(""));
}

/** The events of an answer as Anthropic streams it. */
export function wireEvents({ content, stopReason = "end_turn", usage = wireUsage }: WireAnswer): WireEvent[] {
  const begun = { ...wireUsage, output_tokens: 2, output_tokens_details: null };
  return [
    { type: "message_start", message: { ...message, content: [], stop_reason: null, usage: begun } },
    { type: "ping" },
    ...content.flatMap(streamBlock),
    { type: "message_delta", delta: { stop_reason: stopReason, stop_sequence: null }, usage },
    { type: "message_stop" },
  ];
}

/** The stream of some events; a text stands for a line that is not JSON. */
export function wireStream(events: (WireEvent | string)[]): string {
  return events
    .map((event) =>
      typeof event === "string"
        ? `event: content_block_delta\ndata: ${event}\n\n`
        : `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`,
    )
    .join("");
}

/** The same answer in one piece. */
export function wireMessage({ content, stopReason = "end_turn", usage = wireUsage }: WireAnswer): string {
  return JSON.stringify({ ...message, content, stop_reason: stopReason, usage });
}

/** Asks the Anthropic adapter at an address and reads the answer to its end. */
export function askAnthropic(baseUrl: string, given?: Partial<ProviderRequest>): Promise<WholeAnswer> {
  const request = providerRequest({ upstreamModel: "claude-sonnet-4-5", ...given });
  return readWholeAnswer(createAnthropicProvider({ baseUrl, fetch }).chat(request));
}

/** Asks a server that streams these events. */
export async function askStream(events: (WireEvent | string)[]): Promise<WholeAnswer> {
  return askAnthropic(await startServer(answerWith(wireStream(events))));
}

/** Asks a server that gives this body at once. */
export async function askJson(body: string): Promise<WholeAnswer> {
  return askAnthropic(await startServer(answerWith(body)), { stream: false });
}
