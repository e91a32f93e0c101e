import { Agent, type IncomingMessage, request as openRequest, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";

export interface Target {
  /** On 127.0.0.1. */
  port: number;
  /** Path and query as the target sees them. */
  path: string;
  /** Names, in lower case, whose values from the client are dropped, and the headers put in their place. */
  replace?: Record<string, string> | undefined;
}

export type Forward = (request: IncomingMessage, response: ServerResponse, target: Target) => void;

// An idle connection is closed here before the other side might close it (PostgREST: after 30 s): a request that is sent
// just as it closes would fail.
const idleTimeoutMs = 15_000;

const connectionHeaders = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "upgrade",
  "host",
  "expect",
]);
const forwardedHeaders = new Set([
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-forwarded-port",
]);

/**
 * Makes the function that passes a request on and streams the answer back, both ways as it comes. A client that leaves ends
 * the request at the target; a target that breaks off breaks the answer off, and one that cannot be reached is a 503 by
 * `unavailable`.
 */
export function createProxy(unavailable: (response: ServerResponse) => void): {
  forward: Forward;
  close(): void;
} {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 256, timeout: idleTimeoutMs });
  agent.createConnection = ({ port }) => openConnection(Number(port));
  return { forward, close: () => agent.destroy() };

  function forward(request: IncomingMessage, response: ServerResponse, target: Target): void {
    const upstream = openRequest({
      agent,
      host: "127.0.0.1",
      port: target.port,
      method: request.method,
      path: target.path,
      headers: requestHeaders(request, target),
    });
    upstream.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answerHeaders(answer));
      // A stream's headers must not wait for its first bytes; a whole answer goes out in one piece.
      if (answer.headers["content-length"] === undefined) response.flushHeaders();
      answer.on("error", () => response.destroy());
      // Refused before the body was read: the rest of it is taken off the client's connection, which can then be used again.
      answer.on("end", () => {
        if (request.complete) return;
        request.unpipe(upstream);
        request.resume();
      });
      answer.pipe(response);
    });
    upstream.on("error", () => {
      if (!response.headersSent) unavailable(response);
      // What was answered before the error is passed on whole.
      else if (!response.writableEnded) response.destroy();
    });
    response.on("close", () => {
      if (!response.writableFinished) upstream.destroy();
    });
    request.pipe(upstream);
  }
}

/**
 * Connects to a port of 127.0.0.1. A server that refuses a long body answers and closes without reading the rest. What is still
 * written then fails, which must not destroy the connection before its answer was read: the reading side reports the end.
 */
function openConnection(port: number): Socket {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const write = socket._write.bind(socket);
  socket._write = (chunk, encoding, done) => write(chunk, encoding, () => done());
  const writeAll = socket._writev?.bind(socket);
  if (writeAll) socket._writev = (chunks, done) => writeAll(chunks, () => done());
  return socket;
}

function requestHeaders(request: IncomingMessage, target: Target): string[] {
  const { rawHeaders, headers, socket } = request;
  const replace = target.replace ?? {};
  const sent: string[] = ["host", `127.0.0.1:${target.port}`];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    const lower = name.toLowerCase();
    if (connectionHeaders.has(lower) || forwardedHeaders.has(lower) || lower in replace) continue;
    sent.push(name, rawHeaders[index + 1] as string);
  }
  for (const [name, value] of Object.entries(replace)) sent.push(name, value);
  const before = headers["x-forwarded-for"];
  const client = socket.remoteAddress ?? "";
  sent.push("x-forwarded-for", before === undefined ? client : `${before}, ${client}`);
  sent.push("x-forwarded-host", headers.host ?? "");
  sent.push("x-forwarded-proto", "http");
  return sent;
}

function answerHeaders({ rawHeaders }: IncomingMessage): string[] {
  const sent: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (!connectionHeaders.has(name.toLowerCase())) sent.push(name, rawHeaders[index + 1] as string);
  }
  return sent;
}
