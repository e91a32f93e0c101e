import type { ChatOptions } from "../domain/chat-request.ts";
import type { ContinuationMember } from "./openai-continuation.ts";

type ReasoningEffort = NonNullable<ChatOptions["reasoningEffort"]>;

/** Where a service that speaks OpenAI's format departs from it. What is not known to be refused is sent: models differ, too. */
export interface Dialect {
  /** The name of the limit of the answer's tokens. */
  tokenLimit: "max_completion_tokens" | "max_tokens";
  /** Sent with every chat, and with those that are streamed. */
  always: object;
  streamed: object;
  /** Null where a seed cannot be given. */
  seed: "seed" | "random_seed" | null;
  /** The members that say how much to think. */
  reasoning(effort: ReasoningEffort): object;
  maxTemperature: number;
  takesJsonSchema: boolean;
  /** Whether `strict` of a tool and of a JSON schema is known. */
  takesStrict: boolean;
  takesParallelToolCalls: boolean;
  /** Which ids of tool calls are accepted; null for any. A call may come from another provider, with its ids. */
  toolCallId: RegExp | null;
  /** What goes back with tool calls; `without` switches thinking off where the service insists on it and the history lacks it. */
  thoughts: { member: ContinuationMember; without: object | null } | null;
  /** What no key but a good one may read; null where nothing is known to be. */
  keyPath: "/models" | "/key" | null;
  /** The name of the length of vectors; null for a service without embeddings. */
  dimensions: "dimensions" | "output_dimension" | null;
}

/** What most services take. */
const common: Dialect = {
  tokenLimit: "max_completion_tokens",
  always: {},
  streamed: { stream_options: { include_usage: true } },
  seed: "seed",
  reasoning: (effort) => ({ reasoning_effort: effort }),
  maxTemperature: 2,
  takesJsonSchema: true,
  takesStrict: true,
  takesParallelToolCalls: true,
  toolCallId: null,
  thoughts: null,
  keyPath: "/models",
  dimensions: "dimensions",
};

export const openai: Dialect = {
  ...common,
  // The types of the SDK: `auto`, the default, may be a tier of the project's settings, and each tier has prices of its own.
  always: { service_tier: "default" },
  // The types of the SDK: padding against a listener, which TLS to a server of the provider does not need.
  streamed: { stream_options: { include_usage: true, include_obfuscation: false } },
  // Its refusal `string_above_max_length`: at most 40 characters.
  toolCallId: /^.{1,40}$/s,
};

/** Its documentation, "API Reference: Parameters", "Reasoning Tokens" and there "Preserving Reasoning"; "Get current API key": everybody may read its models. */
export const openrouter: Dialect = {
  ...common,
  reasoning: (effort) => ({ reasoning: { effort } }),
  thoughts: { member: "reasoning_details", without: null },
  keyPath: "/key",
};

/** Its documentation, "Gateway: API", calls it compatible and refers to OpenAI's reference for the rest. */
export const glama: Dialect = { ...common, keyPath: null };

/** Its documentation, "API Reference": `max_tokens`; "Reasoning": the efforts are none, min, low, medium, high and max. */
export const requesty: Dialect = {
  ...common,
  tokenLimit: "max_tokens",
  reasoning: (effort) => ({ reasoning_effort: effort === "minimal" ? "min" : effort }),
  keyPath: null,
};

/** Its documentation, "OpenAI Compatibility"; "Reasoning": no model has a minimal effort. It has no embeddings. */
export const groq: Dialect = {
  ...common,
  reasoning: (effort) => ({ reasoning_effort: effort === "minimal" ? "low" : effort }),
  dimensions: null,
};

/**
 * Its documentation, "Create Chat Completion": no seed, no parallel_tool_calls, no JSON schema; `strict` is of the beta address
 * alone; "Thinking Mode": the thoughts of a turn with tool calls must come back, or the request is refused. It has no embeddings.
 */
export const deepseek: Dialect = {
  ...common,
  tokenLimit: "max_tokens",
  seed: null,
  reasoning: (effort) =>
    effort === "none"
      ? { thinking: { type: "disabled" } }
      : { thinking: { type: "enabled" }, reasoning_effort: effort },
  takesJsonSchema: false,
  takesStrict: false,
  takesParallelToolCalls: false,
  thoughts: { member: "reasoning_content", without: { thinking: { type: "disabled" } } },
  dimensions: null,
};

/**
 * Refuses members that it does not know (422 `extra_forbidden`). The names are those of its SDK, `ChatCompletionStreamRequest` and
 * `EmbeddingRequest`; usage always comes with the end of a stream. Most of its models think with high effort or not at all
 * (documentation, "Reasoning").
 */
export const mistral: Dialect = {
  ...common,
  tokenLimit: "max_tokens",
  streamed: {},
  seed: "random_seed",
  reasoning: (effort) => ({ reasoning_effort: effort === "none" ? "none" : "high" }),
  maxTemperature: 1.5,
  // Its refusal: "must be a-z, A-Z, 0-9, with a length of 9".
  toolCallId: /^[a-zA-Z0-9]{9}$/,
  dimensions: "output_dimension",
};

/** Its REST API reference: `max_tokens` is deprecated; documentation, "Reasoning": the efforts are none, low, medium and high. */
export const xai: Dialect = {
  ...common,
  reasoning: (effort) => ({ reasoning_effort: effort === "minimal" ? "low" : effort }),
};

/** vLLM, llama.cpp, Ollama and others that people run: the older name of the limit is the one that all of them know. */
export const selfHosted: Dialect = { ...common, tokenLimit: "max_tokens" };
