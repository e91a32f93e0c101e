import { SluiceError } from "../domain/errors.ts";
import type { Metering, Settlement, SettleRequest } from "../metering/metering.ts";

/** As long as the hold lives: after that the database has charged an estimate, which a late settlement still corrects. */
const settleForMs = 600_000;
/** PostgREST gives up a queued call after 10 s: a hold that stays unknown for a minute was never placed. */
const releaseForMs = 60_000;
const firstWaitMs = 100;
const longestWaitMs = 5_000;

interface Reliability {
  metering: Metering;
  /** Milliseconds. */
  now(): number;
  /** Told of every failed try, and with `isLost` when there will be no other: the figures must not vanish silently. */
  onFailure(request: SettleRequest, error: unknown, isLost: boolean): void;
}

/**
 * Settles, again and again until it has worked: the money is spent.
 * @throws the last error, when the hold's life is over
 */
export async function settleReliably(request: SettleRequest, reliability: Reliability): Promise<Settlement> {
  return retry(request, reliability, (settlement) => {
    if (!settlement.isKnown)
      throw new SluiceError("internal_error", { cause: new Error("the hold is unknown") });
  });
}

/**
 * Releases a hold that may or may not have been placed, because the answer to `begin` was lost. Never throws: a hold that
 * stays behind is released by its expiry.
 */
export async function releaseReliably(holdId: string, reliability: Reliability): Promise<void> {
  const request: SettleRequest = { holdId, charges: [], messages: [] };
  let unknownUntil = Number.POSITIVE_INFINITY;
  await retry(request, reliability, (settlement) => {
    if (settlement.isKnown) return;
    unknownUntil = Math.min(unknownUntil, reliability.now() + releaseForMs);
    if (reliability.now() < unknownUntil)
      throw new SluiceError("database_unavailable", { cause: new Error("not placed yet") });
  }).catch(() => {});
}

async function retry(
  request: SettleRequest,
  { metering, now, onFailure }: Reliability,
  check: (settlement: Settlement) => void,
): Promise<Settlement> {
  const giveUpAt = now() + settleForMs;
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    try {
      const settlement = await metering.settle(request);
      check(settlement);
      return settlement;
    } catch (error) {
      const isLost = now() + waitMs >= giveUpAt;
      onFailure(request, error, isLost);
      if (isLost) throw error;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}
