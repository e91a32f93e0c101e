import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";

/** A request as the parts of the stand-in get it. */
export interface Asked {
  method: string;
  path: string;
  query: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** An answer; null is none, ever. */
export type Answer = { status: number; headers: Record<string, string>; body: string } | null;

/** Reads a whole request. */
export async function readRequest(request: IncomingMessage): Promise<Asked> {
  const { pathname, search } = new URL(request.url ?? "/", "http://stripe");
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return {
    method: request.method ?? "GET",
    path: pathname,
    query: search.slice(1),
    headers: request.headers,
    body: Buffer.concat(chunks).toString(),
  };
}

/** Sends an answer; where there is none, the connection stays open. */
export function sendAnswer(response: ServerResponse, answer: Answer): void {
  if (answer) response.writeHead(answer.status, answer.headers).end(answer.body);
}

/** An answer in JSON. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body, null, 2),
  };
}
