import type { ChatResult, ChatStart } from "../domain/chat-event.ts";
import type { ChatRequest } from "../domain/chat-request.ts";
import { SluiceError } from "../domain/errors.ts";
import type { Charge, Hold, Metering, Route, Settlement, SettleRequest } from "../metering/metering.ts";
import type { ConfiguredProvider, ProviderRegistry } from "../providers/registry.ts";
import { type Answer, type AnswerPart, countUtf8Bytes } from "./answer.ts";
import { type Attempt, createAttempt } from "./attempt.ts";
import { releaseReliably, settleReliably } from "./settle-reliably.ts";
import type { TimeLimits } from "./watch.ts";
import { within } from "./within.ts";

/** Phases of a chat whose times are kept. */
export type ChatPhase = "begin" | "first_token" | "settle";

/** Follows a chat for the log. */
export interface ChatObserver {
  /** A phase is over. */
  mark(phase: ChatPhase): void;
  /** The provider was chosen. */
  route(model: string, provider: string): void;
  /** The ledger has the chat. */
  settled(settlement: Settlement): void;
  /** A settlement failed; `isLost` when it will not be tried again, so that the figures must be kept. */
  settleFailed(request: SettleRequest, error: unknown, isLost: boolean): void;
}

export interface ChatCall {
  /** Names the request, its hold and its ledger rows. A UUID. */
  id: string;
  userId: string;
  request: ChatRequest;
  observer: ChatObserver;
}

/** A chat whose provider has begun to answer. */
export interface OpenChat {
  start: ChatStart;
  /**
   * Reads the provider to its end, whether or not anybody listens, then settles. To be called once, at once.
   * @param onParts gets the answer as it grows
   * @throws SluiceError when the answer broke off (with what was charged for the part that arrived, which is kept) or could not be
   *   recorded in time
   */
  pump(onParts: (parts: AnswerPart[]) => void): Promise<ChatResult>;
}

export interface Gateway {
  /**
   * Holds, calls the provider and waits for its first event.
   * @throws SluiceError with the refusal; nothing is charged then, save for a whole answer that broke off, whose error says what
   *   it cost
   */
  open(call: ChatCall): Promise<OpenChat>;
  /** Ends all chats properly, because the worker is about to be stopped: what arrived is settled. */
  endAll(): void;
}

interface GatewayOptions {
  metering: Metering;
  providers: ProviderRegistry;
  limits: TimeLimits;
  /** Milliseconds. Asked at every read of a stream, so it should be cheap; if it jumps, a time limit is wrong once. */
  now(): number;
  randomId(): string;
  /** Keeps the worker alive until the promise is settled. */
  keepAlive(work: Promise<unknown>): void;
}

/** How long a client waits for a hold, also behind others while the database does not answer. */
const beginPatienceMs = 4_500;
/** How long a client waits for the ledger when the database is away; the settlement goes on after that. */
const settlementPatienceMs = 5_000;
/**
 * Holds in doubt that are looked after at a time. Each is asked for until the database answers, and in a long outage more of them
 * would stand in the way of settlements. The others, if they were placed at all, expire.
 */
const maxHoldsInDoubt = 256;
/** Platforms end a request whose answer has not begun after 150 s: an answer that comes in one piece has to be ready before. */
const wholeResponseMs = 140_000;

/** Runs chats: hold, provider, answer, settlement. The provider stream belongs to the request, not to the client. */
export function createGateway({
  metering,
  providers,
  limits,
  now,
  randomId,
  keepAlive,
}: GatewayOptions): Gateway {
  const running = new Set<Attempt>();
  let isEnding = false;
  let holdsInDoubt = 0;

  async function open(call: ChatCall): Promise<OpenChat> {
    const { id, request, observer } = call;
    const conversationId = request.conversationId ?? randomId();
    const deadline =
      now() + (request.stream ? limits.deadlineMs : Math.min(limits.deadlineMs, wholeResponseMs));
    const hold = await begin(call, conversationId);
    const over = Promise.withResolvers<void>();
    keepAlive(over.promise);

    /** To be called once, at the end, whatever that is. */
    function settle(charges: Charge[], messages: SettleRequest["messages"]): Promise<Settlement> {
      const settled = settleReliably(
        { holdId: id, charges, messages },
        { metering, now, onFailure: observer.settleFailed },
      );
      settled.catch(() => {}).finally(() => over.resolve());
      return settled;
    }

    /** Settles and waits for the ledger, but not for ever. Throws the failure, if there is one, with what it cost. */
    async function conclude(
      charges: Charge[],
      messages: SettleRequest["messages"],
      failure: SluiceError | null,
    ): Promise<Settlement> {
      const pending = () => failure ?? new SluiceError("settlement_pending");
      const settlement = await within(settlementPatienceMs, settle(charges, messages), pending).catch(() => {
        throw pending();
      });
      observer.mark("settle");
      observer.settled(settlement);
      if (failure === null) return settlement;
      const { usage, costNano, estimated } = settlement;
      throw failure.withDetail({ usage, costNano, estimated });
    }

    const found = isEnding ? null : findRoute(hold.routes);
    if (found === null) {
      settle([], []);
      if (isEnding) throw new SluiceError("shutting_down");
      throw new SluiceError("model_unavailable", { cause: new Error("no provider of this model has a key") });
    }
    const start: ChatStart = { id, conversationId, model: hold.model, provider: found.route.provider };
    observer.route(start.model, start.provider);
    const attempt = createAttempt({ request, hold, ...found, number: 1, limits, deadline, now });
    running.add(attempt);
    const refusal = await attempt.open();
    observer.mark("first_token");
    if (refusal !== null) {
      running.delete(attempt);
      const charges = attempt.charges();
      // What is charged for was said, and is kept. Where nothing is charged, nobody waits for the release.
      if (charges.length > 0) await conclude(charges, request.messages, refusal);
      else settle([], []);
      throw refusal;
    }

    return {
      start,
      async pump(onParts) {
        const failure = await attempt.read(onParts);
        running.delete(attempt);
        const { content, reasoning, finish } = attempt.answer;
        const messages = toMessages(request, attempt.answer);
        const { usage, costNano, estimated, limits } = await conclude(attempt.charges(), messages, failure);
        const finishReason = finish?.reason ?? "interrupted";
        return { ...start, content, reasoning, finishReason, usage, costNano, estimated, limits };
      },
    };
  }

  async function begin({ id, userId, request, observer }: ChatCall, conversationId: string): Promise<Hold> {
    const continues = request.conversationId !== undefined;
    try {
      const beginning = metering.begin({
        holdId: id,
        userId,
        model: request.model,
        conversationId,
        continues,
        firstText: (request.messages.find(({ role }) => role === "user")?.content ?? "")
          .slice(0, 200)
          .toWellFormed(),
        promptBytes: request.messages.reduce((bytes, message) => bytes + countUtf8Bytes(message.content), 0),
        promptMessages: request.messages.length,
        maxOutputTokens: request.options.maxTokens,
      });
      return await within(beginPatienceMs, beginning, () => new SluiceError("database_unavailable"));
    } catch (error) {
      // No answer does not mean no hold: the call may still be on its way.
      if (error instanceof SluiceError && error.code === "database_unavailable")
        keepAlive(releaseInDoubt(id, observer));
      throw error;
    } finally {
      observer.mark("begin");
    }
  }

  async function releaseInDoubt(id: string, observer: ChatObserver): Promise<void> {
    if (holdsInDoubt >= maxHoldsInDoubt) return;
    holdsInDoubt++;
    const onFailure: ChatObserver["settleFailed"] = (failed, cause, isLost) =>
      isLost && observer.settleFailed(failed, cause, isLost);
    await releaseReliably(id, { metering, now, onFailure });
    holdsInDoubt--;
  }

  /** The first route whose provider has a key here. */
  function findRoute(routes: Route[]): { route: Route; configured: ConfiguredProvider } | null {
    for (const route of routes) {
      const configured = providers.get(route.provider);
      if (configured !== undefined) return { route, configured };
    }
    return null;
  }

  return {
    open,
    endAll() {
      isEnding = true;
      for (const attempt of running) attempt.end(new SluiceError("shutting_down"));
    },
  };
}

/** What is kept of a chat: the answer too, complete or not, unless it broke off before its first word. */
function toMessages(request: ChatRequest, { content, finish }: Answer): SettleRequest["messages"] {
  if (finish === null && content === "") return request.messages;
  const finishReason = finish?.reason ?? "interrupted";
  return [...request.messages, { role: "assistant", content: toStorable(content), finishReason }];
}

/** Postgres stores neither NUL nor half characters; a model may write either. */
function toStorable(text: string): string {
  return text.replaceAll("\u0000", "\uFFFD").toWellFormed();
}
