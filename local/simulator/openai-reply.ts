import { serverFailedMessage } from "./openai-errors.ts";
import type { Reply } from "./reply.ts";
import type { WrittenReply } from "./wire-format.ts";

const fingerprint = "fp_simulated0";
// Fills every chunk up to about one size, as OpenAI does, so that the size does not tell the token.
const obfuscation = "q7JtB2mXc9LwR4ZsK8";

const failure = `data: ${JSON.stringify({ error: { message: serverFailedMessage, type: "server_error", param: null, code: null } })}\n\n`;

/** Puts a reply on the wire: as a completion, and as the chunks of a stream with what `stream_options` asked for. */
export function writeOpenaiReply(
  id: string,
  model: string,
  reply: Reply,
  { includeUsage, obfuscate }: { includeUsage: boolean; obfuscate: boolean },
): WrittenReply {
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
  const closing = [chunk("{}", "", `"${reply.finish}"`)];
  if (tellUsage) closing.push(`${start}],"usage":${JSON.stringify(writeUsage(reply))}${end("")}`);
  closing.push("data: [DONE]\n\n");
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
    opening: chunk(`{"role":"assistant","content":"","refusal":null}`, "", "null"),
    token: (text) => chunk(`{"content":${JSON.stringify(text)}}`, text, "null"),
    closing,
    broken: `data: {"id":"${id}","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"cont\n\n`,
    failure,
  };
}

function completion(id: string, created: number, model: string, reply: Reply) {
  const message = { role: "assistant", content: reply.tokens.join(""), refusal: null, annotations: [] };
  return {
    id,
    object: "chat.completion",
    created,
    model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: reply.finish }],
    ...(reply.reportUsage ? { usage: writeUsage(reply) } : {}),
    service_tier: "default",
    system_fingerprint: fingerprint,
  };
}

function writeUsage({ usage }: Reply) {
  const promptTokens = usage.inputTokens + usage.cacheReadTokens;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: promptTokens + usage.outputTokens,
    prompt_tokens_details: { cached_tokens: usage.cacheReadTokens, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoningTokens,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}
