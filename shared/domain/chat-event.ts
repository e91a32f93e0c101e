import type { FinishReason } from "./chat-message.ts";
import type { ErrorBody } from "./errors.ts";
import type { Usage } from "./usage.ts";

/** What is known when the answer begins. */
export interface ChatStart {
  /** The id of the request: of its hold, its ledger rows and its log line, too. */
  id: string;
  conversationId: string;
  model: string;
  provider: string;
}

/** A limit of the caller's plan as it stands after this chat; amounts in its unit. */
export interface LimitState {
  scope: "all" | "model";
  /** The model for scope `model`; empty for scope `all`. */
  scopeId: string;
  unit: "requests" | "tokens" | "nano_usd";
  window: "day" | "month";
  limit: number;
  used: number;
  held: number;
  left: number;
  /** ISO 8601. */
  resetsAt: string;
}

/** What is known when the answer is complete and paid for. */
export interface ChatResult extends ChatStart {
  content: string;
  reasoning: string;
  finishReason: FinishReason;
  usage: Usage;
  /** Nano-USD (1e-9 USD). */
  costNano: number;
  /** True where the provider reported no usage, so that tokens were estimated. */
  estimated: boolean;
  limits: LimitState[];
}

/** What a client reads from our stream: one `start`, any number of texts, then exactly one `done` or `error`. */
export type ChatEvent =
  | { type: "start"; data: ChatStart }
  | { type: "chunk"; data: { text: string } }
  | { type: "reasoning"; data: { text: string } }
  | { type: "done"; data: Omit<ChatResult, "content" | "reasoning"> }
  | { type: "error"; data: ErrorBody };
