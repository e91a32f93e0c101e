import type { Replies } from "../database/replies.ts";
import type { Caller } from "../domain/caller.ts";
import type { AnswerPart, ChatResult, ChatStart, LimitState, ServedBy } from "../domain/chat-event.ts";
import type { ChatRequest } from "../domain/chat-request.ts";
import { SluiceError } from "../domain/errors.ts";
import type { Idempotency } from "../domain/idempotency.ts";
import type { Metering, Settlement, SettleRequest } from "../metering/metering.ts";
import type { ProviderRegistry } from "../providers/registry.ts";
import type { Attempts, ProviderCall } from "./attempts.ts";
import type { OpenKey } from "./candidates.ts";
import { createHolding } from "./holding.ts";
import { openChat } from "./run-chat.ts";
import { type EmbeddingCall, type EmbeddingResult, runEmbedding } from "./run-embedding.ts";
import type { TimeLimits } from "./watch.ts";

/** Phases of a request whose times are kept. */
export type GatewayPhase = "begin" | "first_token" | "settle";

/** A provider call that failed, for the log. */
export interface FailedCall {
  attempt: number;
  provider: string;
  upstreamModel: string;
  credentialId: string;
  error: SluiceError;
}

/** Follows a request for the log. */
export interface Observer {
  /** A phase is over. */
  mark(phase: GatewayPhase): void;
  /** It is known who the caller is: one with an API key is not before. */
  recognised(userId: string): void;
  /** A provider answers. */
  served(by: ServedBy): void;
  callFailed(call: FailedCall): void;
  /** A key that is stored cannot be opened. */
  keyFailed(keyId: string, error: unknown): void;
  /** The ledger has the request. */
  settled(settlement: Settlement): void;
  /** A settlement failed; `isLost` when it will not be tried again, so that the figures must be kept. */
  settleFailed(request: SettleRequest, error: unknown, isLost: boolean): void;
}

export interface ChatCall {
  /** Names the request, its hold and its ledger rows. A UUID. */
  id: string;
  caller: Caller;
  request: ChatRequest;
  /** Null where every sending is a request of its own. */
  idempotency: Idempotency | null;
  /** Whether what the caller chose counts where the request says nothing. */
  takesPreferences: boolean;
  /** Whether the listener can take back what it was sent, so that another provider may begin again. */
  canRestart: boolean;
  observer: Observer;
}

export interface ChatListener {
  /** The answer grows. */
  onParts(parts: AnswerPart[]): void;
  /** All parts so far are taken back: another provider begins again. */
  onRestart?(served: ServedBy): void;
}

/** A chat whose provider has begun to answer. */
export interface OpenChat {
  start: ChatStart;
  /** Whether the answer was made and paid for before, under the same idempotency key. */
  isReplay: boolean;
  /** The caller's limits when the chat was let through; empty for a replay. */
  allowance: LimitState[];
  /**
   * Reads the provider to its end, whether or not anybody listens, then settles. To be called once, at once.
   * @throws SluiceError when the answer broke off (with what was charged for the part that arrived, which is kept) or could not be
   *   recorded in time
   */
  pump(listener: ChatListener): Promise<ChatResult>;
}

export interface Gateway {
  /**
   * Holds, calls providers one after the other, and waits for the first event of the first that answers.
   * @throws SluiceError with the refusal; nothing is charged then, save for a whole answer that broke off, whose error says what
   *   it cost
   */
  open(call: ChatCall): Promise<OpenChat>;
  /** Embeds texts. @throws SluiceError with the refusal */
  embed(call: EmbeddingCall): Promise<EmbeddingResult>;
  /** Ends everything properly, because the worker is about to be stopped: what arrived is settled. */
  endAll(): void;
}

export interface GatewayOptions {
  metering: Metering;
  replies: Pick<Replies, "save" | "find">;
  providers: ProviderRegistry;
  openKey: OpenKey;
  limits: TimeLimits;
  /** Milliseconds. Asked at every read of a stream, so it should be cheap; if it jumps, a time limit is wrong once. */
  now(): number;
  newId(): string;
  /** From 0 up to 1. */
  random(): number;
  /** Keeps the worker alive until the promise is settled. */
  keepAlive(work: Promise<unknown>): void;
}

/** What the runs of one gateway share. */
export interface GatewayContext extends GatewayOptions {
  placeHold: ReturnType<typeof createHolding>;
  /** Follows the calls of a request until they are over; throws where the worker is about to be stopped. */
  enter(attempts: Attempts<ProviderCall>): void;
  leave(attempts: Attempts<ProviderCall>): void;
}

/** Runs requests: hold, provider, answer, settlement. The provider stream belongs to the request, not to the client. */
export function createGateway(options: GatewayOptions): Gateway {
  const running = new Set<Attempts<ProviderCall>>();
  let ending: SluiceError | null = null;
  const context: GatewayContext = {
    ...options,
    placeHold: createHolding(options),
    enter(attempts) {
      running.add(attempts);
      if (ending !== null) attempts.end(ending);
    },
    leave: (attempts) => void running.delete(attempts),
  };

  return {
    open: (call) => openChat(call, context),
    embed: (call) => runEmbedding(call, context),
    endAll() {
      ending = new SluiceError("shutting_down");
      for (const attempts of running) attempts.end(ending);
    },
  };
}
