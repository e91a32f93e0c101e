import type { Usage } from "./reply.ts";

const mostCalls = 10_000;
const mostPromptCharacters = 4096;
const mostBodies = 200;

export const callStates = ["running", "completed", "failed", "aborted"] as const;
/** `aborted` means that the client left first, `failed` that the simulator refused or broke the call on command. */
export type CallState = (typeof callStates)[number];

/** One call as the provider saw it. */
export interface Call {
  id: string;
  format: string;
  /** As asked, with the commands in it. */
  model: string;
  /** The last four characters of the API key; empty without one. */
  key: string;
  stream: boolean;
  /** The most output tokens asked for, or null. */
  maxTokens: number | null;
  /** All texts of the messages; of a long prompt the first and the last 2,048 characters. */
  prompt: string;
  /** The request's body, parsed; kept for the last 200 calls, null for older ones. */
  body: Record<string, unknown> | null;
  state: CallState;
  /** Tokens of thoughts that were sent; those that the provider keeps are not. */
  thoughtsSent: number;
  /** Tokens of the answer that were sent, arguments of tools included. */
  tokensSent: number;
  /** What the provider bills, whether or not it told the client; null while it runs and for a refusal. */
  usage: Usage | null;
  /** What the provider charges, in nano-USD; 0 while it runs and for a refusal. */
  billNano: number;
  startedAt: Date;
  endedAt: Date | null;
}

/** The last 10,000 calls. */
export interface CallRecord {
  open(
    call: Pick<Call, "id" | "format" | "model" | "key" | "stream" | "maxTokens" | "prompt" | "body">,
  ): Call;
  /** Without usage, nothing is billed. */
  close(call: Call, state: Exclude<CallState, "running">, usage?: Usage, billNano?: number): void;
  get(id: string): Call | undefined;
  /** The calls whose prompt contains `text`, oldest first. */
  find(text: string): Call[];
  /** Calls `listener` when a call begins or ends, until the returned function is called. */
  listen(listener: (call: Call) => void): () => void;
}

export function createCallRecord(): CallRecord {
  const ring: Call[] = [];
  const listeners = new Set<(call: Call) => void>();
  let opened = 0;

  function announce(call: Call) {
    for (const listener of listeners) listener(call);
  }

  return {
    open(asked) {
      const call: Call = {
        id: asked.id,
        format: asked.format,
        model: asked.model,
        key: asked.key,
        stream: asked.stream,
        maxTokens: asked.maxTokens,
        prompt: shorten(asked.prompt),
        body: asked.body,
        state: "running",
        thoughtsSent: 0,
        tokensSent: 0,
        usage: null,
        billNano: 0,
        startedAt: new Date(),
        endedAt: null,
      };
      const outdated = ring[(opened + mostCalls - mostBodies) % mostCalls];
      if (outdated) outdated.body = null;
      ring[opened++ % mostCalls] = call;
      announce(call);
      return call;
    },
    close(call, state, usage, billNano = 0) {
      call.state = state;
      call.usage = usage ?? null;
      call.billNano = billNano;
      call.endedAt = new Date();
      announce(call);
    },
    get: (id) => ring.find((call) => call.id === id),
    find(text) {
      const oldest = opened % mostCalls;
      const calls = opened > mostCalls ? [...ring.slice(oldest), ...ring.slice(0, oldest)] : ring;
      return calls.filter((call) => call.prompt.includes(text));
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Copies what it keeps: a slice alone would keep the whole prompt in memory. */
function shorten(prompt: string): string {
  if (prompt.length <= mostPromptCharacters) return prompt;
  const half = mostPromptCharacters / 2;
  return Buffer.from(`${prompt.slice(0, half)}${prompt.slice(-half)}`).toString();
}
