import type { ServerResponse } from "node:http";
import { corsHeaders } from "./cors.ts";

/** Answers with JSON, or with nothing for an undefined body, readable by browsers of any origin. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: readonly string[] = [],
): void {
  const text = body === undefined ? "" : JSON.stringify(body);
  response.writeHead(status, [
    ...corsHeaders,
    ...headers,
    ...(body === undefined ? [] : ["content-type", "application/json"]),
    ...(status === 204 ? [] : ["content-length", String(Buffer.byteLength(text))]),
  ]);
  response.end(text);
}
