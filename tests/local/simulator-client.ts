import type { Call } from "../../local/simulator/call-record.ts";

/** Talks to the simulator at `url` as a provider's client would, without an SDK in between. */
export function createSimulatorClient(url: string) {
  /** Sends a chat; `extra` is merged into the body. */
  function ask(text: string, extra: Record<string, unknown> = {}, init: RequestInit = {}): Promise<Response> {
    return fetch(`${url}/openai/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: "Bearer sk-test-0123456789abcdef", "content-type": "application/json" },
      body: JSON.stringify({
        model: "gpt-4o-mini",
        messages: [{ role: "user", content: text }],
        ...extra,
      }),
      ...init,
    });
  }

  /** Streams a chat with these commands, usage included. */
  function stream(text: string, commands = "", init: RequestInit = {}): Promise<Response> {
    const model = commands === "" ? "gpt-4o-mini" : `gpt-4o-mini;${commands}`;
    return ask(text, { model, stream: true, stream_options: { include_usage: true } }, init);
  }

  /** The calls whose prompt contains `text`, once one of them is in `state`. */
  async function waitForCalls(text: string, state: string): Promise<(Call & { startedAt: string })[]> {
    const query = new URLSearchParams({ contains: text, wait: state });
    const response = await fetch(`${url}/_simulator/calls?${query}`);
    if (!response.ok) throw new Error(await response.text());
    return (await response.json()).calls;
  }

  async function release(name: string): Promise<number> {
    const response = await fetch(`${url}/_simulator/release/${name}`, { method: "POST" });
    return (await response.json()).released;
  }

  return { ask, stream, waitForCalls, release };
}

/** Reads a body to its end, or to where the connection breaks. */
export async function readBody(response: Response): Promise<{ text: string; broken: boolean }> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const bytes of response.body ?? []) text += decoder.decode(bytes, { stream: true });
  } catch {
    return { text, broken: true };
  }
  return { text, broken: false };
}

/** Reads a body until `enough` says so, and leaves the rest unread. */
export async function readUntil(response: Response, enough: (text: string) => boolean): Promise<string> {
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  let text = "";
  while (reader && !enough(text)) {
    const { value, done } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  return text;
}

export interface Chunk {
  id: string;
  object: string;
  created: number;
  model: string;
  service_tier: string;
  system_fingerprint: string;
  choices: { index: number; delta: { role?: string; content?: string }; finish_reason: string | null }[];
  usage?: Record<string, unknown> | null;
  obfuscation?: string;
  error?: { message: string; type: string; param: string | null; code: string | null };
}

/** The `data:` of every event that is complete. */
export function readData(text: string): string[] {
  const events = text.split("\n\n").slice(0, -1);
  return events.map((event) => event.replace(/^data: /, ""));
}

/** The chunks of a stream that are valid JSON, without `[DONE]`. */
export function readChunks(text: string): Chunk[] {
  return readData(text).flatMap((data) => {
    try {
      return [JSON.parse(data) as Chunk];
    } catch {
      return [];
    }
  });
}

/** How many tokens the chunks hold, and their text. */
export function readReply(text: string): { tokens: number; content: string } {
  const parts = readChunks(text).flatMap((chunk) => chunk.choices?.[0]?.delta.content || []);
  return { tokens: parts.length, content: parts.join("") };
}
