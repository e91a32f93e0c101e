import type { LimitState } from "../../../shared/domain/chat-event.ts";
import { SluiceError } from "../../../shared/domain/errors.ts";
import type {
  BeginRequest,
  Charge,
  Hold,
  Metering,
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

/**
 * Metering in memory with the promises of the real one: a hold is settled once, an unknown one is not charged. A token costs
 * 1 nano-USD; without usage, 4 bytes count as a token.
 */
export function createMemoryMetering(hold: Partial<Hold> = {}) {
  const holds = new Map<string, Entry>();
  let outage: SluiceError | null = null;
  let refusal: SluiceError | null = null;
  let hanging: Promise<void> | null = null;
  let tries = 0;

  const costOf = ({ usage, outputBytes }: Charge, { promptBytes }: BeginRequest) =>
    usage ?? { ...none, inputTokens: Math.ceil(promptBytes / 4), outputTokens: Math.ceil(outputBytes / 4) };

  const metering: Metering = {
    async begin(begun) {
      if (refusal !== null) throw refusal;
      if (outage !== null) throw outage;
      await hanging;
      holds.set(begun.holdId, { begun });
      return {
        model: "openai/gpt-4o-mini",
        routes: [{ priceId: 3, provider: "openai", upstreamModel: "gpt-4o-mini" }],
        history: [],
        maxOutputTokens: 1000,
        ...hold,
      };
    },

    async settle(request): Promise<Settlement> {
      tries++;
      if (outage !== null) throw outage;
      const entry = holds.get(request.holdId);
      if (entry === undefined)
        return { isKnown: false, isStored: true, usage: none, costNano: 0, estimated: false, limits: [] };
      entry.settled ??= request;
      const [charge] = entry.settled.charges;
      const usage = charge === undefined ? none : costOf(charge, entry.begun);
      const costNano =
        usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens + usage.outputTokens;
      return {
        isKnown: true,
        isStored: true,
        usage,
        costNano,
        estimated: charge !== undefined && charge.usage === null,
        limits,
      };
    },
  };

  return {
    metering,
    /** What was settled for a hold; undefined while it is pending, or unknown. */
    settled: (holdId: string) => holds.get(holdId)?.settled,
    /** What a hold was asked for with. */
    begun: (holdId: string) => holds.get(holdId)?.begun,
    /** A hold whose placing its function never learnt of. */
    place: (begun: BeginRequest) => void holds.set(begun.holdId, { begun }),
    refuse(error: SluiceError) {
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
    /** How often it was asked to settle. */
    get tries() {
      return tries;
    },
  };
}
