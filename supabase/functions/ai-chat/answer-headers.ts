import type { ServedBy } from "../../../shared/domain/chat-event.ts";
import type { OpenChat } from "../../../shared/gateway/gateway.ts";
import { replayHeader } from "../../../shared/http/idempotency.ts";
import { rateLimitHeaders } from "../../../shared/http/rate-limit-headers.ts";
import { servedByHeaders } from "../../../shared/http/served-by-headers.ts";

/**
 * What the headers of an answer tell: who serves it, what is left of the caller's limits, and whether it was given before.
 * @param epochMs now, in milliseconds since the epoch
 */
export function answerHeaders(
  { isReplay, allowance }: Pick<OpenChat, "isReplay" | "allowance">,
  served: ServedBy,
  epochMs: number,
): Record<string, string> {
  return {
    ...servedByHeaders(served),
    ...rateLimitHeaders(allowance, epochMs),
    ...(isReplay ? replayHeader : {}),
  };
}
