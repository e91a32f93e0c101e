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
  if (code === "unsupported_parameter") return unsupportedError(String(detail?.missing));
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
