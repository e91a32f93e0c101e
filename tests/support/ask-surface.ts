import type { ChatOptions } from "../../shared/domain/chat-request.ts";
import type { ErrorBody } from "../../shared/domain/errors.ts";
import type { Usage } from "../../shared/domain/usage.ts";
import { createChatClient } from "./chat-client.ts";
import type { Caller } from "./people.ts";
import { readEvents } from "./read-events.ts";

/** The ways to ask for a chat: two protocols, each as one answer and as a stream. */
export const surfaces = ["our stream", "OpenAI stream", "our JSON", "OpenAI JSON"] as const;
export type Surface = (typeof surfaces)[number];

/** What a client has at the end, whichever way it asked. */
export interface Outcome {
  status: number;
  headers: Headers;
  /** Null where the answer was told to be complete. */
  error: ErrorBody["error"] | null;
  text: string;
  reasoning: string;
  /** The arguments of each call of a tool. */
  toolArguments: string[];
  finishReason: string | null;
  /** How often the client was told to forget what it had. */
  restarts: number;
  /** As the client is told at the end, of a failure too; undefined where it is not told. */
  provider: string | undefined;
  attempts: number | undefined;
  usage: Usage | undefined;
  costNano: number | undefined;
  estimated: boolean | undefined;
}

export interface Question {
  messages: { role: string; content: string }[];
  model?: string;
  options?: Pick<ChatOptions, "maxTokens" | "tools" | "reasoningEffort">;
}

type Asker = (caller: Pick<Caller, "token">, question: Question, signal?: AbortSignal) => Promise<Outcome>;

/** Asks a function in all of the ways. Throws where an answer has no proper end, or the client hung up. */
export function createAskers(url: string): Record<Surface, Asker> {
  const { send } = createChatClient(url);

  async function post(path: string, { token }: { token: string }, body: object, signal?: AbortSignal) {
    const init = { token, method: "POST", body: JSON.stringify(body), ...(signal && { signal }) };
    return send(path, init);
  }
  const ours: (stream: boolean) => Asker = (stream) => async (caller, question, signal) => {
    const response = await post("", caller, { ...question, stream }, signal);
    return stream && response.ok ? readOurStream(response) : readOurJson(response);
  };
  const openai: (stream: boolean) => Asker = (stream) => async (caller, question, signal) => {
    const response = await post("/v1/chat/completions", caller, toOpenAI(question, stream), signal);
    return stream && response.ok ? readOpenAIStream(response) : readOpenAIJson(response);
  };
  return {
    "our stream": ours(true),
    "OpenAI stream": openai(true),
    "our JSON": ours(false),
    "OpenAI JSON": openai(false),
  };
}

function toOpenAI({ options = {}, ...question }: Question, stream: boolean) {
  const { maxTokens, tools, reasoningEffort } = options;
  return {
    ...question,
    ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
    ...(maxTokens === undefined ? {} : { max_completion_tokens: maxTokens }),
    ...(reasoningEffort === undefined ? {} : { reasoning_effort: reasoningEffort }),
    ...(tools === undefined ? {} : { tools: tools.map((tool) => ({ type: "function", function: tool })) }),
  };
}

function begin({ status, headers }: Response): Outcome {
  return {
    ...{ status, headers, error: null, text: "", reasoning: "", toolArguments: [], restarts: 0 },
    ...{ finishReason: null, provider: undefined, attempts: undefined },
    ...{ usage: undefined, costNano: undefined, estimated: undefined },
  };
}

function fail(outcome: Outcome, error: ErrorBody["error"]): void {
  const { usage, costNano, estimated } = error;
  Object.assign(outcome, { error, usage, costNano, estimated });
}

async function readOurJson(response: Response): Promise<Outcome> {
  const outcome = begin(response);
  const body = await response.json();
  if (!response.ok) fail(outcome, body.error);
  else {
    const { content: text, reasoning, toolCalls, ...told } = body;
    const toolArguments = toolCalls.map((call: { arguments: string }) => call.arguments);
    Object.assign(outcome, { text, reasoning, toolArguments }, pickTold(told));
  }
  return outcome;
}

function pickTold({ finishReason, provider, attempts, usage, costNano, estimated }: Outcome) {
  return { finishReason, provider, attempts, usage, costNano, estimated };
}

async function readOurStream(response: Response): Promise<Outcome> {
  const outcome = begin(response);
  let isOver = false;
  for await (const event of readEvents(response.body)) {
    if (event.type === "comment") continue;
    if (isOver) throw new Error(`${event.type} after the end`);
    if (event.type === "chunk") outcome.text += event.data.text;
    else if (event.type === "reasoning") outcome.reasoning += event.data.text;
    else if (event.type === "tool_call") addArguments(outcome, event.data.index, event.data.arguments);
    else if (event.type === "restart")
      Object.assign(outcome, { text: "", reasoning: "", toolArguments: [], restarts: outcome.restarts + 1 });
    else if (event.type === "error") fail(outcome, event.data.error);
    else if (event.type === "done") Object.assign(outcome, pickTold(event.data as unknown as Outcome));
    isOver = event.type === "error" || event.type === "done";
  }
  if (!isOver) throw new Error("the stream has neither done nor error");
  return outcome;
}

interface OpenAIChoice {
  delta?: OpenAIMessage;
  message?: OpenAIMessage;
  finish_reason: string | null;
}
interface OpenAIMessage {
  content?: string | null;
  reasoning_content?: string;
  tool_calls?: { index?: number; function: { arguments: string } }[];
}
interface OpenAIUsage {
  prompt_tokens: number;
  completion_tokens: number;
  prompt_tokens_details: { cached_tokens: number; cache_write_tokens: number };
  completion_tokens_details: { reasoning_tokens: number };
}
interface OpenAIBody extends Partial<ErrorBody> {
  choices?: OpenAIChoice[];
  usage?: OpenAIUsage | null;
  sluice?: Outcome;
}

async function readOpenAIJson(response: Response): Promise<Outcome> {
  const outcome = begin(response);
  addOpenAI(outcome, (await response.json()) as OpenAIBody);
  return outcome;
}

/** A stream is complete where it has a finish_reason and then [DONE]; an error is its end, too. */
async function readOpenAIStream(response: Response): Promise<Outcome> {
  const outcome = begin(response);
  const text = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  let isOver = false;
  for await (const bytes of response.body ?? []) {
    rest += text.decode(bytes, { stream: true });
    for (let end = rest.indexOf("\n\n"); end !== -1; end = rest.indexOf("\n\n")) {
      const [, data] = /^data: (.+)$/.exec(rest.slice(0, end)) ?? [];
      rest = rest.slice(end + 2);
      if (data === undefined) continue;
      if (isOver) throw new Error(`data after the end: ${data}`);
      if (data !== "[DONE]") addOpenAI(outcome, JSON.parse(data) as OpenAIBody);
      else if (outcome.finishReason === null) throw new Error("[DONE] without a finish_reason");
      isOver = data === "[DONE]" || outcome.error !== null;
    }
  }
  if (!isOver) throw new Error("the stream has neither [DONE] nor an error");
  return outcome;
}

function addOpenAI(outcome: Outcome, { error, choices = [], usage, sluice }: OpenAIBody): void {
  if (error) fail(outcome, error);
  for (const { delta, message, finish_reason } of choices) {
    const piece = message ?? delta ?? {};
    outcome.text += piece.content ?? "";
    outcome.reasoning += piece.reasoning_content ?? "";
    for (const [at, call] of (piece.tool_calls ?? []).entries())
      addArguments(outcome, call.index ?? at, call.function.arguments);
    outcome.finishReason = finish_reason ?? outcome.finishReason;
  }
  if (usage) {
    const { cached_tokens: cacheReadTokens, cache_write_tokens: cacheWriteTokens } =
      usage.prompt_tokens_details;
    outcome.usage = {
      inputTokens: usage.prompt_tokens - cacheReadTokens - cacheWriteTokens,
      ...{ cacheReadTokens, cacheWriteTokens, outputTokens: usage.completion_tokens },
      reasoningTokens: usage.completion_tokens_details.reasoning_tokens,
    };
  }
  if (sluice) {
    const { provider, attempts, costNano, estimated } = sluice;
    Object.assign(outcome, { provider, attempts, costNano, estimated });
  }
}

function addArguments({ toolArguments }: Outcome, index: number, piece: string): void {
  toolArguments[index] = (toolArguments[index] ?? "") + piece;
}
