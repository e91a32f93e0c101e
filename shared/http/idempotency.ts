import { createHash } from "node:crypto";
import { SluiceError } from "../domain/errors.ts";
import type { Idempotency } from "../domain/idempotency.ts";
import { parseJsonBytes, readBytes } from "./read-json.ts";

const headerName = "Idempotency-Key";

/** The header of an answer that was given before: it is neither made nor paid for anew. */
export const replayHeader = { "idempotent-replayed": "true" };

/**
 * Reads a JSON body, and with it what makes a second sending of it the same request.
 * @returns `idempotency` is null where the client sent no `Idempotency-Key`
 * @throws SluiceError invalid_request for a key that is none, or as `readJson`
 */
export async function readIdempotent(
  request: Request,
): Promise<{ json: unknown; idempotency: Idempotency | null }> {
  const key = readKey(request);
  const bytes = await readBytes(request);
  const json = parseJsonBytes(bytes);
  return {
    json,
    idempotency: key === null ? null : { key, bodyHash: hash(request, bytes) },
  };
}

/** The same body at another address is another request. */
function hash(request: Request, body: Uint8Array): string {
  return createHash("sha256")
    .update(`${new URL(request.url).pathname}\n`)
    .update(body)
    .digest("hex");
}

/** @throws SluiceError where a client sends a key for what is not kept and so cannot be answered twice */
export function refuseKey(request: Request): void {
  if (request.headers.get(headerName) === null) return;
  throw invalid("is not taken here, because these answers are not kept: leave it out");
}

function readKey(request: Request): string | null {
  const key = request.headers.get(headerName);
  if (key === null || /^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw invalid("must be 1 to 255 letters, digits and signs of ASCII without blanks, such as a UUID");
}

function invalid(fault: string): SluiceError {
  return new SluiceError("invalid_request", { param: headerName, message: `${headerName}: ${fault}.` });
}
