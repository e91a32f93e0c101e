import type { ChatResult } from "../../shared/domain/chat-event.ts";
import type { ErrorBody } from "../../shared/domain/errors.ts";
import type { createChatClient } from "./chat-client.ts";
import type { Caller } from "./people.ts";
import { readEvents } from "./read-events.ts";

/** A chat that may be repeated. */
export interface KeyedChat {
  caller: Caller;
  key: string;
  /** Its one message, found in the provider's calls. */
  marker: string;
  /** What else is asked for. */
  options: Record<string, unknown>;
}

/** What a client is told in the end. */
export interface Told {
  status: number;
  headers: Headers;
  result?: Pick<ChatResult, "id" | "content" | "usage" | "costNano">;
  error?: ErrorBody["error"];
}

/**
 * Asks for a chat under its key and reads the answer to its end; `onText` is told of the text so far. Throws where the connection
 * breaks off.
 */
export async function askUnder(
  chats: ReturnType<typeof createChatClient>,
  { caller, key, marker, options }: KeyedChat,
  onText: (text: string) => void = () => {},
): Promise<Told> {
  const body = JSON.stringify({ message: marker, ...options });
  const headers = { "idempotency-key": key };
  const response = await chats.send("", { token: caller.token, method: "POST", body, headers });
  const told = { status: response.status, headers: response.headers };
  if (!response.headers.get("content-type")?.includes("event-stream")) {
    const answer = await response.json();
    return answer.error === undefined ? { ...told, result: answer } : { ...told, error: answer.error };
  }
  let content = "";
  for await (const event of readEvents(response.body)) {
    if (event.type === "chunk") {
      content += event.data.text;
      onText(content);
    } else if (event.type === "error") return { ...told, error: event.data.error };
    else if (event.type === "done") return { ...told, result: { ...event.data, content } };
  }
  throw new Error("the stream has no end");
}
