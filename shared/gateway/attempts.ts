import { SluiceError } from "../domain/errors.ts";
import type { Charge, HealthReport, Metering } from "../metering/metering.ts";
import type { CallFailure } from "./call-failure.ts";
import type { Candidate, Candidates } from "./candidates.ts";
import type { Observer } from "./gateway.ts";
import type { Health } from "./health.ts";

/** A call of a provider that has been made. */
export interface ProviderCall {
  readonly candidate: Candidate;
  /** Waits until the provider answers. Returns why it does not, or null. */
  open(): Promise<CallFailure | null>;
  /** What the call costs as it stands; empty while the provider bills nothing. */
  charges(): Charge[];
  /** Ends the call for a reason of ours. */
  end(error: SluiceError): void;
}

/** The provider calls of one request, one after the other. */
export interface Attempts<Call extends ProviderCall> {
  /**
   * Calls providers until one answers.
   * @param by when one has to have begun to answer, in milliseconds of `now`; the deadline where absent
   * @throws SluiceError the failure of the last, when there is nobody left to call, or no time
   */
  connect(by?: number): Promise<Call>;
  /**
   * Takes down that a call broke off after it had begun to answer.
   * @returns whether another may be tried
   */
  broke(call: Call, failure: CallFailure): boolean;
  /** Takes down that a call was answered to its end. */
  completed(call: Call): void;
  /** What all calls cost. */
  charges(): Charge[];
  /** How many calls were made, those before these included. */
  readonly count: number;
  readonly health: HealthReport | undefined;
  /** Ends the call that is out, and lets no other follow. */
  end(error: SluiceError): void;
}

/** What came of a request under a hold that gave way. */
export interface CallsBefore {
  /** How many calls it took. */
  calls: number;
  /** What is learned of routes and keys, before and after. */
  health: Health;
  /** Why the last call failed; absent where there was none. */
  failure?: SluiceError;
}

interface AttemptsOptions<Call> {
  holdId: string;
  candidates: Candidates;
  before: CallsBefore;
  metering: Metering;
  /** Calls a provider; `number` counts the calls of the request from 1, `withinMs` is left for the beginning of an answer. */
  call(candidate: Candidate, number: number, withinMs: number): Call;
  observer: Pick<Observer, "callFailed">;
  /** When the request has to be over, in milliseconds of `now`. */
  deadline: number;
  now(): number;
}

/** Calls under one hold: a provider that is down is not asked for ever. */
const maxCalls = 6;

/** Calls one candidate after the other. Each call that costs money is held for before it is made. */
export function createAttempts<Call extends ProviderCall>(options: AttemptsOptions<Call>): Attempts<Call> {
  const { holdId, candidates, before, metering, deadline, now } = options;
  const { health } = before;
  const calls: Call[] = [];
  let lastFailure: SluiceError | null = null;
  let ended: SluiceError | null = null;
  let wake: (() => void) | null = null;
  /** For how many calls that cost money the hold is enough, in all and to each provider: one where nothing is said. */
  let heldCalls = 1;
  const heldOf = new Map<string, number>();

  const count = () => before.calls + calls.length;
  const charges = () => calls.flatMap((call) => call.charges());

  function takeDown({ candidate }: Call, failure: CallFailure): void {
    const { route, credential } = candidate;
    options.observer.callFailed({
      attempt: count(),
      provider: route.provider,
      upstreamModel: route.upstreamModel,
      credentialId: credential.id,
      error: failure.error,
    });
    candidates.failed(candidate, failure);
    health.failed(candidate, failure);
    lastFailure = failure.error;
  }

  /** Waits, but not until there is no time left, or beyond the end of the worker. */
  async function pause(ms: number, by: number): Promise<void> {
    if (now() + ms >= by) throw lastFailure ?? new SluiceError("deadline_exceeded");
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    const timer = setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
  }

  async function canAfford({ route: { provider } }: Candidate): Promise<boolean> {
    const billed = calls.filter((call) => call.charges().length > 0);
    const needed = billed.length + 1;
    const neededOf = billed.filter(({ candidate }) => candidate.route.provider === provider).length + 1;
    if (needed <= heldCalls && neededOf <= (heldOf.get(provider) ?? 1)) return true;
    const extension = { holdId, calls: needed, provider, providerCalls: neededOf };
    const isExtended = await metering.extend(extension).catch(() => false);
    if (isExtended) {
      heldCalls = Math.max(heldCalls, needed);
      heldOf.set(provider, neededOf);
    }
    return isExtended;
  }

  return {
    async connect(by = deadline) {
      for (;;) {
        if (ended !== null) throw ended;
        const next = calls.length < maxCalls ? candidates.next() : null;
        if (next === null) throw lastFailure ?? candidates.unavailable;
        if (next.waitMs > 0) {
          await pause(next.waitMs, by);
          continue;
        }
        const isAffordable = await canAfford(next.candidate);
        if (ended !== null) throw ended;
        if (!isAffordable) throw lastFailure ?? new SluiceError("quota_exceeded");
        const withinMs = by - now();
        // A provider that is given no time must not be called, and not be blamed.
        if (withinMs <= 0) throw lastFailure ?? new SluiceError("deadline_exceeded");
        const call = options.call(next.candidate, count() + 1, withinMs);
        calls.push(call);
        const failure = await call.open();
        if (failure === null) {
          // What comes of it is told by the settlement, which may be a minute away.
          if (next.candidate.route.outage === "probe")
            metering.reopen(next.candidate.route.id).catch(() => {});
          return call;
        }
        takeDown(call, failure);
      }
    },

    broke(call, failure) {
      takeDown(call, failure);
      return failure.kind !== "final" && ended === null;
    },

    completed: ({ candidate }) => health.reached(candidate),
    charges,
    get count() {
      return count();
    },
    get health() {
      return health.report();
    },

    end(error) {
      ended = error;
      wake?.();
      calls.at(-1)?.end(error);
    },
  };
}
