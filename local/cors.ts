import type { IncomingMessage, ServerResponse } from "node:http";

/** Lets browsers of any origin read an answer: what it gives depends on tokens, never on cookies. */
export const corsHeaders: readonly string[] = [
  "access-control-allow-origin",
  "*",
  "access-control-expose-headers",
  "*",
];

/** Answers the question that a browser asks before a request that is not simple. */
export function answerPreflight(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(204, [
    ...corsHeaders,
    "access-control-allow-methods",
    "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS",
    "access-control-allow-headers",
    request.headers["access-control-request-headers"] ?? "*",
    "access-control-max-age",
    "3600",
  ]);
  response.end();
}
