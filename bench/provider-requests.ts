import type { WireFormat, Workload } from "./workloads.ts";

export type AnswerKind = "JSON" | "stream";

/** A request to a provider, as ai-chat makes it. */
export interface ProviderRequest {
  /** Below the simulator's address. */
  path: string;
  body: object;
  /** What stands in every whole answer: that the provider reported all the tokens, each of which it sends in a chunk. */
  marker: string;
}

const question = "Which three rivers cross the most countries, and which countries are they?";
export const messages = [{ role: "user", content: question }];

const formats: Record<WireFormat, (workload: Workload, isStream: boolean) => ProviderRequest> = {
  openai: (workload, isStream) => ({
    path: "/openai/v1/chat/completions",
    body: openaiBody(workload.upstreamModel, workload, isStream),
    marker: `"completion_tokens":${workload.tokens}`,
  }),

  anthropic: ({ upstreamModel, tokens, maxTokens }, isStream) => ({
    path: "/anthropic/v1/messages",
    body: { model: upstreamModel, messages, max_tokens: maxTokens, stream: isStream },
    marker: `"output_tokens":${tokens}`,
  }),

  google: ({ upstreamModel, tokens, maxTokens }, isStream) => ({
    path: `/google/v1beta/models/${encodeURIComponent(upstreamModel)}:${isStream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    body: {
      contents: [{ role: "user", parts: [{ text: question }] }],
      generationConfig: { maxOutputTokens: maxTokens },
    },
    // What comes whole is written for people to read.
    marker: isStream ? `"candidatesTokenCount":${tokens}` : `"candidatesTokenCount": ${tokens}`,
  }),
};

export function toProviderRequest(workload: Workload, kind: AnswerKind): ProviderRequest {
  return formats[workload.format](workload, kind === "stream");
}

/** OpenAI's chat completion of a model. */
export function openaiBody(model: string, { maxTokens }: Workload, isStream: boolean): object {
  const stream = { stream: true, stream_options: { include_usage: true, include_obfuscation: false } };
  return { model, messages, max_completion_tokens: maxTokens, ...(isStream ? stream : {}) };
}
