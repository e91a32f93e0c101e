import type { RequestState } from "../../shared/database/replies.ts";
import type { ToolCall } from "../../shared/domain/chat-message.ts";
import type { ErrorBody } from "../../shared/domain/errors.ts";
import { createChatClient } from "./chat-client.ts";
import type { Database } from "./open-database.ts";
import { readEvents, readRest, type StreamEvent } from "./read-events.ts";

/** A reply as a client has put it together. */
export interface Reply {
  content: string;
  reasoning: string;
  toolCalls: ToolCall[];
}

/** Comes back for replies, as an app does that lost its connection; through the gateway unless another address is given. */
export function createReplyClient(url?: string) {
  const chats = createChatClient(url);

  async function open({ token }: { token: string }, id: string, lastEventId?: string) {
    const response = await chats.send(`/requests/${id}`, {
      token,
      headers: {
        accept: "text/event-stream",
        ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
      },
    });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    return { headers: response.headers, events: readEvents(response.body) };
  }

  return {
    /** How a request stands. */
    find: (person: { token: string }, id: string) =>
      chats.request<RequestState & ErrorBody>(person, "GET", `/requests/${id}`),

    open,

    /** All events that come after one, or all there are. */
    async resume(person: { token: string }, id: string, lastEventId?: string): Promise<StreamEvent[]> {
      return readRest((await open(person, id, lastEventId)).events);
    },
  };
}

/** What a client has after these events, of which a restart takes back what was before it. */
export function joinReply(events: StreamEvent[]): Reply {
  let reply: Reply = { content: "", reasoning: "", toolCalls: [] };
  for (const event of events) {
    if (event.type === "chunk") reply.content += event.data.text;
    else if (event.type === "reasoning") reply.reasoning += event.data.text;
    else if (event.type === "restart") reply = { content: "", reasoning: "", toolCalls: [] };
    else if (event.type === "tool_call") {
      const { index, id, name, arguments: text } = event.data;
      const call = reply.toolCalls[index];
      if (call !== undefined) call.arguments += text;
      else reply.toolCalls[index] = { id: id ?? "", name: name ?? "", arguments: text };
    }
  }
  return reply;
}

/** The id that a client sends when it comes back after these events; undefined where none of them had one. */
export function lastIdOf(events: StreamEvent[]): string | undefined {
  return events.map((event) => ("id" in event ? event.id : undefined)).findLast((id) => id !== undefined);
}

/** The types of events, each run of one type once. */
export function outlineOf(events: StreamEvent[]): string[] {
  const types: string[] = events.map(({ type }) => type).filter((type) => type !== "comment");
  return types.filter((type, index) => type !== types[index - 1]);
}

/** The id of the request whose stream these events begin. */
export function idOf([start]: StreamEvent[]): string {
  if (start?.type !== "start") throw new Error("the stream does not start");
  return start.data.id;
}

interface ReplyPart {
  part: number;
  attempt: number;
  content: string;
  finish_reason: string | null;
}

/** What the database has of a reply, in its order. */
export async function readReplyParts(sql: Database, requestId: string): Promise<ReplyPart[]> {
  return sql<ReplyPart[]>`
    select part, attempt, content, finish_reason from private.reply_parts where request_id = ${requestId} order by part`;
}
