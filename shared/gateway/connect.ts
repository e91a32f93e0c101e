import type { ErrorCode } from "../domain/error-table.ts";
import { SluiceError } from "../domain/errors.ts";
import type { BeginRequest, Repetition, SettleRequest } from "../metering/metering.ts";
import type { Attempts, ProviderCall } from "./attempts.ts";
import type { GatewayContext, Observer } from "./gateway.ts";
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
  /** Who may be called under a hold, and how, after so many calls. */
  prepare(hold: PlacedHold, callsBefore: number): Promise<Attempts<Call>>;
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
 * the hold for them, which cost nothing, gives way to one for the platform's: what these can cost is held for before they are used.
 * @throws SluiceError with the refusal, or the failure of the last call, with what it cost
 */
export async function connect<Call extends ProviderCall>(
  options: ConnectOptions<Call>,
  context: GatewayContext,
  callsBefore = 0,
): Promise<Connected<Call> | Repetition> {
  const { request, observer, answerBy } = options;
  const hold = await context.placeHold(request, observer);
  observer.recognised(hold.userId);
  if ("replayOf" in hold) return hold;
  let attempts: Attempts<Call> | null = null;
  try {
    attempts = await options.prepare(hold, callsBefore);
    context.enter(attempts);
    const call = await attempts.connect(answerBy ?? undefined);
    observer.mark("first_token");
    return { hold, attempts, call };
  } catch (thrown) {
    observer.mark("first_token");
    if (attempts) context.leave(attempts);
    const { health } = attempts ?? {};
    const outcome = { charges: attempts?.charges() ?? [], ...(health && { health }) };
    if (outcome.charges.length > 0 && thrown instanceof SluiceError)
      await hold.conclude({ ...outcome, messages: options.messages }, thrown);
    const isKeyFailure = thrown instanceof SluiceError && keyFailures.includes(thrown.code);
    if (outcome.charges.length > 0 || !isKeyFailure || hold.ownKeys.length === 0 || !hold.mayFallBack) {
      // Nothing is charged: nobody waits for the release.
      hold.release({ ...outcome, messages: [] });
      throw thrown;
    }
    await hold.conclude({ ...outcome, messages: [] }, null).catch(() => {
      throw thrown;
    });
    // Where these cannot be held for, what is wrong with the own keys is what can be mended.
    const again = { ...options, request: { ...request, fallsBack: true } };
    return connect(again, context, attempts?.count).catch((second: unknown) => {
      throw isRefusedHold(second) ? thrown : second;
    });
  }
}

function isRefusedHold(thrown: unknown): boolean {
  return (
    thrown instanceof SluiceError && (thrown.code === "quota_exceeded" || thrown.code === "rate_limited")
  );
}
