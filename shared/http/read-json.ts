import { SluiceError } from "../domain/errors.ts";

const maxBytes = 1024 * 1024;
/** A server that answers and closes with a body unread resets the connection, and the client may never see the answer. */
const maxDiscardedBytes = 8 * 1024 * 1024;
const maxDiscardMs = 1000;
const maxDepth = 32;

/**
 * Reads a JSON body. Bytes are counted while they arrive and nesting is measured before anything is parsed, so that a hostile
 * body costs no more than its limit.
 * @throws SluiceError body_too_large, body_too_deep or invalid_json
 */
export async function readJson(request: Request): Promise<unknown> {
  return parseJsonBytes(await readBytes(request));
}

/**
 * Parses the bytes of a body.
 * @throws SluiceError body_too_deep or invalid_json
 */
export function parseJsonBytes(bytes: Uint8Array): unknown {
  const text = decode(bytes);
  if (isDeeperThan(text, maxDepth)) throw new SluiceError("body_too_deep");
  try {
    return JSON.parse(text);
  } catch {
    throw new SluiceError("invalid_json");
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new SluiceError("invalid_json");
  }
}

/**
 * The bytes of a body, counted while they arrive.
 * @throws SluiceError body_too_large; invalid_json where the client left while it sent
 */
export function readBytes(request: Request): Promise<Uint8Array> {
  return collectBytes(request).catch((error: unknown) => {
    if (error instanceof SluiceError) throw error;
    throw new SluiceError("invalid_json", { cause: error });
  });
}

async function collectBytes(request: Request): Promise<Uint8Array> {
  const announced = request.headers.get("content-length");
  if (announced !== null) {
    if (!(Number(announced) <= maxBytes)) throw new SluiceError("body_too_large");
    // The server holds a client to the length that it announced.
    return new Uint8Array(await request.arrayBuffer());
  }
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request.body ?? []) {
    size += part.length;
    if (size <= maxBytes) parts.push(part);
    else if (size > maxBytes + maxDiscardedBytes) break;
  }
  if (size > maxBytes) throw new SluiceError("body_too_large");
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** Reads a body that nobody wanted, up to 8 MiB and for a second, and keeps nothing of it: to be called before an answer is sent. */
export async function discardBody(request: Request): Promise<void> {
  if (request.body === null || request.bodyUsed) return;
  const reader = request.body.getReader();
  // A client that sends slowly must not hold its refusal up.
  const timer = setTimeout(() => void reader.cancel().catch(() => {}), maxDiscardMs);
  try {
    for (let size = 0; size <= maxDiscardedBytes; ) {
      const { done, value } = await reader.read();
      if (done) return;
      size += value.length;
    }
    await reader.cancel();
  } catch {
    // The client has left.
  } finally {
    clearTimeout(timer);
  }
}

/** Whether brackets outside of strings nest deeper than `depth`. */
function isDeeperThan(text: string, depth: number): boolean {
  let open = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (inString) {
      if (unit === 0x5c /* \ */) index++;
      else if (unit === 0x22 /* " */) inString = false;
    } else if (unit === 0x22) inString = true;
    else if (unit === 0x7b /* { */ || unit === 0x5b /* [ */) {
      if (++open > depth) return true;
    } else if (unit === 0x7d /* } */ || unit === 0x5d /* ] */) open--;
  }
  return false;
}
