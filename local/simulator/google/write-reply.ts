import { InvalidFault } from "../commands.ts";
import type { PricedReply, Reply, Usage } from "../reply.ts";
import type { WrittenPart, WrittenReply } from "../wire-format.ts";
import { overloadedMessage } from "./errors.ts";

/** Gemini signs the first call of a reply, or the end of a text that it thought about; its newest models take calls back signed alone. */
const thoughtSignature = "EqUCCqICc2ltdWxhdGVkIHNpZ25hdHVyZSBvZiBhIHRob3VnaHQ=";

const finishReasons = {
  stop: "STOP",
  length: "MAX_TOKENS",
  tool_calls: "STOP",
  content_filter: "SAFETY",
  refusal: "PROHIBITED_CONTENT",
} as const;

const failure = writeEvent({ error: { code: 503, message: overloadedMessage, status: "UNAVAILABLE" } });

/** Puts a reply on the wire: as a response, and as a stream of whole responses. Throws InvalidFault. */
export function writeGoogleReply(
  id: string,
  model: string,
  reply: PricedReply,
  areThoughtsShown: boolean,
): WrittenReply {
  if (reply.usage.cacheWriteTokens > 0)
    throw new InvalidFault("Gemini counts no tokens written to the cache: leave cachewrite out");
  const { usage, finish } = reply;
  const thoughts = areThoughtsShown ? reply.thoughts : [];
  const signed = usage.reasoningTokens > 0 && reply.toolCalls.length === 0 ? { thoughtSignature } : {};
  // Each response of a stream tells the usage so far. Thoughts that are not shown come before the first.
  let thought = thoughts.length > 0 ? 0 : usage.reasoningTokens;
  let sent = 0;

  function respond(candidates: object, thoughtTokens: number, tokens: number): object {
    const told = reply.reportUsage ? { usageMetadata: writeUsage(usage, thoughtTokens, tokens) } : {};
    return { ...candidates, ...told, modelVersion: model, responseId: id };
  }
  function respondWhole(candidates: object): object {
    return respond(candidates, usage.reasoningTokens, usage.outputTokens - usage.reasoningTokens);
  }
  function chunk(part: object): string {
    const candidates = [{ content: { parts: [part], role: "model" }, index: 0 }];
    return writeEvent(respond({ candidates }, thought, sent));
  }
  function finishWith(parts: readonly object[], more = {}): object {
    if (reply.blocked) return { promptFeedback: { blockReason: "PROHIBITED_CONTENT" } };
    const content = { parts, role: "model" };
    return { candidates: [{ content, finishReason: finishReasons[finish], index: 0, ...more }] };
  }

  const whole = { start: "", end: "", tokensPerPiece: 1, isThought: false };
  const calls = reply.toolCalls.map(({ tokens }, at): WrittenPart => {
    const part = writeCall(reply, at);
    return {
      ...whole,
      pieces: [""],
      tokensPerPiece: tokens.length,
      write() {
        sent += tokens.length;
        return chunk(part);
      },
    };
  });
  return {
    jsonHeaders: ["content-type", "application/json; charset=UTF-8"],
    streamHeaders: ["content-type", "text/event-stream"],
    json() {
      const parts = [
        ...(thoughts.length > 0 ? [{ text: thoughts.join(""), thought: true }] : []),
        ...(reply.tokens.length > 0 ? [{ text: reply.tokens.join(""), ...signed }] : []),
        ...reply.toolCalls.map((_, at) => writeCall(reply, at)),
      ];
      const more = calls.length > 0 ? { finishMessage: "Model generated function call(s)." } : {};
      return JSON.stringify(respondWhole(finishWith(parts, more)), null, 2);
    },
    opening: "",
    parts: [
      {
        ...whole,
        pieces: thoughts,
        isThought: true,
        write(text) {
          thought++;
          return chunk({ text, thought: true });
        },
      },
      {
        ...whole,
        pieces: reply.tokens,
        write(text) {
          sent++;
          return chunk({ text });
        },
      },
      ...calls,
    ],
    closing: [writeEvent(respondWhole(finishWith([{ text: "", ...signed }])))],
    end: "",
    broken: `data: {"candidates": [{"content": {"parts": [{"te\r\n\r\n`,
    failure,
    keepAlive: "",
  };
}

/** Gemini ends its lines with CR LF. */
function writeEvent(data: object): string {
  return `data: ${JSON.stringify(data)}\r\n\r\n`;
}

function writeCall({ toolCalls }: Reply, at: number): object {
  const { name, tokens } = toolCalls[at] as Reply["toolCalls"][number];
  const functionCall = { name, args: JSON.parse(tokens.join("")) };
  return at === 0 ? { functionCall, thoughtSignature } : { functionCall };
}

function writeUsage(usage: Usage, thoughtTokens: number, answerTokens: number) {
  const { cacheReadTokens: cached } = usage;
  const prompt = usage.inputTokens + cached;
  return {
    promptTokenCount: prompt,
    ...(cached > 0
      ? { cachedContentTokenCount: cached, cacheTokensDetails: [{ modality: "TEXT", tokenCount: cached }] }
      : {}),
    ...(answerTokens > 0 ? { candidatesTokenCount: answerTokens } : {}),
    totalTokenCount: prompt + answerTokens + thoughtTokens,
    promptTokensDetails: [{ modality: "TEXT", tokenCount: prompt }],
    ...(thoughtTokens > 0 ? { thoughtsTokenCount: thoughtTokens } : {}),
  };
}
