import type { FinishReason, ToolCall } from "../domain/chat-message.ts";
import { SluiceError } from "../domain/errors.ts";
import type { Usage } from "../domain/usage.ts";
import { createBatcher } from "./batcher.ts";
import { type Database, isItemFault, unwrap } from "./database.ts";
import { readUsageRow, type UsageRow } from "./usage-row.ts";

/** More of a reply: what came since the part before. */
export interface ReplyPart {
  requestId: string;
  /** From 1. */
  part: number;
  /** The provider call that wrote it; a later one takes back what earlier ones wrote. */
  attempt: number;
  content: string;
  reasoning: string;
  /** All of the attempt so far. */
  toolCalls: ToolCall[];
  continuation?: string;
  /** Of the last part of a reply that is over. */
  finishReason?: FinishReason;
}

/** How a request stands, and its reply so far. */
export interface RequestState {
  id: string;
  /** `failed`: refused or failed at no cost; `interrupted`: the reply broke off, or nobody reported back. */
  state: "running" | "completed" | "interrupted" | "failed";
  conversationId: string | null;
  model: string;
  /** Null before anything is charged, as is what comes of the ledger. */
  provider: string | null;
  /** The provider call that wrote the reply, from 1; null while nothing is known of it. */
  attempts: number | null;
  content: string;
  reasoning: string;
  toolCalls: ToolCall[];
  continuation: string | null;
  finishReason: FinishReason | null;
  usage: Usage | null;
  costNano: number | null;
  estimated: boolean | null;
  createdAt: string;
}

/** The replies of requests, for clients that come back. */
export interface Replies {
  /** Writes down more of a reply. @throws SluiceError when the database cannot be reached */
  save(part: ReplyPart): Promise<void>;
  /** @throws SluiceError request_not_found, also for another person's */
  find(userId: string, requestId: string): Promise<RequestState>;
}

/** The most replies of one database call. */
const maxBatchItems = 64;

/** Replies by `save_reply_parts` and `find_request`. */
export function createReplies(database: Database): Replies {
  const save = createBatcher<ReplyPart, undefined>({
    maxItems: maxBatchItems,
    countUnits: countReplyUnits,
    isItemFault,
    async send(parts) {
      unwrap(await database.rpc("save_reply_parts", { items: parts.map(toReplyItem) }));
      return parts.map(() => undefined);
    },
  });

  return {
    save,
    async find(userId, requestId) {
      const { data, error, status } = await database.rpc("find_request", {
        user_id: userId,
        request_id: requestId,
      });
      if (error === null && data === null) throw new SluiceError("request_not_found");
      return readRequest(unwrap({ data, error, status }) as unknown as RequestAnswer);
    },
  };
}

/** About how long a part is on the wire, in UTF-16 units. */
export function countReplyUnits({ content, reasoning, toolCalls }: ReplyPart): number {
  return toolCalls.reduce((units, call) => units + call.arguments.length, content.length + reasoning.length);
}

/** A part in SQL's spelling. */
export function toReplyItem(part: ReplyPart) {
  return {
    hold_id: part.requestId,
    part: part.part,
    attempt: part.attempt,
    content: part.content,
    reasoning: part.reasoning,
    tool_calls: part.toolCalls.length > 0 ? part.toolCalls : null,
    continuation: part.continuation ?? null,
    finish_reason: part.finishReason ?? null,
  };
}

interface RequestAnswer {
  id: string;
  state: RequestState["state"];
  conversation_id: string | null;
  model: string;
  provider: string | null;
  attempt: number | null;
  content: string;
  reasoning: string;
  tool_calls: ToolCall[];
  continuation: string | null;
  finish_reason: FinishReason | null;
  usage: UsageRow | null;
  cost_nano: number | null;
  estimated: boolean | null;
  created_at: string;
}

function readRequest(answer: RequestAnswer): RequestState {
  return {
    id: answer.id,
    state: answer.state,
    conversationId: answer.conversation_id,
    model: answer.model,
    provider: answer.provider,
    attempts: answer.attempt,
    content: answer.content,
    reasoning: answer.reasoning,
    toolCalls: answer.tool_calls,
    continuation: answer.continuation,
    finishReason: answer.finish_reason,
    usage: answer.usage && readUsageRow(answer.usage),
    costNano: answer.cost_nano,
    estimated: answer.estimated,
    createdAt: answer.created_at,
  };
}
