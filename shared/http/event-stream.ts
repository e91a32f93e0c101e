/** A response that is written event by event. */
export interface EventStream {
  body: ReadableStream<Uint8Array>;
  /** Writes events, those that come close together in one piece; to nobody once the client has left. A client comes back with the last `id`. */
  send(events: { type: string; data: unknown; id?: string }[]): void;
  /** Writes events without a name, whose data are at hand as text of one line; otherwise as `send` does. */
  sendData(texts: string[]): void;
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

/** To write a piece costs more than to read one: a provider that sends faster than this is passed on in larger pieces. */
const gatherMs = 2;

const encoder = new TextEncoder();
const ping = encoder.encode(": ping\n\n");

/**
 * Opens a stream of server-sent events (WHATWG HTML). A comment keeps it alive while nothing else is sent: platforms end
 * connections that are idle for 150 s, and a client that has left is only noticed by writing.
 * What a slow client has not read yet is kept: an answer is bounded, and the provider must not wait for it.
 * @param heartbeatMs milliseconds between comments
 * @param now milliseconds
 */
export function createEventStream(heartbeatMs: number, now: () => number): EventStream {
  let controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  let isAbandoned = false;
  let pending = "";
  let isScheduled = false;
  let flushedAt = Number.NEGATIVE_INFINITY;
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
  const heartbeat = setInterval(() => {
    flush();
    controller?.enqueue(ping);
  }, heartbeatMs);

  function release(): void {
    clearInterval(heartbeat);
    controller = null;
  }

  /** At once, together with what comes in this tick; or with what comes until a moment after the last piece. */
  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    if (now() - flushedAt >= gatherMs) queueMicrotask(flush);
    else setTimeout(flush, gatherMs);
  }

  /** One piece is one packet: Deno's server leaves Nagle's algorithm on, so a second one may wait 40 ms for an acknowledgement. */
  function flush(): void {
    isScheduled = false;
    flushedAt = now();
    if (pending !== "") controller?.enqueue(encoder.encode(pending));
    pending = "";
  }

  return {
    body,
    send(events) {
      if (controller === null || events.length === 0) return;
      schedule();
      for (const { type, data, id } of events)
        pending += `event: ${type}\n${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
    },
    sendData(texts) {
      if (controller === null || texts.length === 0) return;
      schedule();
      for (const text of texts) pending += `data: ${text}\n\n`;
    },
    close() {
      flush();
      controller?.close();
      release();
    },
    get isAbandoned() {
      return isAbandoned;
    },
  };
}
