import { InvalidFault } from "./commands.ts";
import type { Content, Faults } from "./faults.ts";
import { sampleJson } from "./sample-json.ts";
import type { ModelRequest } from "./wire-format.ts";
import { cutAscii, writeText, writeThoughts } from "./write-text.ts";

/** Tokens a provider bills. The buckets do not overlap, save that `outputTokens` includes `reasoningTokens`. */
export interface Usage {
  inputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  outputTokens: number;
  reasoningTokens: number;
}

export interface ToolCall {
  name: string;
  /** The arguments, one string a token; joined they are a JSON object. */
  tokens: readonly string[];
}

export type Finish = "stop" | "length" | "tool_calls" | "content_filter" | "refusal";

/** What the simulated model says: one string a token, why it stopped, and what it costs. */
export interface Reply {
  thoughts: readonly string[];
  tokens: readonly string[];
  toolCalls: readonly ToolCall[];
  finish: Finish;
  /** The provider's filter took the prompt: there is no reply. */
  blocked: boolean;
  usage: Usage;
  /** False when the provider was told to keep the usage to itself. */
  reportUsage: boolean;
  /** Whether services that are compatible with OpenAI show the thoughts. */
  reasoningText: boolean;
}

/** A reply with its price in nano-USD. */
export interface PricedReply extends Reply {
  billNano: number;
}

const defaultTokens = 50;

/** Makes the reply to a request: always the same for the same request and commands. Throws InvalidFault. */
export function makeReply(request: ModelRequest, content: Content, faults: Faults): Reply {
  const { promptTokens, lastUserText } = request;
  const { cachedTokens, cacheWriteTokens } = content;
  if (cachedTokens + cacheWriteTokens > promptTokens)
    throw new InvalidFault(
      `${cacheWriteTokens > 0 ? "cachewrite" : "cached"}=${cacheWriteTokens || cachedTokens} is more than the ${promptTokens} tokens of this prompt hold: lower it or send a longer prompt`,
    );
  const isAnswered = request.hasOutput && !faults.blocked;
  const limit = isAnswered ? (request.maxTokens ?? Number.POSITIVE_INFINITY) : 0;
  const reasoningTokens = Math.min(content.reasoningTokens, limit);
  const { tokens, toolCalls, isCut } = isAnswered
    ? speak(request, content, limit - reasoningTokens)
    : { tokens: [], toolCalls: [], isCut: false };
  const outputTokens =
    reasoningTokens + tokens.length + toolCalls.reduce((sum, call) => sum + call.tokens.length, 0);
  return {
    thoughts: writeThoughts(lastUserText, reasoningTokens),
    tokens,
    toolCalls,
    finish: faults.blocked ? "content_filter" : (faults.finish ?? chooseFinish(isCut, toolCalls)),
    blocked: faults.blocked,
    usage: {
      inputTokens: promptTokens - cachedTokens - cacheWriteTokens,
      cacheReadTokens: cachedTokens,
      cacheWriteTokens,
      outputTokens,
      reasoningTokens,
    },
    reportUsage: faults.reportUsage,
    reasoningText: content.reasoningText,
  };
}

/** Bills a call that ended before its reply did: the prompt, and what had been made when it ended. */
export function billPartially(reply: Reply, thoughtsSent: number, tokensSent: number): Usage {
  // Thoughts that the provider keeps to itself come before the first token that it sends.
  const reasoningTokens = tokensSent > 0 ? reply.usage.reasoningTokens : thoughtsSent;
  return { ...reply.usage, outputTokens: tokensSent + reasoningTokens, reasoningTokens };
}

function chooseFinish(isCut: boolean, toolCalls: readonly ToolCall[]): Finish {
  if (isCut) return "length";
  return toolCalls.length > 0 ? "tool_calls" : "stop";
}

/** Text or a document, then calls of tools; what does not fit into `room` tokens is cut, of calls whole ones. */
function speak(
  request: ModelRequest,
  content: Content,
  room: number,
): { tokens: string[]; toolCalls: ToolCall[]; isCut: boolean } {
  const wanted = request.bringsToolResults ? [] : callTools(request, content);
  if (request.outputSchema !== null && wanted.length === 0) {
    const document = cutAscii(sampleJson(request.outputSchema, 0));
    return { tokens: document.slice(0, room), toolCalls: [], isCut: document.length > room };
  }
  const textTokens = content.tokens ?? (wanted.length > 0 ? 0 : defaultTokens);
  const tokens = writeText(request.lastUserText, Math.min(textTokens, room));
  let left = room - tokens.length;
  const toolCalls: ToolCall[] = [];
  for (const call of wanted) {
    if (call.tokens.length > left) break;
    left -= call.tokens.length;
    toolCalls.push(call);
  }
  return { tokens, toolCalls, isCut: textTokens > room || toolCalls.length < wanted.length };
}

function callTools({ tools, parallelTools }: ModelRequest, content: Content): ToolCall[] {
  const count = parallelTools ? content.toolCalls : Math.min(content.toolCalls, 1);
  if (count > 0 && tools.length === 0)
    throw new InvalidFault(
      `tools=${content.toolCalls} calls tools, and the request declares none: declare one`,
    );
  return Array.from({ length: count }, (_, at) => {
    const { name, schema } = tools[at % tools.length] as (typeof tools)[number];
    const json = sampleJson({ type: "object", ...(schema as object | undefined) }, at);
    return { name, tokens: cutAscii(json) };
  });
}
