import type { ErrorCode } from "../domain/error-table.ts";
import { SluiceError } from "../domain/errors.ts";
import { ProviderError, type ProviderFailure } from "../providers/provider.ts";

/** Why a provider call failed: for the next try, and for the caller if there is none. */
export interface CallFailure {
  /** `silent`: nothing came in time; `final`: whatever comes next, it is not another try. */
  kind: ProviderFailure | "silent" | "final";
  error: SluiceError;
  /** How long the provider asks to wait, in milliseconds. */
  retryAfterMs: number | undefined;
}

const codes: Record<ProviderFailure, ErrorCode> = {
  invalid_request: "provider_refused",
  context_length: "context_length_exceeded",
  content_policy: "content_refused",
  credential: "provider_failed",
  permission: "provider_failed",
  quota: "provider_failed",
  rate_limited: "provider_busy",
  unavailable: "provider_failed",
  interrupted: "provider_failed",
};

/** What a caller can do something about where the key is their own. */
const ownKeyCodes: Partial<Record<ProviderFailure, ErrorCode>> = {
  credential: "own_key_refused",
  permission: "own_key_not_permitted",
  quota: "own_key_exhausted",
};

/**
 * What a call's exception means.
 * @param hasBegun whether the provider had begun to answer, so that a caller is told of an interruption
 * @param isOwnKey whether it was called with the caller's own key, so that the caller is told what is wrong with it
 */
export function readFailure(thrown: unknown, hasBegun: boolean, isOwnKey: boolean): CallFailure {
  if (thrown instanceof SluiceError) {
    const isSilence = thrown.code === "provider_timeout" || thrown.code === "provider_interrupted";
    return { kind: isSilence ? "silent" : "final", error: thrown, retryAfterMs: undefined };
  }
  const kind = thrown instanceof ProviderError ? thrown.failure : "unavailable";
  const retryAfterMs = thrown instanceof ProviderError ? thrown.retryAfterMs : undefined;
  const retryAfterSeconds =
    kind === "rate_limited" && retryAfterMs !== undefined ? Math.ceil(retryAfterMs / 1000) : undefined;
  const code = (isOwnKey ? ownKeyCodes[kind] : undefined) ?? codes[kind];
  const error = new SluiceError(hasBegun ? "provider_interrupted" : code, {
    cause: thrown,
    ...(retryAfterSeconds === undefined || hasBegun ? {} : { retryAfterSeconds }),
  });
  return { kind, error, retryAfterMs };
}

/** The failure of a call that cost money: what is paid for is not asked for again in the same place. */
export function billed(failure: CallFailure): CallFailure {
  if (failure.kind !== "unavailable" && failure.kind !== "rate_limited") return failure;
  const error = new SluiceError("provider_interrupted", { cause: failure.error.cause });
  return { ...failure, kind: "interrupted", error };
}
