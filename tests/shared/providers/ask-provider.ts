import { createSecret } from "../../../shared/domain/secret.ts";
import { createOpenAIProvider } from "../../../shared/providers/openai.ts";
import type { ProviderEvent, ProviderRequest } from "../../../shared/providers/provider.ts";

/** A request as the gateway makes it, but for what is given. */
export function providerRequest(given: Partial<ProviderRequest> = {}): ProviderRequest {
  return {
    upstreamModel: "gpt-4o-mini",
    messages: [{ role: "user", content: "Why is the sky blue?" }],
    maxOutputTokens: 500,
    options: {},
    stream: true,
    credential: { key: createSecret("sk-test-0123456789abcdef") },
    signal: new AbortController().signal,
    ...given,
  };
}

/** An answer that was read to its end. */
export interface WholeAnswer {
  text: string;
  reasoning: string;
  finish: Extract<ProviderEvent, { type: "finish" }>;
}

/**
 * Reads the events of a call to their end.
 * @throws Error where they break the grammar: texts, then exactly one finish, in no empty read
 */
export async function readWholeAnswer(reads: AsyncIterable<ProviderEvent[]>): Promise<WholeAnswer> {
  const texts = { text: "", reasoning: "" };
  let finish: WholeAnswer["finish"] | undefined;
  for await (const events of reads) {
    if (events.length === 0) throw new Error("a read without events");
    for (const event of events) {
      if (finish !== undefined) throw new Error(`${event.type} after the finish`);
      if (event.type === "finish") finish = event;
      else if (event.text === "") throw new Error(`an empty ${event.type}`);
      else texts[event.type] += event.text;
    }
  }
  if (finish === undefined) throw new Error("no finish");
  return { ...texts, finish };
}

/** Asks the OpenAI adapter at an address and reads the answer to its end. */
export function askOpenAI(baseUrl: string, given?: Partial<ProviderRequest>): Promise<WholeAnswer> {
  return readWholeAnswer(createOpenAIProvider({ baseUrl, fetch }).chat(providerRequest(given)));
}
