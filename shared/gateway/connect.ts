import type { ErrorCode } from "../domain/error-table.ts";
import { SluiceError } from "../domain/errors.ts";
import type { BeginRequest, Repetition, SettleRequest } from "../metering/metering.ts";
import type { Attempts, CallsBefore, ProviderCall } from "./attempts.ts";
import type { GatewayContext, Observer } from "./gateway.ts";
import { createHealth } from "./health.ts";
import type { PlacedHold } from "./holding.ts";

/** A request whose provider has begun to answer. */
export interface Connected<Call extends ProviderCall> {
  hold: PlacedHold;
  attempts: Attempts<Call>;
  call: Call;
}

interface ConnectOptions<Call extends ProviderCall> {
  request: BeginRequest;
  /** What is kept of a request that failed and was charged. */
  messages: SettleRequest["messages"];
  /** Who may be called under a hold, and how. */
  prepare(hold: PlacedHold, before: CallsBefore): Promise<Attempts<Call>>;
  /** By when one has to have begun to answer, in milliseconds of `now`; the deadline where null. */
  answerBy: number | null;
  observer: Observer;
}

/** What somebody else's key may do better. What is wrong with the request is so with any key. */
const keyFailures: readonly ErrorCode[] = [
  ...(["own_key_refused", "own_key_not_permitted", "own_key_exhausted", "own_key_unavailable"] as const),
  ...(["provider_busy", "provider_failed", "provider_timeout"] as const),
];

/**
 * Holds, and calls providers until one answers. Where the caller's own keys fail before anything was charged, and the caller allows it,
 * the hold for them gives way to one for the platform's: what these can cost is held for before they are used.
 * @throws SluiceError with the refusal, or the failure of the last call, with what it cost
 */
export async function connect<Call extends ProviderCall>(
  options: ConnectOptions<Call>,
  context: GatewayContext,
): Promise<Connected<Call> | Repetition> {
  const hold = await context.placeHold(options.request, options.observer);
  options.observer.recognised(hold.userId);
  if ("replayOf" in hold) return hold;
  return connectUnder(hold, { calls: 0, health: createHealth(context.now) }, options, context);
}

async function connectUnder<Call extends ProviderCall>(
  hold: PlacedHold,
  before: CallsBefore,
  options: ConnectOptions<Call>,
  context: GatewayContext,
): Promise<Connected<Call>> {
  const { observer, answerBy } = options;
  let attempts: Attempts<Call> | null = null;
  try {
    attempts = await options.prepare(hold, before);
    context.enter(attempts);
    const call = await attempts.connect(answerBy ?? undefined);
    observer.mark("first_token");
    return { hold, attempts, call };
  } catch (failure) {
    observer.mark("first_token");
    if (attempts) context.leave(attempts);
    const charges = attempts?.charges() ?? [];
    const health = before.health.report();
    const outcome = { charges, ...(health && { health }) };
    if (charges.length > 0 && failure instanceof SluiceError)
      await hold.conclude({ ...outcome, messages: options.messages }, failure);
    const calls = attempts?.count ?? before.calls;
    if (charges.length === 0 && isKeyFailure(failure) && hold.mayFallBack) {
      // Where these cannot be held for, what is wrong with the own keys is what can be mended.
      const next = await hold.fallBack().catch(() => null);
      if (next !== null) {
        return connectUnder(next, { ...before, calls, failure }, options, context);
      }
    }
    // Nothing is charged: nobody waits for the release.
    hold.release({ ...outcome, messages: [] });
    throw calls === before.calls ? (before.failure ?? failure) : failure;
  }
}

function isKeyFailure(thrown: unknown): thrown is SluiceError {
  return thrown instanceof SluiceError && keyFailures.includes(thrown.code);
}
