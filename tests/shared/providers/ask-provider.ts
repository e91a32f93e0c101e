import type { ToolCall } from "../../../shared/domain/chat-message.ts";
import { createSecret } from "../../../shared/domain/secret.ts";
import { createOpenAIProvider } from "../../../shared/providers/openai.ts";
import type { Credential, ProviderEvent, ProviderRequest } from "../../../shared/providers/provider.ts";

/** A credential of its own for each call. */
export function testCredential(key = "sk-test-0123456789abcdef"): Credential {
  return { id: "env:test", key: createSecret(key) };
}

/** A request as the gateway makes it, but for what is given. */
export function providerRequest(given: Partial<ProviderRequest> = {}): ProviderRequest {
  return {
    upstreamModel: "gpt-4o-mini",
    messages: [{ role: "user", content: "Why is the sky blue?" }],
    maxOutputTokens: 500,
    options: {},
    stream: true,
    credential: testCredential(),
    signal: new AbortController().signal,
    ...given,
  };
}

type Finish = Extract<ProviderEvent, { type: "finish" }>;

/** An answer that was read to its end. */
export interface WholeAnswer {
  text: string;
  reasoning: string;
  toolCalls: ToolCall[];
  finish: Finish;
}

/**
 * Reads the events of a call to their end.
 * @throws Error where they break the grammar of ProviderEvent; what the call itself throws goes on
 */
export async function readWholeAnswer(reads: AsyncIterable<ProviderEvent[]>): Promise<WholeAnswer> {
  const texts = { text: "", reasoning: "" };
  const toolCalls: ToolCall[] = [];
  let finish: Finish | undefined;
  for await (const events of reads) {
    if (events.length === 0) throw new Error("a read without events");
    for (const event of events) {
      if (finish !== undefined) throw new Error(`${event.type} after the finish`);
      if (event.type === "finish") finish = event;
      else if (event.type === "tool_call") addToolCall(toolCalls, event);
      else if (event.text === "") throw new Error(`an empty ${event.type}`);
      else texts[event.type] += event.text;
    }
  }
  if (finish === undefined) throw new Error("no finish");
  checkFinish(finish, toolCalls);
  return { ...texts, toolCalls, finish };
}

function addToolCall(calls: ToolCall[], piece: Extract<ProviderEvent, { type: "tool_call" }>): void {
  const call = calls[piece.index];
  if (call === undefined) {
    if (piece.index !== calls.length) throw new Error("an index of a tool call is left out");
    if (!piece.id || !piece.name) throw new Error("the first piece of a tool call has no id or no name");
    if (calls.some(({ id }) => id === piece.id)) throw new Error("two tool calls have the same id");
    calls.push({ id: piece.id, name: piece.name, arguments: piece.arguments });
  } else {
    if (piece.id !== undefined || piece.name !== undefined)
      throw new Error("a later piece of a tool call has an id or a name");
    if (piece.arguments === "") throw new Error("an empty piece of a tool call");
    call.arguments += piece.arguments;
  }
}

function checkFinish({ reason, continuation }: Finish, toolCalls: ToolCall[]): void {
  if (reason === "tool_calls") {
    if (toolCalls.length === 0) throw new Error("tool_calls without a tool call");
    // They go back to a provider as they are: what is no JSON would be refused, also where the model wrote nothing at all.
    for (const call of toolCalls) JSON.parse(call.arguments);
  }
  if (reason === "stop" && toolCalls.length > 0) throw new Error("tool calls that end in stop");
  if (continuation !== undefined && toolCalls.length === 0)
    throw new Error("a continuation without a tool call");
}

/** Asks the OpenAI adapter at an address and reads the answer to its end. */
export function askOpenAI(baseUrl: string, given?: Partial<ProviderRequest>): Promise<WholeAnswer> {
  return readWholeAnswer(createOpenAIProvider({ baseUrl, fetch }).chat(providerRequest(given)));
}
