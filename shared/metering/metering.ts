import { createBatcher } from "../database/batcher.ts";
import { type Database, isItemFault, unwrap } from "../database/database.ts";
import { countReplyUnits, type ReplyPart } from "../database/replies.ts";
import type { ByokPermission, Caller } from "../domain/caller.ts";
import type { Bill, LimitState } from "../domain/chat-event.ts";
import type { ChatMessage, FinishReason } from "../domain/chat-message.ts";
import { SluiceError } from "../domain/errors.ts";
import type { Idempotency } from "../domain/idempotency.ts";
import type { SealedKey } from "../domain/sealed-key.ts";
import type { PartialUsage } from "../domain/usage.ts";
import {
  type BeginAnswer,
  readHold,
  readSettlement,
  type SettleAnswer,
  toBeginItem,
  toSettleItem,
} from "./metering-items.ts";
import { readRefusal } from "./refusal.ts";

/** How large a prompt is, for the most that it can cost. */
export interface PromptSize {
  /** UTF-8 bytes of all that providers make tokens of: texts, tool calls and results, tools and schemas. */
  bytes: number;
  messages: number;
  images: number;
  /** The most tokens that a provider adds of its own, for tools and the like. */
  overheadTokens: number;
}

/** What a request asks for before a provider is called. */
export interface BeginRequest {
  /** Chosen by the caller of `begin`; names the request from here on. */
  holdId: string;
  caller: Caller;
  /** The caller's default where absent, or the plan's. */
  model: string | undefined;
  /** The provider to be tried first; none where absent. */
  provider: string | undefined;
  /** Whether what the caller chose counts where the request says nothing: the temperature, and the system prompt. */
  takesPreferences: boolean;
  takesSystemPrompt: boolean;
  /** Null where no conversation is kept. */
  conversationId: string | null;
  /** Whether the conversation must exist already; it is made otherwise. */
  continues: boolean;
  /** What is said first, for the title of a new conversation. */
  firstText: string;
  /** Of the request's own messages; the database adds the history's. */
  prompt: PromptSize;
  outputModality: "text" | "embeddings";
  /** What the model must be able to do, in the words of `models.supported_parameters`. */
  needs: string[];
  /** The model's own maximum where absent. */
  maxOutputTokens: number | undefined;
  /** Null where every sending is a request of its own. */
  idempotency: Idempotency | null;
  /** Whether the caller's own keys have failed: the hold for them, of the same name, gives way to one for the platform's. */
  fallsBack: boolean;
}

/** A way to the model: where to, and at which price. */
export interface Route {
  id: number;
  priceId: number;
  provider: string;
  upstreamModel: string;
  /** The lowest is tried first; those of one rank share the chats by weight. */
  rank: number;
  weight: number;
  contextTokens: number;
  /** `failing`: it failed of late, but not often; `lasting`: it is left alone; `probe`: this request alone is to try it again. */
  outage: "none" | "failing" | "lasting" | "probe";
}

/** A key of the platform's pool, and what decides how often it is used. */
export interface PoolKey extends SealedKey {
  /** Its share of the provider's calls, beside the other keys. */
  weight: number;
  /** How many calls were answered with it so far. */
  useCount: number;
}

/** A placed hold: the request may go to a provider. */
export interface Hold {
  userId: string;
  model: string;
  /** At least one. */
  routes: Route[];
  /** The platform's pool. */
  keys: PoolKey[];
  /** The caller's own keys of the routes' providers, the preferred first. Where there is any, no other key is used for this hold. */
  ownKeys: SealedKey[];
  /** Whether the platform's keys take over where the caller's own, for which this is, fail. */
  mayFallBack: boolean;
  /** The ids of keys, of the environment too, that are to be left alone, and for how many milliseconds; null: until somebody acts. */
  coolingKeys: ReadonlyMap<string, number | null>;
  history: ChatMessage[];
  /** What the caller chose, as far as the request takes it; null for nothing. */
  preferences: { temperature: number | null; systemPrompt: string | null };
  /** The caller's default model where it cannot be used now, so that another one answers. */
  unavailableDefaultModel: string | null;
  /** What was held, so what the provider may be asked for. */
  maxOutputTokens: number;
  supportedParameters: string[];
  /** How long the model may think before its first token; null where the service's own limit counts. */
  firstTokenMs: number | null;
  /** The limits of the caller, rates too, once this hold has been taken from them. */
  allowance: LimitState[];
}

/** The request is known by its idempotency key: it is over, and was paid for, under this id. */
export interface Repetition {
  userId: string;
  replayOf: string;
}

/** One provider call that may cost money. */
export interface Charge {
  /** From 1. */
  attempt: number;
  priceId: number;
  outcome: "completed" | "interrupted";
  /** As the provider reported it; what it did not report is estimated. */
  usage: PartialUsage | null;
  /** UTF-8 bytes of the answer, for the estimate. */
  outputBytes: number;
  /** The key that it was called with: see Credential. */
  credentialId: string;
}

/** What a request learned of routes and keys, for those that come after it. */
export interface HealthReport {
  /** Routes that failed and that may not be at their end yet. */
  failedRoutes: number[];
  /** Routes that had failed before and now work. */
  reachedRoutes: number[];
  keyReports: {
    keyId: string;
    provider: string;
    reason: "credential" | "quota" | "rate_limited";
    /** How long the provider asks to wait, in milliseconds. */
    waitMs: number | undefined;
  }[];
}

/** What became of a request: what to charge, and what to keep. */
export interface SettleRequest {
  holdId: string;
  charges: Charge[];
  /** What is added to the conversation; nothing where there is none. */
  messages: (ChatMessage & { finishReason?: FinishReason })[];
  /** The rest of a reply of which parts were written down, or that stands in no conversation. */
  reply?: ReplyPart;
  health?: HealthReport;
}

/** A settled request, as the ledger has it. */
export interface Settlement extends Bill {
  /** False where there is no such hold: nothing was charged. */
  isKnown: boolean;
  /** False where the messages could not be added to the conversation. The charge stands. */
  isStored: boolean;
}

/** For how many calls that cost money a hold is to be enough: in all, and to the provider that is called next. */
export interface Extension {
  holdId: string;
  calls: number;
  provider: string;
  providerCalls: number;
}

export interface Metering {
  /**
   * Checks every limit and holds what the request can cost at most, unless it was made before.
   * @throws SluiceError with the refusal, when nothing is held; or database_unavailable, when something may be
   */
  begin(request: BeginRequest): Promise<Hold | Repetition>;
  /**
   * Holds for another provider call after one that cost money. Twice is once.
   * @returns false where a limit does not allow it
   * @throws SluiceError when the database cannot be reached: then nothing more may be spent
   */
  extend(extension: Extension): Promise<boolean>;
  /** A route that was out has begun to answer: others may try it, too. @throws SluiceError when the database cannot be reached */
  reopen(routeId: number): Promise<void>;
  /**
   * Charges what the request did cost and releases its hold. Twice is once.
   * @throws SluiceError when the database cannot be reached or refuses: try again, the money is spent
   */
  settle(request: SettleRequest): Promise<Settlement>;
}

/** The most requests of one database call: keeps a batch within a few milliseconds. */
const maxBatchItems = 64;

/**
 * Holds and settlements by `begin_chats` and `settle_chats`, many requests to a round trip under load.
 * @param byok whether callers' own provider keys are used, whatever their plans say; null where the plans decide
 */
export function createMetering(database: Database, byok: ByokPermission | null): Metering {
  const begin = createBatcher<BeginRequest, BeginAnswer>({
    maxItems: maxBatchItems,
    countUnits: ({ firstText }) => firstText.length,
    isItemFault,
    async send(requests) {
      const items = requests.map((request) => toBeginItem(request, byok));
      const answers = unwrap(await database.rpc("begin_chats", { items })) as unknown as BeginAnswer[];
      return inOrder(requests, answers);
    },
  });

  const settle = createBatcher<SettleRequest, SettleAnswer>({
    maxItems: maxBatchItems,
    countUnits: ({ messages, reply }) =>
      messages.reduce((units, message) => units + JSON.stringify(message).length, 0) +
      (reply ? countReplyUnits(reply) : 0),
    isItemFault,
    async send(requests) {
      const items = requests.map(toSettleItem);
      const answers = unwrap(await database.rpc("settle_chats", { items })) as unknown as SettleAnswer[];
      return inOrder(requests, answers);
    },
  });

  return {
    async begin(request) {
      const answer = await begin(request);
      if ("replay_of" in answer) return { userId: answer.user_id, replayOf: answer.replay_of };
      if (answer.refusal === undefined) return readHold(answer);
      throw readRefusal(answer);
    },

    async extend({ holdId, calls, provider, providerCalls }) {
      const extension = { hold_id: holdId, calls, provider, provider_calls: providerCalls };
      return unwrap(await database.rpc("extend_chat", extension));
    },

    async reopen(routeId) {
      unwrap(await database.rpc("reopen_route", { route_id: routeId }));
    },

    settle: async (request) => readSettlement(await settle(request)),
  };
}

function inOrder<Answer extends { hold_id: string }>(
  requests: { holdId: string }[],
  answers: Answer[],
): Answer[] {
  const byHold = new Map(answers.map((answer) => [answer.hold_id, answer]));
  return requests.map(({ holdId }) => {
    const answer = byHold.get(holdId);
    if (answer === undefined)
      throw new SluiceError("internal_error", { cause: new Error("an item has no answer") });
    return answer;
  });
}
