import type { Replies, RequestState } from "../database/replies.ts";
import type { ChatResult, ServedBy } from "../domain/chat-event.ts";
import { SluiceError } from "../domain/errors.ts";
import { partsAfter, startOf } from "../domain/reply-position.ts";
import type { OpenChat } from "./gateway.ts";

/**
 * Tells the reply of a chat that was made and paid for before. Of its limits and warnings nothing is known any more.
 * @throws SluiceError where it broke off, with what it cost, or is no longer kept
 */
export async function replayChat(
  userId: string,
  requestId: string,
  replies: Pick<Replies, "find">,
): Promise<OpenChat> {
  const state = await find(userId, requestId, replies);
  const { id, conversationId, model, provider, attempts, usage, finishReason } = state;
  if (state.state !== "completed") throw brokenOff(state);
  // A text that the database could not take is paid for all the same.
  if (usage === null || finishReason === null) throw notKept();
  const served: ServedBy = { model, provider: provider ?? "", attempts: attempts ?? 1, warnings: [] };
  const start = { id, conversationId, ...served };
  const result: ChatResult = {
    ...start,
    content: state.content,
    reasoning: state.reasoning,
    toolCalls: state.toolCalls,
    ...(state.continuation === null ? {} : { continuation: state.continuation }),
    finishReason,
    usage,
    costNano: state.costNano ?? 0,
    estimated: state.estimated ?? false,
    limits: [],
  };
  return {
    start,
    isReplay: true,
    allowance: [],
    async pump(listener) {
      listener.onParts(partsAfter(startOf(served.attempts), state));
      return result;
    },
  };
}

async function find(
  userId: string,
  requestId: string,
  replies: Pick<Replies, "find">,
): Promise<RequestState> {
  return replies.find(userId, requestId).catch((thrown: unknown) => {
    throw thrown instanceof SluiceError && thrown.code === "request_not_found" ? notKept() : thrown;
  });
}

function notKept(): SluiceError {
  return new SluiceError("request_not_found", {
    param: "Idempotency-Key",
    message:
      "The request with this Idempotency-Key was answered, and its reply is no longer kept: take a new key.",
  });
}

function brokenOff({ id, state, usage, costNano, estimated }: RequestState): SluiceError {
  // What its expiry had charged was given back in the moment between two looks at it.
  if (state === "failed")
    return new SluiceError("provider_failed", {
      message: "The request with this Idempotency-Key failed and cost nothing: ask again.",
    });
  return new SluiceError("provider_interrupted", {
    message:
      "The request with this Idempotency-Key broke off: what was written is charged and kept. Take a new key to ask again.",
    detail: { requestId: id, usage, costNano, estimated },
  });
}
