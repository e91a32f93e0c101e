import type { ChatEvent } from "../../shared/domain/chat-event.ts";

/** What a stream carries: our events, those of an answer with their ids, and the comments that keep it alive. */
export type StreamEvent = (ChatEvent & { id?: string }) | { type: "comment"; data: string };

/** The events of one kind. */
export type EventOf<Type extends StreamEvent["type"]> = OfType<StreamEvent, Type>;
type OfType<Event extends { type: string }, Type> = Event extends unknown
  ? Type extends Event["type"]
    ? Event & { type: Type }
    : never
  : never;

/** Reads the events of a stream one after the other. */
export async function* readEvents(body: ReadableStream<Uint8Array> | null): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  for await (const bytes of body ?? []) {
    rest += decoder.decode(bytes, { stream: true });
    for (let end = rest.indexOf("\n\n"); end !== -1; end = rest.indexOf("\n\n")) {
      yield parseEvent(rest.slice(0, end));
      rest = rest.slice(end + 2);
    }
  }
  if (rest !== "") throw new Error(`the stream ended within an event: ${rest}`);
}

/** The first event of a kind that comes; those before it are dropped. */
export async function waitForEvent<Type extends StreamEvent["type"]>(
  events: AsyncGenerator<StreamEvent>,
  type: Type,
): Promise<EventOf<Type>> {
  for (;;) {
    // Not `for await`, which would close the stream.
    const { done, value } = await events.next();
    if (done) throw new Error(`the stream ended without ${type}`);
    if (isOf(value, type)) return value;
  }
}

/** All events that are still to come. */
export async function readRest(events: AsyncGenerator<StreamEvent>): Promise<StreamEvent[]> {
  const rest: StreamEvent[] = [];
  for await (const event of events) rest.push(event);
  return rest;
}

/** The answer's text so far. */
export function joinText(events: StreamEvent[]): string {
  return events.map((event) => (event.type === "chunk" ? event.data.text : "")).join("");
}

function parseEvent(text: string): StreamEvent {
  if (text.startsWith(":")) return { type: "comment", data: text.slice(1).trim() };
  const [, type, id, data] = /^event: (\w+)\n(?:id: (.+)\n)?data: (.+)$/.exec(text) ?? [];
  if (type === undefined || data === undefined) throw new Error(`not an event: ${text}`);
  return { type, ...(id === undefined ? {} : { id }), data: JSON.parse(data) } as StreamEvent;
}

function isOf<Type extends StreamEvent["type"]>(event: StreamEvent, type: Type): event is EventOf<Type> {
  return event.type === type;
}
