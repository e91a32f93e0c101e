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
  if (state.state !== "completed" || state.usage === null || state.finishReason === null)
    throw brokenOff(state);
  const { id, conversationId, model, provider, attempts, content, reasoning, toolCalls, continuation } =
    state;
  const served: ServedBy = { model, provider: provider ?? "", attempts: attempts ?? 1, warnings: [] };
  const start = { id, conversationId, ...served };
  const result: ChatResult = {
    ...start,
    content,
    reasoning,
    toolCalls,
    ...(continuation === null ? {} : { continuation }),
    finishReason: state.finishReason,
    usage: state.usage,
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
    if (!(thrown instanceof SluiceError) || thrown.code !== "request_not_found") throw thrown;
    throw new SluiceError("request_not_found", {
      param: "Idempotency-Key",
      message:
        "The request with this Idempotency-Key was answered, and its reply is no longer kept: take a new key.",
    });
  });
}

function brokenOff({ id, usage, costNano, estimated }: RequestState): SluiceError {
  return new SluiceError("provider_interrupted", {
    message:
      "The request with this Idempotency-Key broke off: what was written is charged and kept. Take a new key to ask again.",
    detail: { requestId: id, usage, costNano, estimated },
  });
}
