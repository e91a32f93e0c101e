import { isObject } from "../is-object.ts";
import { callId, finishReason, writeText, writeToolCalls } from "../openai/write-reply.ts";
import { inUsd } from "../price-list.ts";
import type { PricedReply } from "../reply.ts";
import type { WrittenPart, WrittenReply } from "../wire-format.ts";

const processing = ": OPENROUTER PROCESSING\n\n";

/** Puts a reply on the wire: as a completion, and as the chunks of a stream, whose last has the usage, asked for or not. */
export function writeOpenrouterReply(
  id: string,
  model: string,
  reply: PricedReply,
  request: Record<string, unknown>,
): WrittenReply {
  const created = Math.floor(Date.now() / 1000);
  const isHidden = isObject(request.reasoning) && request.reasoning.exclude === true;
  const thoughts = isHidden ? [] : reply.thoughts;
  const finish = JSON.stringify(finishReason(reply));
  const usage = reply.reportUsage ? `,"usage":${JSON.stringify(writeUsage(reply))}` : "";
  // Joined by hand: every chunk of a stream differs in its delta alone.
  const named = `"id":"${id}","provider":"OpenAI","model":${JSON.stringify(model)},"created":${created}`;
  const start = `data: {${named},"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant",`;
  const chunk = (delta: string, finished = "null", more = "") =>
    `${start}${delta}},"finish_reason":${finished},"native_finish_reason":${finished},"logprobs":null}]${more}}\n\n`;
  const message = {
    role: "assistant",
    content: reply.finish === "refusal" ? null : writeText(reply),
    refusal: reply.finish === "refusal" ? reply.tokens.join("") : null,
    ...writeReasoning(thoughts.join("")),
    ...writeToolCalls(reply, id),
  };
  const whole = { start: "", end: "", tokensPerPiece: 1, isThought: false };
  const field = reply.finish === "refusal" ? "refusal" : "content";
  const parts: WrittenPart[] = [
    {
      ...whole,
      pieces: thoughts,
      isThought: true,
      write: (text) => chunk(`"content":"",${JSON.stringify(writeReasoning(text)).slice(1, -1)}`),
    },
    { ...whole, pieces: reply.tokens, write: (text) => chunk(`"${field}":${JSON.stringify(text)}`) },
    ...reply.toolCalls.map(({ name, tokens }, index): WrittenPart => {
      const call = (rest: string) =>
        chunk(`"content":null,"tool_calls":[{"index":${index},"type":"function",${rest}}]`);
      return {
        ...whole,
        pieces: tokens,
        start: call(`"id":"${callId(id, index)}","function":{"name":"${name}","arguments":""}`),
        write: (text) => call(`"function":{"arguments":${JSON.stringify(text)}}`),
      };
    }),
  ];
  const headers = ["x-generation-id", id];
  return {
    jsonHeaders: ["content-type", "application/json", ...headers],
    streamHeaders: ["content-type", "text/event-stream", "cache-control", "no-cache", ...headers],
    json: () =>
      `{${named},"object":"chat.completion","choices":[{"index":0,"message":${JSON.stringify(message)},"finish_reason":${finish},"native_finish_reason":${finish},"logprobs":null}]${usage}}`,
    opening: processing,
    parts,
    closing: [chunk(`"content":""`, finish), ...(usage === "" ? [] : [chunk(`"content":""`, finish, usage)])],
    end: "data: [DONE]\n\n",
    broken: `data: {${named},"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"cont\n\n`,
    failure: chunk(`"content":""`, `"error"`, `,"error":${JSON.stringify(providerFailed)}`),
    keepAlive: processing,
  };
}

const providerFailed = {
  code: 502,
  message: "Provider disconnected unexpectedly",
  metadata: { error_type: "provider_unavailable", provider_name: "OpenAI" },
};

function writeReasoning(text: string) {
  if (text === "") return {};
  const detail = { type: "reasoning.text", text, format: "unknown", index: 0 };
  return { reasoning: text, reasoning_details: [detail] };
}

function writeUsage({ usage, billNano }: PricedReply) {
  const prompt = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
  return {
    prompt_tokens: prompt,
    completion_tokens: usage.outputTokens,
    total_tokens: prompt + usage.outputTokens,
    cost: inUsd(billNano),
    is_byok: false,
    prompt_tokens_details: {
      cached_tokens: usage.cacheReadTokens,
      cache_write_tokens: usage.cacheWriteTokens,
      audio_tokens: 0,
    },
    cost_details: { upstream_inference_cost: null },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens, image_tokens: 0 },
  };
}
