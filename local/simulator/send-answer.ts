import type { ServerResponse } from "node:http";
import type { Answer } from "./wire-format.ts";

/** Sends a whole answer; its body alone where headers were sent before. */
export function sendAnswer(response: ServerResponse, { status, headers, body }: Answer): void {
  if (!response.headersSent)
    response.writeHead(status, [...headers, "content-length", String(Buffer.byteLength(body))]);
  response.end(body);
}
