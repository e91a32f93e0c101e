import type { IncomingHttpHeaders } from "node:http";
import type { Refusal } from "./faults.ts";
import type { PricedReply } from "./reply.ts";

/** A whole HTTP answer. `headers` alternates names and values. */
export interface Answer {
  status: number;
  headers: readonly string[];
  body: string;
}

/** A request as it came. `path` is relative to the format's `basePath`. */
export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface ToolDeclaration {
  name: string;
  /** The JSON schema of its arguments, as declared. */
  schema: unknown;
}

/** What every format asks for in one way or another. */
export interface ModelRequest {
  /** As asked, with the commands in it. */
  model: string;
  stream: boolean;
  /** The request's body, parsed. */
  body: Record<string, unknown>;
  /** All texts of the messages, one a line. */
  prompt: string;
  promptTokens: number;
  lastUserText: string;
  /** The most output tokens, reasoning included; null for no limit. */
  maxTokens: number | null;
  tools: readonly ToolDeclaration[];
  /** Whether one reply may call several tools. */
  parallelTools: boolean;
  /** The last message brings what tools answered: the reply is text then. */
  bringsToolResults: boolean;
  /** The last message is the beginning of the reply. */
  isPrefilled: boolean;
  /** The JSON schema that the reply has to satisfy; null for plain text. */
  outputSchema: unknown;
  /** False for embeddings, whose reply has no output. */
  hasOutput: boolean;
  /** Puts a reply on the wire under this id and model name. */
  write(id: string, model: string, reply: PricedReply): WrittenReply;
}

/** A run of pieces of one kind: thoughts, text, or one call of a tool. `start` and `end` are empty where the format has none. */
export interface WrittenPart {
  start: string;
  pieces: readonly string[];
  /** The chunk of one piece. */
  write(piece: string): string;
  end: string;
  tokensPerPiece: number;
  isThought: boolean;
}

/** A reply on the wire. A stream is `opening`, the parts, `closing` and `end`. */
export interface WrittenReply {
  jsonHeaders: readonly string[];
  streamHeaders: readonly string[];
  json(): string;
  opening: string;
  parts: readonly WrittenPart[];
  closing: readonly string[];
  /** What says that nothing follows; empty where the format has no such mark. */
  end: string;
  /** A chunk that is not valid JSON. */
  broken: string;
  /** The chunk of an error in the middle of a stream. */
  failure: string;
  /** What the provider sends while it has nothing to say; empty where it sends nothing. */
  keepAlive: string;
}

/** One provider's API, as far as the simulator speaks it. */
export interface WireFormat {
  name: string;
  /** The path that a client is given as its base URL, without a slash at the end. */
  basePath: string;
  idPrefix: string;
  /** The API key of a request; empty without one. */
  readKey(headers: IncomingHttpHeaders): string;
  /** Answers a request without the right kind of key; null when it may go on. */
  authorize(asked: Asked): Answer | null;
  /** Reads what is asked of a model, or answers whatever else was asked and what cannot be read. */
  read(asked: Asked): ModelRequest | Answer;
  /** Refuses a request as commanded; null for a refusal that this provider does not have. */
  refuse(refusal: Refusal, request: ModelRequest, key: string): Answer | null;
  /** Refuses commands that cannot be carried out. */
  refuseCommands(message: string): Answer;
}
