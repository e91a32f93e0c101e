import type { IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import type { ChatMessage } from "../../../shared/domain/chat-message.ts";
import { createGoogleProvider } from "../../../shared/providers/google.ts";
import type { ProviderRequest } from "../../../shared/providers/provider.ts";
import { startServer } from "../start-server.ts";
import { providerRequest, readWholeAnswer, testCredential, type WholeAnswer } from "./ask-provider.ts";

/** Usage as Gemini reports it: 100 prompt tokens, of which 60 from the cache, 5 that a tool added; 15 answer tokens and 25 of thoughts. */
export const wireUsage = {
  promptTokenCount: 100,
  cachedContentTokenCount: 60,
  toolUsePromptTokenCount: 5,
  candidatesTokenCount: 15,
  thoughtsTokenCount: 25,
  totalTokenCount: 145,
  promptTokensDetails: [{ modality: "TEXT", tokenCount: 100 }],
};

/** What `wireUsage` means. */
export const usage = {
  inputTokens: 45,
  cacheReadTokens: 60,
  cacheWriteTokens: 0,
  outputTokens: 40,
  reasoningTokens: 25,
};

export const responseId = "dX6LadKVC7SZ28oPr9yJoQs";

/** One chunk of a stream, or a whole answer: the format is the same. */
export function wireAnswer(parts: unknown, finishReason?: string, more: object = {}): string {
  const candidate = {
    content: { parts, role: "model" },
    ...(finishReason ? { finishReason } : {}),
    index: 0,
  };
  return JSON.stringify({ candidates: [candidate], modelVersion: "gemini-3-flash", responseId, ...more });
}

/** The stream of some chunks. */
export function wireStream(chunks: string[]): string {
  return chunks.map((data) => `data: ${data}\n\n`).join("");
}

/** A request to a Gemini model as the gateway makes it, but for what is given. */
export function googleRequest(given: Partial<ProviderRequest> = {}): ProviderRequest {
  const credential = testCredential("AIzaTest0123456789");
  return providerRequest({ upstreamModel: "gemini-3-flash-preview", credential, ...given });
}

/** Asks the Google adapter at an address and reads the answer to its end. */
export function askGoogle(baseUrl: string, given?: Partial<ProviderRequest>): Promise<WholeAnswer> {
  return readWholeAnswer(createGoogleProvider({ baseUrl, fetch }).chat(googleRequest(given)));
}

export interface SentRequest {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage["headers"];
  body: Record<string, unknown>;
}

/** What the adapter sends for a request. */
export async function send(given: Partial<ProviderRequest> = {}): Promise<SentRequest> {
  const answer = wireAnswer([{ text: "Because" }], "STOP");
  let sent: SentRequest | undefined;
  const url = await startServer(async (request, response) => {
    const { method, url, headers } = request;
    sent = { method, url, headers, body: (await json(request)) as Record<string, unknown> };
    response.end(url?.includes("stream") ? wireStream([answer]) : answer);
  });
  await askGoogle(`${url}/google`, given);
  return sent as SentRequest;
}

/** The body that the adapter sends for a conversation. */
export async function sendMessages(messages: ChatMessage[], upstreamModel = "gemini-2.5-flash") {
  return (await send({ messages, upstreamModel })).body;
}

export const user = (content: string): ChatMessage => ({ role: "user", content });

/** A turn as it is sent. */
export const said = (role: "user" | "model", ...texts: string[]) => ({
  role,
  parts: texts.map((text) => ({ text })),
});
