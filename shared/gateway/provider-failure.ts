import { type ErrorCode, SluiceError } from "../domain/errors.ts";
import { ProviderError, type ProviderFailure } from "../providers/provider.ts";

const codes: Record<ProviderFailure, ErrorCode> = {
  invalid_request: "provider_refused",
  context_length: "context_length_exceeded",
  content_policy: "content_refused",
  credential: "provider_failed",
  quota: "provider_failed",
  rate_limited: "provider_busy",
  unavailable: "provider_failed",
  interrupted: "provider_failed",
};

/** What a caller is told when a provider failed before its first event. */
export function refusedError(thrown: unknown): SluiceError {
  if (thrown instanceof SluiceError) return thrown;
  if (!(thrown instanceof ProviderError)) return new SluiceError("provider_failed", { cause: thrown });
  const waitMs = thrown.failure === "rate_limited" ? thrown.retryAfterMs : undefined;
  return new SluiceError(codes[thrown.failure], {
    cause: thrown,
    ...(waitMs === undefined ? {} : { retryAfterSeconds: Math.ceil(waitMs / 1000) }),
  });
}

/** What a caller is told when a provider failed after its first event. */
export function interruptedError(thrown: unknown): SluiceError {
  return thrown instanceof SluiceError ? thrown : new SluiceError("provider_interrupted", { cause: thrown });
}
