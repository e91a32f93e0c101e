/** An event longer than this, or a line of it, is an attack or a fault. UTF-16 units. */
const maxEventLength = 8 * 1024 * 1024;

/**
 * Reads a server-sent event stream (WHATWG HTML, "Server-sent events") and yields the `data` of the events that each network
 * read completed. Event names, ids and comments are dropped: providers repeat the name inside the data.
 * Unlike the standard, an event whose lines are whole is kept when only the blank line after it is missing at the end of the
 * stream: it may carry the usage.
 * @param isFinished whether the answer is complete: what may come after it is waited for only briefly
 * @throws RangeError if an event exceeds 8 MiB
 */
export async function* readSseData(
  body: ReadableStream<Uint8Array>,
  isFinished = () => false,
): AsyncGenerator<string[]> {
  // A TextDecoder drops the byte order mark and keeps characters whole that are cut between reads.
  const decoder = new TextDecoder();
  const reader = openReader(body);
  let rest = "";
  let data: string | undefined;
  // A CR at the end of a read may be half of a CRLF: it waits for what follows.
  let isCrHeld = false;
  try {
    for (let isOver = false; !isOver; ) {
      const { done, value } = await (isFinished() ? readBriefly(reader) : reader.read());
      isOver = done;
      let piece: string = (isCrHeld ? "\r" : "") + decoder.decode(value, { stream: !done });
      isCrHeld = !done && piece.endsWith("\r");
      if (isCrHeld) piece = piece.slice(0, -1);
      if (piece.includes("\r")) piece = piece.replaceAll(/\r\n?/g, "\n");
      // Not joined and searched anew with each read: a line of megabytes would take seconds.
      if (!done && !piece.includes("\n")) {
        rest += piece;
        if (rest.length > maxEventLength) throw new RangeError("an event of the stream exceeds 8 MiB");
        continue;
      }
      const text = rest + piece;
      const events: string[] = [];
      let from = 0;
      for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", from)) {
        if (end === from) {
          if (data !== undefined) events.push(data);
          data = undefined;
        } else if (text.startsWith("data:", from)) {
          const content = text.slice(text[from + 5] === " " ? from + 6 : from + 5, end);
          data = data === undefined ? content : `${data}\n${content}`;
        }
        from = end + 1;
      }
      rest = text.slice(from);
      if (rest.length + (data?.length ?? 0) > maxEventLength)
        throw new RangeError("an event of the stream exceeds 8 MiB");
      if (done && data !== undefined) events.push(data);
      if (events.length > 0) yield events;
    }
  } finally {
    // Also when the consumer stops early: the connection is given back.
    reader.cancel().catch(() => {});
  }
}

/** How long an answer that is complete waits for its usage or the end of the stream. */
const graceMs = 2000;

async function readBriefly(reader: Reader): Promise<Awaited<ReturnType<Reader["read"]>>> {
  const { promise, resolve } = Promise.withResolvers<{ done: boolean }>();
  const timer = setTimeout(() => resolve({ done: true }), graceMs);
  const read = reader.read();
  read.catch(() => {});
  return Promise.race([read, promise]).finally(() => clearTimeout(timer));
}

interface Reader {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/**
 * Reads into one buffer where the stream can do so, as those of fetch can: Deno otherwise allocates 64 KiB for each read, and
 * collecting them costs a good part of a stream.
 */
function openReader(body: ReadableStream<Uint8Array>): Reader {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = body.getReader({ mode: "byob" });
  } catch {
    return body.getReader();
  }
  let buffer = new ArrayBuffer(16 * 1024);
  return {
    async read() {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (value !== undefined) buffer = value.buffer;
      return { done, value };
    },
    cancel: () => reader.cancel(),
  };
}
