import type { LimitState } from "../../../shared/domain/chat-event.ts";
import { SluiceError } from "../../../shared/domain/errors.ts";
import type { Usage } from "../../../shared/domain/usage.ts";
import type {
  BeginRequest,
  Charge,
  Hold,
  Metering,
  Route,
  Settlement,
  SettleRequest,
} from "../../../shared/metering/metering.ts";

interface Entry {
  begun: BeginRequest;
  /** Undefined while the hold is pending. */
  settled?: SettleRequest;
}

const none = { inputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 0, reasoningTokens: 0 };

/** What is left of the only limit, whatever happens. */
export const limits: LimitState[] = [
  {
    scope: "all",
    scopeId: "",
    unit: "requests",
    window: "day",
    limit: 10,
    used: 1,
    held: 0,
    left: 9,
    resetsAt: "2026-11-21T00:00:00.000Z",
  },
];

/** A route as metering hands it out, but for what is given. */
export const route = (given: Partial<Route> = {}): Route => ({
  id: 1,
  priceId: 3,
  provider: "openai",
  upstreamModel: "gpt-4o-mini",
  rank: 0,
  weight: 1,
  contextTokens: 128_000,
  outage: "none",
  ...given,
});

/** A key of the pool; one whose sealed text does not begin with `sealed` does not open. */
export const poolKey = (id: string, provider = "openai", sealedKey = `sealed ${id}`) => ({
  ...{ id, provider, sealedKey, userId: null, baseUrl: null },
  ...{ weight: 1, useCount: 0 },
});

/** A key of the caller's own, at an address of theirs where one is given. */
export const ownKey = (id: string, provider = "openai", baseUrl: string | null = null) => ({
  ...{ id, provider, sealedKey: `sealed ${id}`, userId: "user-1", baseUrl },
});

/** What a call that broke off costs, but for what is given. */
export const charge = (given: Partial<Charge> = {}): Charge => ({
  ...{ attempt: 1, priceId: 3, outcome: "interrupted", usage: null, outputBytes: 8 },
  credentialId: "env:openai",
  ...given,
});

/** A request for a hold, but for what is given. */
export const beginRequest = (given: Partial<BeginRequest> = {}): BeginRequest => ({
  holdId: "hold-1",
  caller: { userId: "user-1" },
  model: undefined,
  provider: undefined,
  conversationId: "conversation-1",
  continues: false,
  firstText: "Hello",
  prompt: { bytes: 8, messages: 1, images: 0, overheadTokens: 0 },
  takesPreferences: false,
  takesSystemPrompt: false,
  outputModality: "text",
  needs: [],
  maxOutputTokens: undefined,
  idempotency: null,
  fallsBack: false,
  ...given,
});

/**
 * Metering in memory with the promises of the real one: a hold is settled once, an unknown one is not charged. A token costs
 * 1 nano-USD; without usage, 4 bytes count as a token.
 */
export function createMemoryMetering(hold: Partial<Hold> = {}) {
  const holds = new Map<string, Entry>();
  let outage: SluiceError | null = null;
  let refusal: Error | null = null;
  let hanging: Promise<void> | null = null;
  let tries = 0;
  let extensions = 0;
  const reopened: number[] = [];
  let mostExtensions = Number.POSITIVE_INFINITY;
  let extending: Promise<void> | null = null;
  const gaveWay: string[] = [];
  let fallingBack: SluiceError | null = null;

  const usageOf = ({ usage, outputBytes }: Charge, { prompt }: BeginRequest): Usage => ({
    ...(usage ?? { ...none, inputTokens: Math.ceil(prompt.bytes / 4) }),
    outputTokens: usage?.outputTokens ?? Math.ceil(outputBytes / 4),
  });

  const metering: Metering = {
    async begin(begun) {
      if (refusal !== null) throw refusal;
      if (outage !== null) throw outage;
      await hanging;
      if (begun.fallsBack) {
        if (fallingBack !== null) throw fallingBack;
        const before = holds.get(begun.holdId);
        if (before === undefined || before.settled !== undefined) throw new SluiceError("hold_not_found");
        gaveWay.push(begun.holdId);
      }
      holds.set(begun.holdId, { begun });
      return {
        userId: "user-1",
        model: "openai/gpt-4o-mini",
        routes: [route()],
        ...{ keys: [], ownKeys: [], mayFallBack: false },
        coolingKeys: new Map(),
        history: [],
        maxOutputTokens: 1000,
        supportedParameters: ["temperature", "top_p", "stop", "seed", "tools", "reasoning"],
        firstTokenMs: null,
        preferences: { temperature: null, systemPrompt: null },
        unavailableDefaultModel: null,
        allowance: [],
        ...hold,
        ...(begun.fallsBack ? { ownKeys: [], mayFallBack: false } : {}),
      };
    },

    async reopen(routeId) {
      if (outage !== null) throw outage;
      reopened.push(routeId);
    },

    async extend({ holdId }) {
      if (outage !== null) throw outage;
      await extending;
      if (!holds.has(holdId) || extensions >= mostExtensions) return false;
      extensions++;
      return true;
    },

    async settle(request): Promise<Settlement> {
      tries++;
      if (outage !== null) throw outage;
      const entry = holds.get(request.holdId);
      if (entry === undefined)
        return { isKnown: false, isStored: true, usage: none, costNano: 0, estimated: false, limits: [] };
      entry.settled ??= request;
      const { begun, settled } = entry;
      const usage = settled.charges.map((charge) => usageOf(charge, begun)).reduce(addUsage, none);
      const costNano =
        usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens + usage.outputTokens;
      return {
        isKnown: true,
        isStored: true,
        usage,
        costNano,
        estimated: settled.charges.some(({ usage }) => usage === null || usage.outputTokens === null),
        limits,
      };
    },
  };

  return {
    /** Holds for own keys that gave way to one for the platform's. */
    gaveWay,
    /** From now on the platform's keys cannot be held for. */
    refuseToFallBack(error: SluiceError): void {
      fallingBack = error;
    },
    /** The routes that were told to be open again. */
    reopened,
    metering,
    /** What was settled for a hold; undefined while it is pending, or unknown. */
    settled: (holdId: string) => holds.get(holdId)?.settled,
    /** What a hold was asked for with. */
    begun: (holdId: string) => holds.get(holdId)?.begun,
    /** A hold whose placing its function never learnt of. */
    place: (begun: BeginRequest) => void holds.set(begun.holdId, { begun }),
    refuse(error: Error) {
      refusal = error;
    },
    /** From now on nothing is reached, until `comeBack`. */
    goAway() {
      outage = new SluiceError("database_unavailable");
    },
    comeBack() {
      outage = null;
    },
    /** From now on holds are placed only once the returned promise is resolved. */
    hang() {
      const { promise, resolve } = Promise.withResolvers<void>();
      hanging = promise;
      return { resolve };
    },
    /** How many more provider calls the caller's limits cover. */
    allowExtensions(count: number) {
      mostExtensions = count;
    },
    /** From now on holds are extended only once the returned promise is resolved. */
    hangExtensions() {
      const { promise, resolve } = Promise.withResolvers<void>();
      extending = promise;
      return { resolve };
    },
    get extensions() {
      return extensions;
    },
    /** How often it was asked to settle. */
    get tries() {
      return tries;
    },
  };
}

function addUsage(sum: Usage, more: Usage): Usage {
  return {
    inputTokens: sum.inputTokens + more.inputTokens,
    cacheReadTokens: sum.cacheReadTokens + more.cacheReadTokens,
    cacheWriteTokens: sum.cacheWriteTokens + more.cacheWriteTokens,
    outputTokens: sum.outputTokens + more.outputTokens,
    reasoningTokens: sum.reasoningTokens + more.reasoningTokens,
  };
}
