import type { ErrorCode } from "../domain/error-table.ts";

/** Our own SQLSTATEs: what the migrations answer or raise → the error a caller is told. */
const errorCodes: Record<string, ErrorCode> = {
  SL000: "internal_error",
  SL400: "unsupported_parameter",
  SL401: "unauthorized",
  SL402: "quota_exceeded",
  SL403: "model_not_allowed",
  SL43B: "byok_forbidden",
  SL43K: "own_key_missing",
  SL43S: "scope_missing",
  SL404: "conversation_not_found",
  SL44M: "model_not_found",
  SL44H: "hold_not_found",
  SL44K: "provider_key_not_found",
  SL405: "internal_error",
  SL409: "request_running",
  SL40L: "invalid_request",
  SL40R: "invalid_request",
  SL40S: "sync_running",
  SL49B: "billing_busy",
  SL49R: "reconciliation_running",
  SL49D: "key_exists",
  SL49M: "too_many_keys",
  SL422: "idempotency_mismatch",
  SL429: "rate_limited",
  SL503: "model_unavailable",
};

/** The error of an SQLSTATE of ours; undefined for Postgres' own. */
export function codeOfSqlState(sqlState: string): ErrorCode | undefined {
  return Object.hasOwn(errorCodes, sqlState) ? errorCodes[sqlState] : undefined;
}

/** The error of a refusal that a function of the database answered with; internal_error for one that is none of ours. */
export function codeOfRefusal(refusal: string): ErrorCode {
  return codeOfSqlState(refusal) ?? "internal_error";
}

/** All SQLSTATEs of ours, for the comparison with the migrations. */
export const sqlStates: readonly string[] = Object.keys(errorCodes);
