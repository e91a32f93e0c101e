import { createAnthropicProvider } from "../../../shared/providers/anthropic.ts";
import { createGoogleProvider } from "../../../shared/providers/google.ts";
import { createOpenAIProvider } from "../../../shared/providers/openai.ts";
import { type Provider, ProviderError, type ProviderRequest } from "../../../shared/providers/provider.ts";
import * as anthropic from "./anthropic-wire.ts";
import { providerRequest, readWholeAnswer, type WholeAnswer } from "./ask-provider.ts";
import * as google from "./google-wire.ts";
import * as openai from "./openai-wire.ts";

type Create = (options: { baseUrl: string; fetch: typeof fetch }) => Provider;

/** A protocol and its words, for promises that all of them keep. */
export interface Protocol {
  name: string;
  create: Create;
  upstreamModel: string;
  /** The payloads of a streamed answer that calls a tool, whose arguments the one at `argumentsAt` has, in whole or in part. */
  calling: string[];
  argumentsAt: number;
  /** The payloads of a streamed answer that says "Yes.", up to its finish, which tells no usage. */
  speaking: string[];
  /** The body of a refusal in the provider's words. */
  refuse(message: string): string;
}

const call = { id: "call_a", name: "pay" };
const texts = (events: anthropic.WireEvent[]) => events.map((event) => JSON.stringify(event));

const anthropicCalling = texts(
  anthropic.wireEvents({
    content: [{ type: "tool_use", ...call, input: { amount: 500 } }],
    stopReason: "tool_use",
  }),
);

export const protocols: Protocol[] = [
  {
    name: "anthropic",
    create: createAnthropicProvider,
    upstreamModel: "claude-sonnet-4-5",
    calling: anthropicCalling,
    argumentsAt: anthropicCalling.findLastIndex((text) => text.includes("input_json_delta")),
    speaking: texts([
      { type: "content_block_start", index: 0, content_block: { type: "text", text: "Yes." } },
      { type: "message_delta", delta: { stop_reason: "end_turn" } },
    ]),
    refuse: (message) => JSON.stringify({ type: "error", error: { type: "invalid_request_error", message } }),
  },
  {
    name: "google",
    create: createGoogleProvider,
    upstreamModel: "gemini-3-flash-preview",
    calling: [
      google.wireAnswer([{ functionCall: { ...call, args: { amount: 5 } } }]),
      google.wireAnswer([{ functionCall: { id: "call_b", name: "pay", args: { amount: 500 } } }]),
      google.wireAnswer([], "STOP"),
    ],
    argumentsAt: 1,
    speaking: [google.wireAnswer([{ text: "Yes." }], "STOP")],
    refuse: (message) => JSON.stringify({ error: { code: 400, status: "INVALID_ARGUMENT", message } }),
  },
  {
    name: "openai",
    create: createOpenAIProvider,
    upstreamModel: "gpt-4o-mini",
    calling: openai.wireChunks({
      texts: ["", '{"amount":5', "00", "}"].map((text, at) => ({
        tool_calls: [
          at === 0
            ? { index: 0, ...openai.wireCall(call.id, call.name, text) }
            : { index: 0, function: { arguments: text } },
        ],
      })),
      finishReason: "tool_calls",
    }),
    argumentsAt: 3,
    speaking: openai.wireChunks({ texts: [{ content: "Yes." }], usage: null }),
    refuse: (message) =>
      JSON.stringify({
        error: { message, type: "invalid_request_error", param: "messages", code: null },
      }),
  },
];

/** What a protocol makes of an answer: the whole of it, or why it failed. */
export async function readAnswer(
  { create, upstreamModel }: Protocol,
  response: Response,
  given: Partial<ProviderRequest> = {},
): Promise<WholeAnswer | ProviderError> {
  const provider = create({ baseUrl: "https://provider.test", fetch: async () => response });
  return readWholeAnswer(provider.chat(providerRequest({ upstreamModel, ...given }))).catch(
    (error: unknown) => {
      if (error instanceof ProviderError) return error;
      throw error;
    },
  );
}

/** The stream of some payloads. */
export const streamText = (payloads: string[]) => payloads.map((data) => `data: ${data}\n\n`).join("");
