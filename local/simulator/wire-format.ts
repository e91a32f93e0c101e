import type { IncomingHttpHeaders } from "node:http";
import type { Refusal } from "./faults.ts";
import type { Reply } from "./reply.ts";

/** A whole HTTP answer. `headers` alternates names and values. */
export interface Answer {
  status: number;
  headers: readonly string[];
  body: string;
}

/** What every format asks for in one way or another. */
export interface ChatRequest {
  /** As asked, with the commands in it. */
  model: string;
  stream: boolean;
  /** All texts of the messages, one a line. */
  prompt: string;
  promptTokens: number;
  lastUserText: string;
  /** The most output tokens, reasoning included; null for no limit. */
  maxTokens: number | null;
  /** Puts a reply on the wire under this id and model name. */
  write(id: string, model: string, reply: Reply): WrittenReply;
}

/** A reply on the wire. A stream is `opening`, one chunk a token, and `closing`. */
export interface WrittenReply {
  jsonHeaders: readonly string[];
  streamHeaders: readonly string[];
  json(): string;
  opening: string;
  token(text: string): string;
  closing: readonly string[];
  /** A chunk that is not valid JSON. */
  broken: string;
  /** The chunk of an error in the middle of a stream. */
  failure: string;
}

/** One provider's API, as far as the simulator speaks it. */
export interface WireFormat {
  name: string;
  /** The path that a client is given as its base URL, without a slash at the end. */
  basePath: string;
  idPrefix: string;
  /** Answers a request without the right kind of key; null when it may go on. */
  authorize(headers: IncomingHttpHeaders): Answer | null;
  /** Answers what is not a chat (`path` is relative to `basePath`); null for a chat. */
  answer(method: string, path: string): Answer | null;
  /** Reads a chat, or answers why it cannot be read. */
  readChat(body: string): ChatRequest | Answer;
  /** Refuses a chat as commanded. */
  refuse(refusal: Refusal, chat: ChatRequest, headers: IncomingHttpHeaders): Answer;
  /** Refuses commands that cannot be carried out. */
  refuseCommands(message: string): Answer;
}
