/** A response that is written event by event. */
export interface EventStream {
  body: ReadableStream<Uint8Array>;
  /** Writes events in one piece; to nobody once the client has left. */
  send(events: { type: string; data: unknown }[]): void;
  close(): void;
  /** True once the client has left. */
  readonly isAbandoned: boolean;
}

export const eventStreamHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  // For proxies that would otherwise wait for more before they pass anything on.
  "x-accel-buffering": "no",
};

const encoder = new TextEncoder();
const ping = encoder.encode(": ping\n\n");

/**
 * Opens a stream of server-sent events (WHATWG HTML). A comment keeps it alive while nothing else is sent: platforms end
 * connections that are idle for 150 s, and a client that has left is only noticed by writing.
 * What a slow client has not read yet is kept: an answer is bounded, and the provider must not wait for it.
 * @param heartbeatMs milliseconds between comments
 */
export function createEventStream(heartbeatMs: number): EventStream {
  let controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  let isAbandoned = false;
  const body = new ReadableStream<Uint8Array>(
    {
      start(opened) {
        controller = opened;
      },
      cancel() {
        isAbandoned = true;
        release();
      },
    },
    { highWaterMark: 1 },
  );
  const heartbeat = setInterval(() => controller?.enqueue(ping), heartbeatMs);

  function release(): void {
    clearInterval(heartbeat);
    controller = null;
  }

  return {
    body,
    send(events) {
      if (controller === null || events.length === 0) return;
      let text = "";
      for (const { type, data } of events) text += `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
      controller.enqueue(encoder.encode(text));
    },
    close() {
      controller?.close();
      release();
    },
    get isAbandoned() {
      return isAbandoned;
    },
  };
}
