import { parseJson } from "./untrusted.ts";

// What Gemini sends, as far as it is read. It comes from outside: everything may be missing or of another type.

export interface WireUsage {
  promptTokenCount?: unknown;
  cachedContentTokenCount?: unknown;
  toolUsePromptTokenCount?: unknown;
  candidatesTokenCount?: unknown;
  thoughtsTokenCount?: unknown;
}

export interface WirePart {
  text?: unknown;
  /** Whether the text is a summary of the model's thoughts. */
  thought?: unknown;
  thoughtSignature?: unknown;
  functionCall?: { id?: unknown; name?: unknown; args?: unknown } | null;
}

/** A whole answer, or one piece of a streamed one. */
export interface WireAnswer {
  candidates?: { content?: { parts?: unknown } | null; finishReason?: unknown }[] | null;
  promptFeedback?: { blockReason?: unknown } | null;
  usageMetadata?: WireUsage | null;
  responseId?: unknown;
  error?: unknown;
}

/** `google.rpc.Status`, as the REST API writes it. */
export interface WireError {
  code?: unknown;
  message?: unknown;
  /** The name of a `google.rpc.Code`, e.g. `INVALID_ARGUMENT`. */
  status?: unknown;
  details?: unknown;
}

/** The JSON object in a text; undefined where there is none. */
export function parseAnswer(text: string): WireAnswer | undefined {
  return firstOf(parseJson(text));
}

/** A value that is an object; of a list the first, which is how errors of the streaming method may come. */
export function firstOf(value: unknown): WireAnswer | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return isRecord(first) ? first : undefined;
}

/** The JSON object in a text; undefined where there is none. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  const value = parseJson(text);
  return isRecord(value) ? value : undefined;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
