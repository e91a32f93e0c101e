import type { Person } from "./people.ts";

export type AnswerKind = "JSON" | "stream";

/** A server under load, and how to ask it. */
export interface Target {
  /** Of 127.0.0.1. */
  port: number;
  /** The bytes of a request for a chat. */
  request(kind: AnswerKind, person: Person): Uint8Array;
  /** What stands in every whole answer: that the provider reported 50 tokens, which the simulator sends in 50 chunks. */
  marker: string;
}

const question = "Which three rivers cross the most countries, and which countries are they?";
// Few enough for ai-chat to fetch a JSON answer whole, as the pass-through does.
const maxTokens = 256;

/** The bare proxy, asked as ai-chat asks the provider. */
export function passThroughTarget(port: number): Target {
  const chat = {
    model: "gpt-4o-mini",
    messages: [{ role: "user", content: question }],
    max_completion_tokens: maxTokens,
  };
  const stream = { stream: true, stream_options: { include_usage: true, include_obfuscation: false } };
  return {
    port,
    request: (kind) => post("/", [], kind === "stream" ? { ...chat, ...stream } : chat),
    marker: '"completion_tokens":50',
  };
}

/** ai-chat: each request begins a conversation. */
export function aiChatTarget(port: number): Target {
  return {
    port,
    request: (kind, { token }) =>
      post("/ai-chat", [`Authorization: Bearer ${token}`], {
        message: question,
        stream: kind === "stream",
        options: { maxTokens },
      }),
    marker: '"outputTokens":50',
  };
}

function post(path: string, headers: string[], body: unknown): Uint8Array {
  const text = JSON.stringify(body);
  const head = [
    `POST ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    ...headers,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(text)}`,
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${text}`);
}
