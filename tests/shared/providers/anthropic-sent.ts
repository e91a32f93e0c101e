import type { IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import type { ProviderRequest } from "../../../shared/providers/provider.ts";
import { startServer } from "../start-server.ts";
import { askAnthropic, wireEvents, wireMessage, wireStream } from "./anthropic-wire.ts";

export interface SentRequest {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage["headers"];
  body: Record<string, unknown>;
}

/** What the Anthropic adapter sends for a request. */
export async function send(given: Partial<ProviderRequest>): Promise<SentRequest> {
  let sent: SentRequest | undefined;
  const answer = { content: [{ type: "text", text: "Because." }] };
  const url = await startServer(async (request, response) => {
    const { method, url, headers } = request;
    sent = { method, url, headers, body: (await json(request)) as Record<string, unknown> };
    response.end(sent.body.stream ? wireStream(wireEvents(answer)) : wireMessage(answer));
  });
  await askAnthropic(url, given);
  return sent as SentRequest;
}

/** The body alone, of a request for an answer in one piece. */
export async function sendBody(given: Partial<ProviderRequest>): Promise<Record<string, unknown>> {
  return (await send({ stream: false, ...given })).body;
}
