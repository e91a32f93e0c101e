export interface HttpAnswer {
  status: number;
  /** Without the framing of chunks. */
  body: Buffer;
  /** When the first byte of the body was read, by the clock that was given; of an empty body, when its head was. */
  bodyBeganMs: number;
}

/** Takes what was read next, cut anywhere. Returns the answer once it is whole; throws for what is no answer. */
export type ReadAnswer = (piece: Buffer) => HttpAnswer | undefined;

const nothing: Buffer = Buffer.alloc(0);

/**
 * Makes the reader of one connection: as much of HTTP/1.1 (RFC 9112) as the servers of the bench speak, so that measuring
 * costs little beside what is measured. A body has a length or comes in chunks; one request is in flight at a time.
 * @param onBody given each part of a body as it is read
 */
export function createAnswerReader(now: () => number, onBody?: (part: Buffer) => void): ReadAnswer {
  let state: "head" | "body" | "chunk size" | "chunk" | "chunk end" | "trailer" = "head";
  // A line that is not whole yet.
  let rest = nothing;
  let status = 0;
  let missingBytes = 0;
  let bodyBeganMs = 0;
  let parts: Buffer[] = [];

  return (piece) => {
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    rest = nothing;
    let at = 0;
    for (;;) {
      if (state === "body" || state === "chunk") {
        const end = Math.min(at + missingBytes, bytes.length);
        if (end > at) {
          if (parts.length === 0) bodyBeganMs = now();
          const part = bytes.subarray(at, end);
          parts.push(part);
          onBody?.(part);
        }
        missingBytes -= end - at;
        at = end;
        if (missingBytes > 0) return undefined;
        if (state === "body") return finish(bytes.length - at);
        state = "chunk end";
      }
      const ending = state === "head" ? "\r\n\r\n" : "\r\n";
      const end = bytes.indexOf(ending, at);
      if (end < 0) {
        rest = bytes.subarray(at);
        return undefined;
      }
      const line = bytes.toString("latin1", at, end);
      at = end + ending.length;
      if (state === "head") readHead(line);
      else if (state === "chunk end") state = "chunk size";
      else if (state === "chunk size") readChunkSize(line);
      else if (line === "") return finish(bytes.length - at);
    }
  };

  function readHead(head: string): void {
    status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length !== undefined) {
      state = "body";
      missingBytes = Number(length);
    } else if (/\r\ntransfer-encoding: *chunked/i.test(head)) state = "chunk size";
    else if (status === 304) {
      // It has no body by definition.
      state = "body";
      missingBytes = 0;
    } else throw new Error(`an answer without length or chunks: ${head}`);
    bodyBeganMs = now();
  }

  function readChunkSize(line: string): void {
    missingBytes = Number.parseInt(line, 16);
    if (Number.isNaN(missingBytes)) throw new Error(`no size of a chunk: ${line}`);
    state = missingBytes === 0 ? "trailer" : "chunk";
  }

  function finish(bytesLeft: number): HttpAnswer {
    if (bytesLeft > 0) throw new Error("more than the answer");
    const body = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    parts = [];
    state = "head";
    return { status, body, bodyBeganMs };
  }
}
