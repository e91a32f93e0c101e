import type { FinishReason, ToolCall } from "./chat-message.ts";
import type { ErrorBody } from "./errors.ts";
import type { Usage } from "./usage.ts";

/** Something of the request that the model or its provider cannot do, and that was left out. */
export interface Warning {
  /** The field of the request. */
  param: string;
  message: string;
}

/** Who serves a chat. */
export interface ServedBy {
  model: string;
  provider: string;
  /** Whose key: of the service's environment, of its pool in the database, or the caller's own. Absent where a kept answer is told again. */
  credential?: "environment" | "pool" | "byok";
  /** How many provider calls it took so far, this one among them. */
  attempts: number;
  warnings: Warning[];
}

/** What is known when the answer begins. */
export interface ChatStart extends ServedBy {
  /** The id of the request: of its hold, its ledger rows and its log line, too. */
  id: string;
  /** Null where no conversation is kept. */
  conversationId: string | null;
}

/** A limit of the caller as it stands, after this chat where a chat tells it; amounts in its unit. */
export interface LimitState {
  scope: "all" | "model" | "provider" | "api_key";
  /** The model, the provider or the id of the API key; empty for scope `all`. */
  scopeId: string;
  /** `concurrent`: requests that run at once. */
  unit: "requests" | "tokens" | "nano_usd" | "concurrent";
  /** `instant` is the window of what runs at once: only what is held counts in it. */
  window: "minute" | "day" | "month" | "instant";
  limit: number;
  /** Of requests a minute: those that cannot be sent at this moment. */
  used: number;
  held: number;
  left: number;
  /** ISO 8601; null where nothing has to reset. */
  resetsAt: string | null;
}

/** What a chat cost and what is left. */
export interface Bill {
  usage: Usage;
  /** Nano-USD (1e-9 USD). */
  costNano: number;
  /** True where the provider reported no usage, so that tokens were estimated. */
  estimated: boolean;
  limits: LimitState[];
}

/** What is known when the answer is complete and paid for. */
export interface ChatResult extends ChatStart, Bill {
  content: string;
  reasoning: string;
  toolCalls: ToolCall[];
  /** To be sent back with the assistant's message, where there is one: see ChatMessage. */
  continuation?: string;
  finishReason: FinishReason;
}

/** The answer as it grows: more text, or more of a tool call, whose first piece has its id and name. */
export type AnswerPart =
  | { type: "chunk" | "reasoning"; text: string }
  | { type: "tool_call"; index: number; id?: string; name?: string; arguments: string };

/**
 * What a client reads from our stream: one `start`, any number of parts, then exactly one `done` or `error`. `restart` takes back
 * every part before it: another provider begins again.
 */
export type ChatEvent =
  | { type: "start"; data: ChatStart }
  | { type: "chunk" | "reasoning"; data: { text: string } }
  | { type: "tool_call"; data: Omit<Extract<AnswerPart, { type: "tool_call" }>, "type"> }
  | { type: "restart"; data: ServedBy }
  | { type: "done"; data: Omit<ChatResult, "content" | "reasoning" | "toolCalls"> }
  | { type: "error"; data: ErrorBody };
