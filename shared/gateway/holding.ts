import { SluiceError } from "../domain/errors.ts";
import type {
  BeginRequest,
  Hold,
  Metering,
  Repetition,
  Settlement,
  SettleRequest,
} from "../metering/metering.ts";
import type { Observer } from "./gateway.ts";
import { releaseReliably, settleReliably } from "./settle-reliably.ts";
import { within } from "./within.ts";

/** How long a client waits for a hold, also behind others while the database does not answer. */
const beginPatienceMs = 4_500;
/** How long a client waits for the ledger when the database is away; the settlement goes on after that. */
const settlementPatienceMs = 5_000;
/**
 * Holds in doubt that are looked after at a time. Each is asked for until the database answers, and in a long outage more of them
 * would stand in the way of settlements. The others, if they were placed at all, expire.
 */
const maxHoldsInDoubt = 256;

interface HoldingOptions {
  metering: Metering;
  now(): number;
  keepAlive(work: Promise<unknown>): void;
}

/** A hold from its placing to its settlement. */
export interface PlacedHold extends Hold {
  /**
   * Gives way to a hold for the platform's keys, under the same name. Neither `release` nor `conclude` is to be called after that.
   * @throws SluiceError with the refusal, or because the database is away: then this hold is to be released as before
   */
  fallBack(): Promise<PlacedHold>;
  /** Settles in the background, for outcomes that nobody waits for. To be called once, unless `conclude` is. */
  release(request: Omit<SettleRequest, "holdId">): void;
  /**
   * Settles and waits for the ledger, but not for ever. To be called once.
   * @param failure why the answer broke off
   * @throws SluiceError the failure, with what it cost; settlement_pending where there is none but the ledger
   */
  conclude(request: Omit<SettleRequest, "holdId">, failure: SluiceError | null): Promise<Settlement>;
}

/**
 * Whether the database decided not to hold. Any other failure does not mean that there is no hold: the call may still be on its way,
 * or its answer be one that nobody understands.
 */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof SluiceError && error.code !== "database_unavailable" && error.code !== "internal_error"
  );
}

/** Places and settles the holds of requests, whatever becomes of the connection to the database. */
export function createHolding({ metering, now, keepAlive }: HoldingOptions) {
  let holdsInDoubt = 0;

  async function releaseInDoubt(id: string, observer: Observer): Promise<void> {
    if (holdsInDoubt >= maxHoldsInDoubt) return;
    holdsInDoubt++;
    const onFailure: Observer["settleFailed"] = (failed, cause, isLost) =>
      isLost && observer.settleFailed(failed, cause, isLost);
    await releaseReliably(id, { metering, now, onFailure });
    holdsInDoubt--;
  }

  /** @throws SluiceError with the refusal, when nothing stays held */
  return async function place(request: BeginRequest, observer: Observer): Promise<PlacedHold | Repetition> {
    const { holdId } = request;
    let hold: Hold | Repetition;
    try {
      hold = await within(
        beginPatienceMs,
        metering.begin(request),
        () => new SluiceError("database_unavailable"),
      );
    } catch (error) {
      // The hold that was to give way is released under the same name, whichever of the two is there.
      if (!isRefusal(error) && !request.fallsBack) keepAlive(releaseInDoubt(holdId, observer));
      throw error;
    } finally {
      observer.mark("begin");
    }
    if ("replayOf" in hold) return hold;
    const over = Promise.withResolvers<void>();
    keepAlive(over.promise);

    function settle(settlement: Omit<SettleRequest, "holdId">): Promise<Settlement> {
      const settled = settleReliably(
        { holdId, ...settlement },
        { metering, now, onFailure: observer.settleFailed },
      );
      settled.catch(() => {}).finally(() => over.resolve());
      return settled;
    }

    return {
      ...hold,
      async fallBack() {
        const next = await place({ ...request, fallsBack: true }, observer);
        // Its name is its own already.
        if ("replayOf" in next) throw new SluiceError("internal_error");
        over.resolve();
        return next;
      },
      release: (settlement) => void settle(settlement),
      async conclude(settlement, failure) {
        const pending = () => failure ?? new SluiceError("settlement_pending");
        const settled = await within(settlementPatienceMs, settle(settlement), pending).catch(() => {
          throw pending();
        });
        observer.mark("settle");
        observer.settled(settled);
        if (failure === null) return settled;
        const { usage, costNano, estimated } = settled;
        throw failure.withDetail({ usage, costNano, estimated });
      },
    };
  };
}
