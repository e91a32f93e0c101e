import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createCallRecord } from "./call-record.ts";
import { controlPath, createControl } from "./control.ts";
import { InvalidFault, parseFaults } from "./faults.ts";
import { createHolds } from "./holds.ts";
import { openai } from "./openai.ts";
import { playReply } from "./play-reply.ts";
import { billPartially, makeReply } from "./reply.ts";
import { sendAnswer } from "./send-answer.ts";
import type { ChatRequest, WireFormat } from "./wire-format.ts";

const formats: readonly WireFormat[] = [openai];

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
  const control = createControl(calls, holds);
  const idStart = randomBytes(8).toString("hex");
  let chats = 0;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split("?", 1)[0] ?? "";
    if (path.startsWith(controlPath)) return control(request, response);
    const format = formats.find((each) => path.startsWith(each.basePath));
    const body = await readBody(request);
    if (format === undefined) {
      const known = formats.map((each) => each.basePath).join(", ");
      const headers = ["content-type", "text/plain"];
      return sendAnswer(response, { status: 404, headers, body: `Nothing at ${path}: use ${known}\n` });
    }
    const other = format.answer(request.method ?? "", path.slice(format.basePath.length));
    if (other) return sendAnswer(response, format.authorize(request.headers) ?? other);
    const chat = format.readChat(body);
    if ("status" in chat) return sendAnswer(response, format.authorize(request.headers) ?? chat);
    return serveChat(format, chat, request, response);
  }

  async function serveChat(
    format: WireFormat,
    chat: ChatRequest,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const id = `${format.idPrefix}${idStart}${(chats++).toString(36).padStart(6, "0")}`;
    const { model, stream, maxTokens, prompt } = chat;
    const call = calls.open({ id, format: format.name, model, stream, maxTokens, prompt });
    const denied = format.authorize(request.headers);
    if (denied) {
      sendAnswer(response, denied);
      return calls.close(call, "failed", null);
    }
    try {
      const [name = "", ...commands] = model.split(";");
      const header = request.headers["x-simulate"];
      const faults = parseFaults(header === undefined ? commands : [...commands, String(header)]);
      const reply = makeReply(chat, faults);
      const written = chat.write(id, name, reply);
      const requestHeaders = request.headers;
      const play = { response, requestHeaders, format, chat, faults, holds, reply, written, call };
      const outcome = await playReply(play);
      if (outcome === "refused") calls.close(call, "failed", null);
      else if (outcome === "completed") calls.close(call, outcome, reply.usage);
      else calls.close(call, outcome, billPartially(reply, call.tokensSent));
    } catch (error) {
      if (!(error instanceof InvalidFault)) throw error;
      sendAnswer(response, format.refuseCommands(error.message));
      calls.close(call, "failed", null);
    }
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
