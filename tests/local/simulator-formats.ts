/** One of the simulator's formats, asked and read without an SDK in between. */
export interface Format {
  name: string;
  /** A request for a chat: where it goes, and what. */
  request(model: string, text: string, stream: boolean): { path: string; headers: HeadersInit; body: object };
  model: string;
  /** What separates the events of a stream. */
  separator: string;
  /** The mark of the end of a stream; empty for none. */
  end: string;
  /** The text in one event's data, or in the whole of a JSON answer. */
  text(data: Data): string;
  /** Why the reply ended, as an event or an answer says it; undefined where it does not. */
  finish(data: Data): unknown;
}

// biome-ignore lint/suspicious/noExplicitAny: the shapes of four providers.
type Data = any;

const openaiText = (data: Data) =>
  data.choices?.[0]?.delta?.content ?? data.choices?.[0]?.message?.content ?? "";
const openaiFinish = (data: Data) => data.choices?.[0]?.finish_reason ?? undefined;

export const formats: readonly Format[] = [
  {
    name: "openai",
    model: "gpt-4o-mini",
    request: (model, text, stream) => ({
      path: "/openai/v1/chat/completions",
      headers: { authorization: "Bearer sk-test-openai" },
      body: { model, stream, messages: [{ role: "user", content: text }] },
    }),
    separator: "\n\n",
    end: "data: [DONE]\n\n",
    text: openaiText,
    finish: openaiFinish,
  },
  {
    name: "anthropic",
    model: "claude-sonnet-5-5",
    request: (model, text, stream) => ({
      path: "/anthropic/v1/messages",
      headers: { "x-api-key": "sk-ant-test-anthropic", "anthropic-version": "2023-06-01" },
      body: { model, stream, max_tokens: 1000, messages: [{ role: "user", content: text }] },
    }),
    separator: "\n\n",
    end: `event: message_stop\ndata: {"type":"message_stop"}\n\n`,
    text: (data) => data.delta?.text ?? data.content?.[0]?.text ?? "",
    finish: (data) => data.delta?.stop_reason ?? data.stop_reason ?? undefined,
  },
  {
    name: "google",
    model: "gemini-2.5-flash",
    request: (model, text, stream) => ({
      path: `/google/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
      headers: { "x-goog-api-key": "AIza-test-google" },
      body: { contents: [{ role: "user", parts: [{ text }] }] },
    }),
    separator: "\r\n\r\n",
    end: "",
    text: (data) => data.candidates?.[0]?.content?.parts?.[0]?.text ?? "",
    finish: (data) => data.candidates?.[0]?.finishReason,
  },
  {
    name: "openrouter",
    model: "openai/gpt-4o-mini",
    request: (model, text, stream) => ({
      path: "/openrouter/api/v1/chat/completions",
      headers: { authorization: "Bearer sk-or-test-router" },
      body: { model, stream, messages: [{ role: "user", content: text }] },
    }),
    separator: "\n\n",
    end: "data: [DONE]\n\n",
    text: openaiText,
    finish: openaiFinish,
  },
];

export interface Ask {
  text: string;
  commands?: string;
  stream?: boolean;
  /** Merged into the body. */
  more?: object;
  signal?: AbortSignal;
}

/** Asks the simulator at `url` in a format. */
export function askIn(
  url: string,
  format: Format,
  { text, commands = "", stream = true, more, signal }: Ask,
) {
  const model = commands === "" ? format.model : `${format.model};${commands}`;
  const { path, headers, body } = format.request(model, text, stream);
  return fetch(`${url}${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify({ ...body, ...more }),
    ...(signal ? { signal } : {}),
  });
}

/** Reads a stream: its texts, why it ended, and how many events are not JSON. Comments and the mark of the end are left out. */
export function readStream(format: Format, body: string) {
  const texts: string[] = [];
  let finish: unknown;
  let broken = 0;
  let error: Data;
  for (const event of body.split(format.separator).slice(0, -1)) {
    const data = /^data: (.*)$/m.exec(event)?.[1];
    if (data === undefined || data === "[DONE]") continue;
    let value: Data;
    try {
      value = JSON.parse(data);
    } catch {
      broken++;
      continue;
    }
    const text = format.text(value);
    if (text !== "") texts.push(text);
    finish = format.finish(value) ?? finish;
    error = value.error ?? error;
  }
  return { texts, content: texts.join(""), finish, broken, error };
}
