import { type ErrorCode, SluiceError } from "../domain/errors.ts";

const unitNames: Record<string, string> = { requests: "requests", tokens: "tokens", nano_usd: "budget" };

/**
 * The error that tells a caller why the database refused a chat: for a limit what ran out, when it resets and which plan
 * would help.
 * @param detail the members that `begin_chats` gives, in SQL's spelling
 */
export function refusalError(code: ErrorCode, detail: Record<string, unknown> | null): SluiceError {
  if (code === "model_not_allowed" || code === "model_not_found")
    return new SluiceError(code, { param: "model" });
  if (code === "conversation_not_found") return new SluiceError(code, { param: "conversationId" });
  if (detail === null || (code !== "quota_exceeded" && code !== "rate_limited")) return new SluiceError(code);

  const resetsAt = new Date(String(detail.resets_at)).toISOString();
  const limit = {
    scope: detail.scope,
    scopeId: detail.scope_id,
    unit: detail.unit,
    window: detail.window,
    limit: detail.limit,
    ...(code === "quota_exceeded" ? { used: detail.used, held: detail.held } : {}),
    resetsAt,
  };
  const what = `What is left of the plan's ${unitNames[String(detail.unit)]} of this ${detail.window}`;
  if (code === "rate_limited") {
    const retryAfterSeconds = Math.ceil(Number(detail.retry_after_ms) / 1000);
    return new SluiceError(code, {
      message: `Too fast: the plan allows ${detail.limit} requests a minute. Wait ${retryAfterSeconds} s and try again.`,
      retryAfterSeconds,
      detail: { limit },
    });
  }
  const upgrade = typeof detail.upgrade === "string" ? detail.upgrade : null;
  return new SluiceError(code, {
    message: `${what} does not cover this request. It resets at ${resetsAt}${upgrade ? `; the plan "${upgrade}" would allow it` : ""}.`,
    detail: { limit, upgrade },
  });
}
