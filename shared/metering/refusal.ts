import { readTime } from "../database/read-time.ts";
import { codeOfSqlState } from "../database/sql-states.ts";
import type { LimitState } from "../domain/chat-event.ts";
import { SluiceError } from "../domain/errors.ts";
import { type LimitRow, readLimitRow } from "./limit-row.ts";

/** What is answered in the place of a hold. */
export interface Refusal {
  /** An SQLSTATE of ours. */
  refusal: string;
  detail?: Record<string, unknown> | null;
  /** The caller's limits as they stand, where they were asked. */
  limits?: LimitRow[] | null;
}

/** The limit that stands in the way, as the database tells it. */
interface LimitDetail extends Pick<LimitState, "scope" | "unit" | "window" | "limit"> {
  /** Whose limit it is; a caller's own where absent. What belongs to the project is told without its figures. */
  owner?: "caller" | "project";
  scope_id: string;
  used?: number;
  held?: number;
  resets_at: string | null;
  retry_after_ms?: number | null;
  upgrade?: string | null;
}

/**
 * The error that tells a caller why the database refused to hold: for a limit what ran out, when it resets and which plan
 * would help.
 */
export function readRefusal({ refusal, detail = null, limits }: Refusal): SluiceError {
  const code = codeOfSqlState(refusal);
  if (code === undefined)
    return new SluiceError("internal_error", { cause: new Error(`unknown refusal ${refusal}`) });
  const allowance = limits?.map(readLimitRow);
  if (code === "model_not_allowed" || code === "model_not_found")
    return new SluiceError(code, { param: "model" });
  if (code === "unsupported_parameter") return unsupportedError(String(detail?.missing));
  if (code === "conversation_not_found") return new SluiceError(code, { param: "conversationId" });
  // Nothing else is asked of an API key together with a hold.
  if (code === "scope_missing") return new SluiceError(code, { detail: { scope: "chat" } });
  if (code === "own_key_missing") return new SluiceError(code, { param: "model" });
  if (code === "idempotency_mismatch") return new SluiceError(code, { param: "Idempotency-Key" });
  if (detail === null) return new SluiceError(code);
  if (code === "request_running") return runningError(String(detail.request_id));
  if (code === "quota_exceeded") return quotaError(detail as unknown as LimitDetail, allowance);
  if (code === "rate_limited") return rateError(detail as unknown as LimitDetail, allowance);
  return new SluiceError(code);
}

function runningError(requestId: string): SluiceError {
  return new SluiceError("request_running", {
    message: `A request with this Idempotency-Key is still running: wait for it, or come back for its reply at ai-chat/requests/${requestId}.`,
    detail: { requestId },
  });
}

/** What a limit counts: what is left of it, and so much of it. */
const unitWords = {
  requests: { left: "requests", counted: "requests" },
  tokens: { left: "tokens", counted: "tokens" },
  nano_usd: { left: "budget", counted: "nano-USD" },
  concurrent: { left: "requests", counted: "requests" },
};

/** A limit that waiting helps against is one of a day or a month; what a minute or a moment never allows is asked for in vain. */
function quotaError(detail: LimitDetail, allowance?: LimitState[]): SluiceError {
  const { window, unit } = detail;
  const { left, counted } = unitWords[unit];
  const upgrade = detail.upgrade ?? null;
  const helpful = upgrade === null ? "" : `; the plan "${upgrade}" would allow it`;
  const { owner, subject, figure } = wordsOf(detail);
  const isMeasured = unit === "tokens" || unit === "nano_usd";
  const message =
    window === "day" || window === "month"
      ? `What is left of the ${owner}'s ${left} of this ${window}${subject} does not cover this request. It resets at ${readTime(detail.resets_at)}${helpful}.`
      : `What the ${owner} allows ${window === "minute" ? "a minute" : "at once"}${subject}${figure && `, ${figure} ${counted},`} does not cover this request. ${isMeasured ? "Ask for less" : "Waiting does not help"}${helpful}.`;
  return new SluiceError("quota_exceeded", {
    message,
    allowance,
    detail: { limit: describeLimit(detail, { used: detail.used, held: detail.held }), upgrade },
  });
}

/** A place that is taken is free again when another request is over: nobody knows when. */
const placeWaitMs = 2000;

function rateError(detail: LimitDetail, allowance?: LimitState[]): SluiceError {
  const retryAfterSeconds = Math.ceil((detail.retry_after_ms ?? placeWaitMs) / 1000);
  const { left, counted } = unitWords[detail.unit];
  const { owner, subject, figure } = wordsOf(detail);
  const wait = `Wait ${retryAfterSeconds} s and try again.`;
  let message: string;
  if (detail.unit === "concurrent")
    message = figure
      ? `Too many requests at once${subject}: the ${owner} allows ${figure}. Wait for one to finish and try again.`
      : `Too many requests at once${subject}: the ${owner} allows no more at this moment. ${wait}`;
  else
    message = figure
      ? `Too fast: the ${owner} allows ${figure} ${counted} a minute${subject}. ${wait}`
      : `Too fast: what is left of the ${owner}'s ${left} of this minute${subject} does not cover this request. ${wait}`;
  return new SluiceError("rate_limited", {
    message,
    retryAfterSeconds,
    allowance,
    detail: { limit: describeLimit(detail) },
  });
}

/** Who limits what to how much, in words; the figure is empty where it must not be told. */
function wordsOf({ owner, scope, scope_id, limit }: LimitDetail) {
  const isOfProject = owner === "project";
  return {
    owner: isOfProject ? "service" : scope === "api_key" ? "API key" : "plan",
    subject: scope === "all" || scope === "api_key" ? "" : ` for the ${scope} ${scope_id}`,
    figure: isOfProject ? "" : String(limit),
  };
}

function describeLimit(detail: LimitDetail, counted: object = {}) {
  const { owner = "caller", scope, scope_id, unit, window, limit, resets_at } = detail;
  return {
    ...{ owner, scope, scopeId: scope_id, unit, window },
    ...(owner === "caller" ? { limit, ...counted } : {}),
    resetsAt: readTime(resets_at),
  };
}

/** What a model cannot do, by the name in the catalogue: the field that asks for it, and in words. */
const abilities: Record<string, { param: string; what: string }> = {
  text: { param: "model", what: "chat" },
  embeddings: { param: "model", what: "embed texts" },
  image: { param: "messages", what: "see images" },
  tools: { param: "options.tools", what: "call tools" },
  tool_choice: { param: "options.toolChoice", what: "be told which tool to call" },
  stop: { param: "options.stop", what: "stop at given texts" },
  response_format: { param: "options.responseFormat", what: "be held to JSON" },
  structured_outputs: { param: "options.responseFormat", what: "be held to a schema" },
};

function unsupportedError(missing: string): SluiceError {
  const { param, what } = abilities[missing] ?? { param: "model", what: missing };
  return new SluiceError("unsupported_parameter", {
    param,
    message: `${param}: this model cannot ${what}. Choose another model or leave it out.`,
  });
}
