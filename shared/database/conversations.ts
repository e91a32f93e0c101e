import { z } from "zod";
import type { ChatMessage, ContentPart, FinishReason, ToolCall } from "../domain/chat-message.ts";
import { SluiceError } from "../domain/errors.ts";
import { type Page, readCursor, writeCursor } from "./cursor.ts";
import { type Database, unwrap } from "./database.ts";

/** A conversation without its messages. Times are ISO 8601. */
export interface Conversation {
  id: string;
  title: string;
  messageCount: number;
  createdAt: string;
  updatedAt: string;
}

export interface StoredMessage {
  /** From 1, without gaps. */
  position: number;
  role: ChatMessage["role"];
  /** Texts and images in their order, where there are images. */
  content: string | ContentPart[];
  /** Of an assistant's message; empty where it asked for no tool. */
  toolCalls: ToolCall[];
  /** Of a tool's message: the call of which it is the result. */
  toolCallId: string | null;
  continuation: string | null;
  finishReason: FinishReason | null;
  model: string | null;
  requestId: string;
  createdAt: string;
}

/** The conversations of people. Whoever asks gets only their own: for others' and unknown ids `conversation_not_found` is thrown. */
export interface Conversations {
  /** Those with the newest turns first. */
  list(userId: string, page: Page): Promise<{ conversations: Conversation[]; nextCursor: string | null }>;
  /** The newest messages, in the order in which they were said; the cursor leads to older ones. */
  read(
    userId: string,
    id: string,
    page: Page,
  ): Promise<{ conversation: Conversation; messages: StoredMessage[]; nextCursor: string | null }>;
  rename(userId: string, id: string, title: string): Promise<Conversation>;
  remove(userId: string, id: string): Promise<void>;
}

const columns = "id, title, message_count, created_at, updated_at";
const messageColumns =
  "position, role, content, parts, tool_calls, tool_call_id, continuation, finish_reason, model_id, request_id, created_at";

/** The rights of the service reach every row: each query here names the owner. */
export function createConversations(database: Database): Conversations {
  const one = async (userId: string, id: string): Promise<Conversation> => {
    const rows = unwrap(
      await database.from("conversations").select(columns).eq("id", id).eq("user_id", userId),
    );
    return toConversation(found(rows));
  };

  return {
    async list(userId, { limit, cursor }) {
      let query = database
        .from("conversations")
        .select(columns)
        .eq("user_id", userId)
        .order("updated_at", { ascending: false })
        .order("id", { ascending: false })
        .limit(limit + 1);
      if (cursor !== undefined) {
        const [time, id] = readCursor(cursor, listCursor);
        query = query.or(`updated_at.lt."${time}",and(updated_at.eq."${time}",id.lt.${id})`);
      }
      const rows = unwrap(await query);
      const page = rows.slice(0, limit);
      const last = rows.length > limit ? page.at(-1) : undefined;
      return {
        conversations: page.map(toConversation),
        nextCursor: last ? writeCursor([last.updated_at, last.id]) : null,
      };
    },

    async read(userId, id, { limit, cursor }) {
      const conversation = await one(userId, id);
      let query = database
        .from("messages")
        .select(messageColumns)
        .eq("conversation_id", id)
        .order("position", { ascending: false })
        .limit(limit + 1);
      if (cursor !== undefined) query = query.lt("position", readCursor(cursor, messageCursor)[0]);
      const rows = unwrap(await query);
      const page = rows.slice(0, limit).reverse();
      const oldest = rows.length > limit ? page[0] : undefined;
      return {
        conversation,
        messages: page.map(toMessage),
        nextCursor: oldest ? writeCursor([oldest.position]) : null,
      };
    },

    async rename(userId, id, title) {
      const rows = unwrap(
        await database
          .from("conversations")
          .update({ title })
          .eq("id", id)
          .eq("user_id", userId)
          .select(columns),
      );
      return toConversation(found(rows));
    },

    async remove(userId, id) {
      found(
        unwrap(await database.from("conversations").delete().eq("id", id).eq("user_id", userId).select("id")),
      );
    },
  };
}

function found<Row>([row]: Row[]): Row {
  if (row === undefined) throw new SluiceError("conversation_not_found");
  return row;
}

interface ConversationRow {
  id: string;
  title: string;
  message_count: number;
  created_at: string;
  updated_at: string;
}

function toConversation(row: ConversationRow): Conversation {
  return {
    id: row.id,
    title: row.title,
    messageCount: row.message_count,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

interface MessageRow {
  position: number;
  role: StoredMessage["role"];
  content: string;
  parts: unknown;
  tool_calls: unknown;
  tool_call_id: string | null;
  continuation: string | null;
  finish_reason: FinishReason | null;
  model_id: string | null;
  request_id: string;
  created_at: string;
}

function toMessage(row: MessageRow): StoredMessage {
  return {
    position: row.position,
    role: row.role,
    content: (row.parts as ContentPart[] | null) ?? row.content,
    toolCalls: (row.tool_calls as ToolCall[] | null) ?? [],
    toolCallId: row.tool_call_id,
    continuation: row.continuation,
    finishReason: row.finish_reason,
    model: row.model_id,
    requestId: row.request_id,
    createdAt: row.created_at,
  };
}

// Within what Postgres takes: it has no year 0, and positions are 32-bit.
const listCursor = z.tuple([z.iso.datetime({ offset: true }).refine((time) => time >= "0001"), z.uuid()]);
const messageCursor = z.tuple([z.int().positive().max(2_147_483_647)]);
