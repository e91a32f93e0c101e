import type { ChatRequest } from "../../../shared/domain/chat-request.ts";
import { createSecret } from "../../../shared/domain/secret.ts";
import { type ChatCall, createGateway } from "../../../shared/gateway/gateway.ts";
import type { Hold, SettleRequest } from "../../../shared/metering/metering.ts";
import { createLiveProvider } from "./live-provider.ts";
import { createMemoryMetering } from "./memory-metering.ts";

/** What the provider reports for a chat that it finishes. */
export const usage = {
  inputTokens: 10,
  cacheReadTokens: 60,
  cacheWriteTokens: 30,
  outputTokens: 40,
  reasoningTokens: 25,
};

/** A request as the route makes it, but for what is given. Its one message has 8 bytes. */
export function chatRequest(given: Partial<ChatRequest> = {}): ChatRequest {
  return {
    messages: [{ role: "user", content: "Why blue" }],
    conversationId: undefined,
    model: undefined,
    stream: true,
    options: {},
    ...given,
  };
}

/**
 * A gateway with metering in memory and a provider that the test speaks for. Its clock is `Date.now`, so that fake timers
 * move both.
 */
export function startGateway(hold: Partial<Hold> = {}) {
  const memory = createMemoryMetering(hold);
  const live = createLiveProvider();
  const kept: Promise<unknown>[] = [];
  const observed: string[] = [];
  const failures: { request: SettleRequest; isLost: boolean }[] = [];
  let conversations = 0;
  const gateway = createGateway({
    metering: memory.metering,
    providers: new Map([
      ["openai", { provider: live.provider, credential: { key: createSecret("sk-test-0123456789") } }],
    ]),
    limits: { firstTokenMs: 20_000, gapMs: 30_000, deadlineMs: 180_000 },
    now: Date.now,
    randomId: () => `conversation-${++conversations}`,
    keepAlive: (work) => kept.push(work),
  });

  const observer: ChatCall["observer"] = {
    mark: (phase) => void observed.push(phase),
    route: (model, provider) => void observed.push(`${model} at ${provider}`),
    settled: ({ costNano, estimated }) =>
      void observed.push(`${estimated ? "about " : ""}${costNano} nano-USD`),
    settleFailed: (request, _error, isLost) => void failures.push({ request, isLost }),
  };
  const open = (given: Partial<ChatRequest> = {}, id = "hold-1") =>
    gateway.open({ id, userId: "user-1", request: chatRequest(given), observer });

  return {
    gateway,
    memory,
    live,
    open,
    observed,
    failures,
    /** What the worker is kept alive for. */
    kept,
    /** Until all is over for which the worker is kept alive. */
    untilOver: () => Promise.all(kept),
  };
}
