import { createBatcher } from "../database/batcher.ts";
import { type Database, isItemFault, unwrap } from "../database/database.ts";
import { codeOfSqlState } from "../database/sql-states.ts";
import type { LimitState } from "../domain/chat-event.ts";
import type { ChatMessage, FinishReason } from "../domain/chat-message.ts";
import { SluiceError } from "../domain/errors.ts";
import type { Usage } from "../domain/usage.ts";
import { refusalError } from "./refusal.ts";

/** What a chat asks for before the provider is called. */
export interface BeginRequest {
  /** Chosen by the caller of `begin`; names the request from here on. */
  holdId: string;
  userId: string;
  /** The plan's default where absent. */
  model: string | undefined;
  conversationId: string;
  /** Whether the conversation must exist already; it is made otherwise. */
  continues: boolean;
  /** What is said first, for the title of a new conversation. */
  firstText: string;
  /** UTF-8 bytes of the text of the request's own messages; the database adds those of the history. */
  promptBytes: number;
  promptMessages: number;
  /** The model's own maximum where absent. */
  maxOutputTokens: number | undefined;
}

/** A way to the model: where to, and at which price. */
export interface Route {
  priceId: number;
  provider: string;
  upstreamModel: string;
}

/** A placed hold: the chat may go to the provider. */
export interface Hold {
  model: string;
  /** In the order of trying; at least one. */
  routes: Route[];
  history: ChatMessage[];
  /** What was held, so what the provider may be asked for. */
  maxOutputTokens: number;
}

/** One provider call that may cost money. */
export interface Charge {
  /** From 1. */
  attempt: number;
  priceId: number;
  outcome: "completed" | "interrupted";
  /** As the provider reported it; null where it did not, so that it is estimated from the text. */
  usage: Usage | null;
  /** UTF-8 bytes of the answer, for the estimate. */
  outputBytes: number;
}

/** What became of a chat: what to charge, and what to add to the conversation. Neither where there is none. */
export interface SettleRequest {
  holdId: string;
  charges: Charge[];
  messages: (ChatMessage & { finishReason?: FinishReason })[];
}

/** A settled chat, as the ledger has it. */
export interface Settlement {
  /** False where there is no such hold: nothing was charged. */
  isKnown: boolean;
  /** False where the messages could not be added to the conversation. The charge stands. */
  isStored: boolean;
  usage: Usage;
  /** Nano-USD (1e-9 USD). */
  costNano: number;
  estimated: boolean;
  limits: LimitState[];
}

export interface Metering {
  /**
   * Checks every limit and holds what the chat can cost at most.
   * @throws SluiceError with the refusal, when nothing is held; or database_unavailable, when something may be
   */
  begin(request: BeginRequest): Promise<Hold>;
  /**
   * Charges what the chat did cost and releases its hold. Twice is once.
   * @throws SluiceError when the database cannot be reached or refuses: try again, the money is spent
   */
  settle(request: SettleRequest): Promise<Settlement>;
}

/** The most chats of one database call: keeps a batch within a few milliseconds. */
const maxBatchItems = 64;

/** Holds and settlements by `begin_chats` and `settle_chats`, many chats to a round trip under load. */
export function createMetering(database: Database): Metering {
  const begin = createBatcher<BeginRequest, BeginAnswer>({
    maxItems: maxBatchItems,
    countUnits: ({ firstText }) => firstText.length,
    isItemFault,
    async send(requests) {
      const items = requests.map((request) => ({
        hold_id: request.holdId,
        user_id: request.userId,
        model_id: request.model ?? null,
        conversation_id: request.conversationId,
        continues: request.continues,
        first_text: request.firstText,
        prompt_bytes: request.promptBytes,
        prompt_messages: request.promptMessages,
        max_output_tokens: request.maxOutputTokens ?? null,
      }));
      const answers = unwrap(await database.rpc("begin_chats", { items })) as unknown as BeginAnswer[];
      return inOrder(requests, answers);
    },
  });

  const settle = createBatcher<SettleRequest, SettleAnswer>({
    maxItems: maxBatchItems,
    countUnits: ({ messages }) => messages.reduce((units, { content }) => units + content.length, 0),
    isItemFault,
    async send(requests) {
      const items = requests.map((request) => ({
        hold_id: request.holdId,
        charges: request.charges.map(toChargeItem),
        messages: request.messages.map(({ role, content, finishReason }) => ({
          role,
          content,
          finish_reason: finishReason ?? null,
        })),
      }));
      const answers = unwrap(await database.rpc("settle_chats", { items })) as unknown as SettleAnswer[];
      return inOrder(requests, answers);
    },
  });

  return {
    async begin(request) {
      const answer = await begin(request);
      if (answer.refusal !== undefined) {
        const code = codeOfSqlState(answer.refusal);
        if (code === undefined)
          throw new SluiceError("internal_error", { cause: new Error(`unknown refusal ${answer.refusal}`) });
        throw refusalError(code, answer.detail ?? null);
      }
      return {
        model: answer.model_id,
        routes: answer.routes.map((route) => ({
          priceId: route.price_id,
          provider: route.provider,
          upstreamModel: route.upstream_model,
        })),
        history: answer.history,
        maxOutputTokens: answer.max_output_tokens,
      };
    },

    async settle(request) {
      const answer = await settle(request);
      return {
        isKnown: answer.is_known,
        isStored: answer.is_stored,
        usage: {
          inputTokens: answer.usage.input_tokens,
          cacheReadTokens: answer.usage.cache_read_tokens,
          cacheWriteTokens: answer.usage.cache_write_tokens,
          outputTokens: answer.usage.output_tokens,
          reasoningTokens: answer.usage.reasoning_tokens,
        },
        costNano: answer.cost_nano,
        estimated: answer.estimated,
        limits: answer.limits.map(({ scope_id, resets_at, ...limit }) => ({
          ...limit,
          scopeId: scope_id,
          left: Math.max(0, limit.limit - limit.used - limit.held),
          resetsAt: new Date(resets_at).toISOString(),
        })),
      };
    },
  };
}

// What the two functions answer.

type BeginAnswer = { hold_id: string; detail?: Record<string, unknown> | null } & (
  | { refusal: string }
  | {
      refusal?: undefined;
      model_id: string;
      routes: { price_id: number; provider: string; upstream_model: string }[];
      max_output_tokens: number;
      history: ChatMessage[];
    }
);

interface SettleAnswer {
  hold_id: string;
  is_known: boolean;
  is_stored: boolean;
  usage: {
    input_tokens: number;
    cache_read_tokens: number;
    cache_write_tokens: number;
    output_tokens: number;
    reasoning_tokens: number;
  };
  cost_nano: number;
  estimated: boolean;
  limits: (Omit<LimitState, "scopeId" | "left" | "resetsAt"> & { scope_id: string; resets_at: string })[];
}

/** A charge without usage leaves the tokens out: the database estimates them. */
function toChargeItem({ attempt, priceId, outcome, usage, outputBytes }: Charge) {
  return {
    attempt,
    price_id: priceId,
    outcome,
    output_bytes: outputBytes,
    ...(usage && {
      input_tokens: usage.inputTokens,
      cache_read_tokens: usage.cacheReadTokens,
      cache_write_tokens: usage.cacheWriteTokens,
      output_tokens: usage.outputTokens,
      reasoning_tokens: usage.reasoningTokens,
    }),
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
