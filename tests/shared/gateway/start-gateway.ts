import type { ReplyPart } from "../../../shared/database/replies.ts";
import type { AnswerPart, ServedBy } from "../../../shared/domain/chat-event.ts";
import type { ChatRequest } from "../../../shared/domain/chat-request.ts";
import { SluiceError } from "../../../shared/domain/errors.ts";
import { createSecret } from "../../../shared/domain/secret.ts";
import { type ChatCall, createGateway, type OpenChat } from "../../../shared/gateway/gateway.ts";
import type { Hold, SettleRequest } from "../../../shared/metering/metering.ts";
import type { Credential, Provider } from "../../../shared/providers/provider.ts";
import type { ConfiguredProvider } from "../../../shared/providers/registry.ts";
import { createLiveProvider } from "./live-provider.ts";
import { createMemoryMetering, poolKey, route } from "./memory-metering.ts";

/** What the provider reports for a chat that it finishes. */
export const usage = {
  inputTokens: 10,
  cacheReadTokens: 60,
  cacheWriteTokens: 30,
  outputTokens: 40,
  reasoningTokens: 25,
};

/** A provider as the registry has it. */
const configure = (provider: Provider, environmentKey: Credential | null): ConfiguredProvider => ({
  ...{ provider, environmentKey, baseUrl: "https://api.example.com", keyPrefix: null },
  at: () => null,
});

/** A request as the route makes it, but for what is given. Its one message has 8 bytes. */
export function chatRequest(given: Partial<ChatRequest> = {}): ChatRequest {
  return {
    messages: [{ role: "user", content: "Why blue" }],
    conversationId: undefined,
    model: undefined,
    provider: undefined,
    stream: true,
    options: {},
    ...given,
  };
}

/** A key by its name in the log. */
export const credential = (id: string): Credential => ({ id, key: createSecret(`sk-test-${id}-0123456789`) });

/** Reads a chat to its end with nobody listening. */
export const pump = (chat: OpenChat) => chat.pump({ onParts() {} });

/** Reads a chat to its end and keeps what its listener is told, in order. */
export function listen(chat: OpenChat) {
  const told: (AnswerPart | { restart: ServedBy })[] = [];
  const result = chat.pump({
    onParts: (parts) => void told.push(...structuredClone(parts)),
    onRestart: (served) => void told.push({ restart: served }),
  });
  return { told, result };
}

interface Given {
  /** More providers than those that the test speaks for; they have a key of the environment. */
  providers?: Record<string, Provider>;
  /** How replies are written down while they grow; kept in memory where absent. */
  save?: (part: ReplyPart) => Promise<void>;
}

/**
 * A gateway with metering in memory and two providers that the test speaks for: `openai` and, without a key of the environment,
 * `anthropic`. Keys of the pool open where they begin with `sealed`. Its clock is `Date.now`, so that fake timers move both.
 */
export function startGateway(hold: Partial<Hold> = {}, { providers = {}, save }: Given = {}) {
  const memory = createMemoryMetering(hold);
  const live = createLiveProvider();
  const other = createLiveProvider();
  const kept: Promise<unknown>[] = [];
  const observed: string[] = [];
  const failures: { request: SettleRequest; isLost: boolean }[] = [];
  const written: ReplyPart[] = [];
  let conversations = 0;
  const gateway = createGateway({
    metering: memory.metering,
    replies: {
      save: save ?? (async (part) => void written.push(part)),
      async find() {
        throw new SluiceError("request_not_found");
      },
    },
    providers: new Map<string, ConfiguredProvider>([
      ["openai", configure(live.provider, credential("env:openai"))],
      ["anthropic", configure(other.provider, null)],
      ...Object.entries(providers).map(
        ([name, provider]) => [name, configure(provider, credential(`env:${name}`))] as const,
      ),
    ]),
    async openKey({ id, sealedKey }) {
      if (!sealedKey.startsWith("sealed")) throw new Error("does not open");
      return credential(`key:${id}`);
    },
    limits: { firstTokenMs: 20_000, gapMs: 30_000, deadlineMs: 180_000 },
    now: Date.now,
    newId: () => `conversation-${++conversations}`,
    random: () => 0.5,
    keepAlive: (work) => kept.push(work),
  });

  const observer: ChatCall["observer"] = {
    mark: (phase) => void observed.push(phase),
    recognised() {},
    served: ({ model, provider }) => void observed.push(`${model} at ${provider}`),
    callFailed: ({ attempt, provider, credentialId, error }) =>
      void observed.push(`call ${attempt} of ${provider} with ${credentialId}: ${error.code}`),
    keyFailed: (keyId) => void observed.push(`key ${keyId} does not open`),
    settled: ({ costNano, estimated }) =>
      void observed.push(`${estimated ? "about " : ""}${costNano} nano-USD`),
    settleFailed: (request, _error, isLost) => void failures.push({ request, isLost }),
  };
  const open = (given: Partial<ChatRequest> = {}, id = "hold-1", canRestart = false) =>
    gateway.open({
      id,
      caller: { userId: "user-1" },
      request: chatRequest(given),
      idempotency: null,
      takesPreferences: true,
      canRestart,
      observer,
    });

  return {
    gateway,
    memory,
    live,
    /** The provider `anthropic`, of which only keys of the pool can be used. */
    other,
    observer,
    open,
    /** Opens a chat whose listener can take back what it was told. */
    openRestartable: (given: Partial<ChatRequest> = {}) => open(given, "hold-1", true),
    observed,
    failures,
    /** What was written of replies while they grew. */
    written,
    /** What the worker is kept alive for. */
    kept,
    /** Until all is over for which the worker is kept alive. */
    untilOver: () => Promise.all(kept),
  };
}

/** A gateway with a route to `openai` and, behind it, one to `anthropic` with a key of the pool. */
export const startTwo = (hold: Parameters<typeof startGateway>[0] = {}) =>
  startGateway({
    routes: [
      route({ id: 1, priceId: 11, upstreamModel: "gpt" }),
      route({ id: 2, priceId: 22, provider: "anthropic", upstreamModel: "claude", rank: 1 }),
    ],
    keys: [poolKey("k1", "anthropic")],
    ...hold,
  });
