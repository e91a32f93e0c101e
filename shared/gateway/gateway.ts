import type { ChatResult, ChatStart } from "../domain/chat-event.ts";
import type { ChatRequest } from "../domain/chat-request.ts";
import { SluiceError } from "../domain/errors.ts";
import type { Charge, Hold, Metering, Route, SettleRequest } from "../metering/metering.ts";
import { ProviderError, type ProviderEvent } from "../providers/provider.ts";
import type { ConfiguredProvider, ProviderRegistry } from "../providers/registry.ts";
import { type Answer, type AnswerPart, countUtf8Bytes, createAnswer } from "./answer.ts";
import { interruptedError, refusedError } from "./provider-failure.ts";
import { releaseReliably, settleReliably } from "./settle-reliably.ts";
import { createWatch, type TimeLimits, type Watch } from "./watch.ts";

/** Phases of a chat whose times are kept. */
export type ChatPhase = "begin" | "first_token" | "settle";

/** Follows a chat for the log. */
export interface ChatObserver {
  /** A phase is over. */
  mark(phase: ChatPhase): void;
  /** The provider was chosen. */
  route(model: string, provider: string): void;
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
   * @throws SluiceError when the answer broke off (what arrived is kept and charged) or could not be recorded in time
   */
  pump(onParts: (parts: AnswerPart[]) => void): Promise<ChatResult>;
}

export interface Gateway {
  /**
   * Holds, calls the provider and waits for its first event.
   * @throws SluiceError with the refusal; nothing is charged then
   */
  open(call: ChatCall): Promise<OpenChat>;
  /** Ends all chats properly, because the worker is about to be stopped: what arrived is settled. */
  endAll(): void;
}

interface GatewayOptions {
  metering: Metering;
  providers: ProviderRegistry;
  limits: TimeLimits;
  /** Milliseconds of a monotonic clock. */
  now(): number;
  randomId(): string;
  /** Keeps the worker alive until the promise is settled. */
  keepAlive(work: Promise<unknown>): void;
}

/** How long a client waits for the ledger when the database is away; the settlement goes on after that. */
const settlementPatienceMs = 5_000;

/** Runs chats: hold, provider, answer, settlement. The provider stream belongs to the request, not to the client. */
export function createGateway({
  metering,
  providers,
  limits,
  now,
  randomId,
  keepAlive,
}: GatewayOptions): Gateway {
  const running = new Set<Watch>();

  async function open(call: ChatCall): Promise<OpenChat> {
    const conversationId = call.request.conversationId ?? randomId();
    const hold = await begin(call, conversationId);
    const settle = (answer: Pick<SettleRequest, "charges" | "messages">) =>
      settleReliably(
        { holdId: call.id, conversationId, continues: call.request.conversationId !== undefined, ...answer },
        { metering, now, onFailure: call.observer.settleFailed },
      );
    const over = Promise.withResolvers<void>();
    keepAlive(over.promise);

    const watch = createWatch(limits, now);
    running.add(watch);
    const end = () => {
      watch.stop();
      running.delete(watch);
    };
    try {
      const { route, configured } = chooseRoute(hold.routes);
      call.observer.route(hold.model, route.provider);
      const events = callProvider(call.request, hold, route, configured, watch);
      const first = await events.next();
      if (first.done) throw new ProviderError("interrupted", "the answer is empty");
      watch.touch();
      call.observer.mark("first_token");
      const start: ChatStart = { id: call.id, conversationId, model: hold.model, provider: route.provider };
      return {
        start,
        async pump(onParts) {
          const answer = createAnswer();
          const failure = await readAnswer(answer, first, events, watch, onParts);
          end();
          const settled = settle(toSettlement(call.request, route, answer));
          settled.catch(() => {}).finally(() => over.resolve());
          const settlement = await withPatience(settled);
          call.observer.mark("settle");
          if (failure !== null) throw failure;
          return {
            ...start,
            content: answer.content,
            reasoning: answer.reasoning,
            finishReason: answer.finish?.reason ?? "interrupted",
            usage: settlement.usage,
            costNano: settlement.costNano,
            estimated: settlement.estimated,
            limits: settlement.limits,
          };
        },
      };
    } catch (thrown) {
      end();
      // Nothing arrived, so nothing is charged. The caller need not wait for the release.
      settle({ charges: [], messages: [] })
        .catch(() => {})
        .finally(() => over.resolve());
      throw refusedError(watch.signal.aborted ? watch.signal.reason : thrown);
    }
  }

  async function begin({ id, userId, request, observer }: ChatCall, conversationId: string): Promise<Hold> {
    try {
      return await metering.begin({
        holdId: id,
        userId,
        model: request.model,
        conversationId,
        continues: request.conversationId !== undefined,
        promptBytes: request.messages.reduce((bytes, message) => bytes + countUtf8Bytes(message.content), 0),
        promptMessages: request.messages.length,
        maxOutputTokens: request.options.maxTokens,
      });
    } catch (error) {
      // No answer does not mean no hold: the call may still be on its way.
      if (error instanceof SluiceError && error.code === "database_unavailable") {
        keepAlive(releaseReliably(id, { metering, now, onFailure: () => {} }));
      }
      throw error;
    } finally {
      observer.mark("begin");
    }
  }

  function chooseRoute(routes: Route[]): { route: Route; configured: ConfiguredProvider } {
    for (const route of routes) {
      const configured = providers.get(route.provider);
      if (configured !== undefined) return { route, configured };
    }
    throw new SluiceError("model_unavailable", { cause: new Error("no provider of this model has a key") });
  }

  return {
    open,
    endAll() {
      for (const watch of running) watch.end(new SluiceError("shutting_down"));
    },
  };
}

function callProvider(
  { messages, options, stream }: ChatRequest,
  hold: Hold,
  route: Route,
  { provider, credential }: ConfiguredProvider,
  watch: Watch,
): AsyncIterator<ProviderEvent[]> {
  const { maxTokens: _, ...providerOptions } = options;
  return provider
    .chat({
      upstreamModel: route.upstreamModel,
      messages: [...hold.history, ...messages],
      maxOutputTokens: hold.maxOutputTokens,
      options: providerOptions,
      stream,
      credential,
      signal: watch.signal,
    })
    [Symbol.asyncIterator]();
}

/** Reads to the end. Returns why the answer broke off, or null when it is complete. */
async function readAnswer(
  answer: Answer,
  first: IteratorResult<ProviderEvent[]>,
  events: AsyncIterator<ProviderEvent[]>,
  watch: Watch,
  onParts: (parts: AnswerPart[]) => void,
): Promise<SluiceError | null> {
  try {
    for (let read = first; !read.done; read = await events.next()) {
      watch.touch();
      onParts(answer.add(read.value));
    }
  } catch (thrown) {
    events.return?.()?.catch(() => {});
    return interruptedError(watch.signal.aborted ? watch.signal.reason : thrown);
  }
  return answer.finish === null ? new SluiceError("provider_interrupted") : null;
}

/** What is charged and kept of an answer, complete or not. */
function toSettlement(
  request: ChatRequest,
  route: Route,
  answer: Answer,
): Pick<SettleRequest, "charges" | "messages"> {
  const charge: Charge = {
    attempt: 1,
    priceId: route.priceId,
    outcome: answer.finish === null ? "interrupted" : "completed",
    usage: answer.finish?.usage ?? null,
    outputBytes: answer.countBytes(),
  };
  const isWorthKeeping = answer.finish !== null || answer.content !== "";
  return {
    charges: [charge],
    messages: isWorthKeeping
      ? [
          ...request.messages,
          {
            role: "assistant",
            content: toStorable(answer.content),
            finishReason: answer.finish?.reason ?? "interrupted",
          },
        ]
      : [],
  };
}

/** Postgres stores neither NUL nor half characters; a model may write either. */
function toStorable(text: string): string {
  return text.replaceAll("\u0000", "\uFFFD").toWellFormed();
}

async function withPatience<Value>(work: Promise<Value>): Promise<Value> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new SluiceError("settlement_pending")), settlementPatienceMs);
  try {
    return await Promise.race([work, promise]);
  } catch (error) {
    throw new SluiceError("settlement_pending", { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
