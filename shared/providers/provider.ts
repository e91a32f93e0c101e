import type { ChatMessage, FinishReason } from "../domain/chat-message.ts";
import type { ChatOptions } from "../domain/chat-request.ts";
import { type Secret, scrubSecrets } from "../domain/secret.ts";
import type { Usage } from "../domain/usage.ts";

/** A key of a provider. Compared by identity: make one object per key and keep it. */
export interface Credential {
  readonly key: Secret;
}

export interface ProviderRequest {
  /** The provider's own name of the model. */
  upstreamModel: string;
  messages: ChatMessage[];
  /** Always sent: what it allows is what was held. */
  maxOutputTokens: number;
  options: Omit<ChatOptions, "maxTokens">;
  /** Whether to ask for the answer piece by piece. The events are the same, only fewer and later without. */
  stream: boolean;
  credential: Credential;
  /** Ends the call. What the call throws then says nothing: whoever aborted it knows why. */
  signal: AbortSignal;
}

/** The grammar: any number of texts and reasoning, then exactly one finish. Failure is thrown, never an event. */
export type ProviderEvent =
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string }
  /** `usage` is null where the provider reported none. */
  | { type: "finish"; reason: Exclude<FinishReason, "interrupted">; usage: Usage | null };

export interface Provider {
  /** Calls the provider. Yields the events of each network read together, in order. */
  chat(request: ProviderRequest): AsyncIterable<ProviderEvent[]>;
}

/** Why a provider call failed, as far as it decides what to do next. */
export type ProviderFailure =
  | "invalid_request"
  | "context_length"
  | "content_policy"
  /** The key is wrong, disabled or may not use the model. */
  | "credential"
  /** The key's own budget is used up: waiting does not help. */
  | "quota"
  | "rate_limited"
  | "unavailable"
  /** The answer broke off: no finish, or an error in the middle. */
  | "interrupted";

/** A provider call that failed. The message is the provider's, without keys: it belongs in the log, never to a client. */
export class ProviderError extends Error {
  override readonly name = "ProviderError";
  readonly failure: ProviderFailure;
  /** How long the provider asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    failure: ProviderFailure,
    message: string,
    options: { retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(scrubSecrets(message), { cause: options.cause });
    this.failure = failure;
    this.retryAfterMs = options.retryAfterMs;
  }
}
