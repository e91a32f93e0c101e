import type { ChatMessage, FinishReason } from "../domain/chat-message.ts";
import type { ChatOptions } from "../domain/chat-request.ts";
import { type Secret, scrubSecrets } from "../domain/secret.ts";
import type { PartialUsage, Usage } from "../domain/usage.ts";

/** A key of a provider. Compared by identity: make one object per key and keep it. */
export interface Credential {
  /** Names the key in the log and in the database, and gives nothing away. */
  readonly id: string;
  readonly key: Secret;
}

interface CallOptions {
  /** The provider's own name of the model. */
  upstreamModel: string;
  credential: Credential;
  /** Ends the call. What the call throws then says nothing: whoever aborted it knows why. */
  signal: AbortSignal;
}

export interface ProviderRequest extends CallOptions {
  messages: ChatMessage[];
  /** Always sent: what it allows is what was held. */
  maxOutputTokens: number;
  options: Omit<ChatOptions, "maxTokens">;
  /** Whether to ask for the answer piece by piece. The events are the same, only fewer and later without. */
  stream: boolean;
}

/** The grammar: any number of texts, reasoning and tool calls, then exactly one finish. Failure is thrown, never an event. */
export type ProviderEvent =
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string }
  /** A piece of a call. The first of an index (from 0, without gaps) has the call's id and name, the others only more of its arguments. */
  | { type: "tool_call"; index: number; id?: string; name?: string; arguments: string }
  /** `usage` is null where the provider reported none. `continuation`: see ChatMessage; only beside tool calls. */
  | {
      type: "finish";
      reason: Exclude<FinishReason, "interrupted">;
      usage: Usage | null;
      continuation?: string;
    };

export interface EmbeddingRequest extends CallOptions {
  input: string[];
  /** The length of the vectors; the model's own where absent. */
  dimensions: number | undefined;
}

export interface Embeddings {
  /** One a text, in the order of the texts. */
  vectors: number[][];
  /** Null where the provider reported none. */
  usage: Usage | null;
}

/** An option that changes how an answer is found but not what was asked for: it may be left out, if the answer says so. */
export type HarmlessOption = "temperature" | "topP" | "seed" | "reasoningEffort" | "parallelToolCalls";

/** A chat as far as it decides what of it a provider can do. */
export type ChatOutline = Pick<ProviderRequest, "upstreamModel" | "messages" | "maxOutputTokens" | "options">;

/** What a protocol cannot carry of a chat. */
export interface Limitations {
  /** Left out, and named in a warning of the answer. */
  dropped: HarmlessOption[];
  /** What makes the chat impossible here, as the field of the request; null where nothing does. */
  refused: string | null;
  /** What to do about that, where leaving the field out is not it: a sentence that begins with the field. */
  remedy?: string;
}

/** A model that a provider lists. */
export interface ListedName {
  /** The provider's own name of it: `upstreamModel` of a call. */
  id: string;
  /** The most tokens of a prompt; null where the list does not tell. */
  contextTokens: number | null;
}

export interface Provider {
  /** Calls the provider. Yields the events of each network read together, in order. */
  chat(request: ProviderRequest): AsyncIterable<ProviderEvent[]>;
  /** The models that a key can see. Throws ProviderError. */
  listModels(call: Pick<CallOptions, "credential" | "signal">): Promise<ListedName[]>;
  /**
   * Asks whether a key is accepted, at an address that costs nothing and wants one.
   * @returns false where the provider has no such address, so that nobody knows
   * @throws ProviderError
   */
  checkKey(call: Pick<CallOptions, "credential" | "signal">): Promise<boolean>;
  /** What the provider's protocol cannot carry of a chat, known before the call. */
  findLimitations(chat: ChatOutline): Limitations;
  /** Null for a provider that has no embeddings. */
  embeddings: {
    /** The most texts of one call. */
    maxTexts: number;
    embed(request: EmbeddingRequest): Promise<Embeddings>;
  } | null;
}

/** Why a provider call failed, as far as it decides what to do next. */
export type ProviderFailure =
  | "invalid_request"
  | "context_length"
  | "content_policy"
  /** The key is wrong or disabled. */
  | "credential"
  /** The key may not use the model, or the provider has no such model. */
  | "permission"
  /** The key's own budget is used up: waiting does not help. */
  | "quota"
  | "rate_limited"
  | "unavailable"
  /** The answer broke off: no finish, or an error in the middle. */
  | "interrupted";

interface ProviderErrorOptions {
  retryAfterMs?: number | undefined;
  usage?: PartialUsage | undefined;
  cause?: unknown;
}

/** A provider call that failed. The message is the provider's, without keys: it belongs in the log, never to a client. */
export class ProviderError extends Error {
  override readonly name = "ProviderError";
  readonly failure: ProviderFailure;
  /** How long the provider asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** What it reported before it failed, and so bills. */
  readonly usage: PartialUsage | undefined;

  constructor(failure: ProviderFailure, message: string, options: ProviderErrorOptions = {}) {
    super(scrubSecrets(message), { cause: options.cause });
    this.failure = failure;
    this.retryAfterMs = options.retryAfterMs;
    this.usage = options.usage;
  }
}
