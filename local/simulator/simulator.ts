import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { anthropic } from "./anthropic/anthropic.ts";
import { createCallRecord } from "./call-record.ts";
import { controlPath, createControl } from "./control.ts";
import { google } from "./google/google.ts";
import { createHolds } from "./holds.ts";
import { createLists, playList } from "./lists.ts";
import { openai } from "./openai/openai.ts";
import { createOpenrouter } from "./openrouter/openrouter.ts";
import { createPriceList } from "./price-list.ts";
import { sendAnswer } from "./send-answer.ts";
import { createServeCall } from "./serve-call.ts";
import type { Answer, WireFormat } from "./wire-format.ts";

const noQuery = new URLSearchParams();

/**
 * Starts the provider simulator on 127.0.0.1; port 0 takes any that is free. Returns its address and how to stop it,
 * which breaks off the calls that still run. Fails if the port is taken.
 */
export async function startSimulator({
  port,
}: {
  port: number;
}): Promise<{ url: string; stop(): Promise<void> }> {
  const calls = createCallRecord();
  const holds = createHolds();
  const lists = createLists();
  const outages = new Set<string>();
  const prices = createPriceList();
  const serveCall = createServeCall({ calls, holds, outages, prices });
  const formats: readonly WireFormat[] = [openai, anthropic, google, createOpenrouter(calls)];
  const names = formats.map(({ name }) => name);
  const control = createControl({ calls, holds, lists, outages, prices, formats: names });
  const idStart = randomBytes(8).toString("hex");
  let requests = 0;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = "", query] = (request.url ?? "").split("?", 2);
    const body = await readBody(request);
    if (path.startsWith(controlPath)) return control(request, body, response);
    const format = formats.find((each) => path.startsWith(`${each.basePath}/`));
    if (format === undefined) {
      const known = formats.map((each) => each.basePath).join(", ");
      const headers = ["content-type", "text/plain"];
      return sendAnswer(response, { status: 404, headers, body: `Nothing at ${path}: use ${known}\n` });
    }
    const asked = {
      method: request.method ?? "",
      path: path.slice(format.basePath.length),
      query: query === undefined ? noQuery : new URLSearchParams(query),
      headers: request.headers,
      body,
    };
    const read = format.read(asked);
    if ("status" in read) {
      const list = read.status === 200 ? lists.find(format.name, asked) : undefined;
      const denied = format.authorize(asked) ?? refuseAsKeySays(format.readKey(asked.headers));
      if (list !== undefined && denied === null) return playList(response, list, holds);
      return sendAnswer(response, denied ?? read);
    }
    const id = `${format.idPrefix}${idStart}${(requests++).toString(36).padStart(6, "0")}`;
    return serveCall(format, asked, read, id, response);
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      console.error("simulator:", error);
      response.destroy();
    });
  });
  // Callers keep connections for reuse; one closed by a timeout just as it is used again would look like a fault.
  server.keepAliveTimeout = 0;
  const address = await listen(server, port);
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What is no call of a model is refused with the status that its key names: `sk-status-429-…`. */
function refuseAsKeySays(key: string): Answer | null {
  const status = /^sk-status-([45]\d\d)\b/.exec(key)?.[1];
  if (status === undefined) return null;
  const headers = ["content-type", "application/json"];
  return { status: Number(status), headers, body: JSON.stringify({ error: { message: `refused: ${key}` } }) };
}

function listen(server: Server, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        error.code === "EADDRINUSE"
          ? new Error(`simulator: port ${port} is taken; stop what uses it or choose another port`)
          : error,
      );
    });
    server.listen(port, "127.0.0.1", () => resolve(server.address() as AddressInfo));
  });
}

function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => resolve(Buffer.concat(chunks).toString()));
  });
}
