import { SluiceError } from "../domain/errors.ts";
import type { SettleRequest } from "../metering/metering.ts";
import type { Attempts, ProviderCall } from "./attempts.ts";
import type { PlacedHold } from "./holding.ts";

/**
 * Settles a request that no provider answered. What is charged for was said, and is kept; where nothing is charged, nobody waits for the
 * release.
 * @param attempts null where it did not come to any
 * @throws what was thrown, with what it cost
 */
export async function closeFailed(
  hold: PlacedHold,
  attempts: Attempts<ProviderCall> | null,
  messages: SettleRequest["messages"],
  thrown: unknown,
): Promise<never> {
  const charges = attempts?.charges() ?? [];
  const health = attempts?.health;
  const outcome = { charges, ...(health && { health }) };
  if (charges.length > 0 && thrown instanceof SluiceError)
    await hold.conclude({ ...outcome, messages }, thrown);
  hold.release({ ...outcome, messages: [] });
  throw thrown;
}
