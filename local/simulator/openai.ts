import type { IncomingHttpHeaders } from "node:http";
import type { Refusal } from "./faults.ts";
import * as errors from "./openai-errors.ts";
import { writeOpenaiReply } from "./openai-reply.ts";
import { countTokens, messageOverheadTokens, promptOverheadTokens } from "./token-count.ts";
import type { Answer, ChatRequest, WireFormat } from "./wire-format.ts";

const roles = new Set(["system", "developer", "user", "assistant", "tool", "function"]);
const modelIds = ["gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-4o", "gpt-4o-mini", "o4-mini"];

/** OpenAI's chat completions. */
export const openai: WireFormat = {
  name: "openai",
  basePath: "/openai/v1",
  idPrefix: "chatcmpl-",
  authorize(headers) {
    const key = readKey(headers);
    return key === "" || key.startsWith("sk-invalid") ? errors.invalidKey(key) : null;
  },
  answer(method, path) {
    if (method === "POST" && path === "/chat/completions") return null;
    if (method === "GET" && path === "/models") return listModels();
    return errors.openaiError(404, "invalid_request_error", null, `Invalid URL (${method} /v1${path})`);
  },
  readChat,
  refuse,
  refuseCommands: (message) => errors.invalidRequest(message, "model", "invalid_command"),
};

function readKey(headers: IncomingHttpHeaders): string {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1] ?? "";
}

function listModels(): Answer {
  const data = modelIds.map((id) => ({ id, object: "model", created: 1_744_316_542, owned_by: "system" }));
  return {
    status: 200,
    headers: ["content-type", "application/json"],
    body: JSON.stringify({ object: "list", data }),
  };
}

function refuse(refusal: Refusal, chat: ChatRequest, headers: IncomingHttpHeaders): Answer {
  switch (refusal.status) {
    case 400:
      return refusal.code === "context_length_exceeded"
        ? errors.contextTooLong(chat.promptTokens)
        : errors.invalidTemperature();
    case 401:
      return errors.invalidKey(readKey(headers));
    case 429:
      return refusal.code === "insufficient_quota"
        ? errors.outOfQuota()
        : errors.rateLimited(chat.model.split(";", 1)[0] ?? "");
    case 500:
      return errors.serverFailed();
    case 503:
      return errors.overloaded();
  }
}

function readChat(body: string): ChatRequest | Answer {
  let asked: unknown;
  try {
    asked = JSON.parse(body);
  } catch {
    asked = null;
  }
  if (!isObject(asked))
    return errors.invalidRequest(
      "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have trouble figuring out how to fix this, please contact us through our help center at help.openai.com.)",
      null,
      null,
    );
  const { model, messages } = asked;
  if (typeof model !== "string" || model === "" || model.startsWith(";"))
    return errors.invalidRequest("you must provide a model parameter", null, null);
  if (!Array.isArray(messages))
    return errors.invalidRequest(
      "Missing required parameter: 'messages'.",
      "messages",
      "missing_required_parameter",
    );
  if (messages.length === 0)
    return errors.invalidRequest(
      "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
      "messages",
      "empty_array",
    );
  const limitName = asked.max_completion_tokens == null ? "max_tokens" : "max_completion_tokens";
  const maxTokens = asked[limitName] ?? null;
  if (maxTokens !== null && !(typeof maxTokens === "number" && Number.isInteger(maxTokens) && maxTokens >= 1))
    return errors.invalidRequest(
      `Invalid '${limitName}': expected an integer >= 1, but got ${JSON.stringify(maxTokens)} instead.`,
      limitName,
      "integer_below_min_value",
    );

  const texts: string[] = [];
  let promptTokens = promptOverheadTokens;
  let lastUserText = "";
  for (const [at, message] of messages.entries()) {
    const role: unknown = message?.role;
    if (typeof role !== "string" || !roles.has(role))
      return errors.invalidRequest(
        `Invalid value: ${JSON.stringify(role ?? null)}. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.`,
        `messages[${at}].role`,
        "invalid_value",
      );
    const text = readContent(message.content);
    if (text === null)
      return errors.invalidRequest(
        `Invalid type for 'messages[${at}].content': expected one of a string or array of objects.`,
        `messages[${at}].content`,
        "invalid_type",
      );
    texts.push(text);
    promptTokens += countTokens(text) + messageOverheadTokens;
    if (role === "user") lastUserText = text;
  }
  const options = isObject(asked.stream_options) ? asked.stream_options : {};
  const includeUsage = options.include_usage === true;
  const obfuscate = options.include_obfuscation !== false;
  return {
    model,
    stream: asked.stream === true,
    prompt: texts.join("\n"),
    promptTokens,
    lastUserText,
    maxTokens,
    write: (id, name, reply) => writeOpenaiReply(id, name, reply, { includeUsage, obfuscate }),
  };
}

/** The text of a message; null for what is neither text nor parts. Parts that are not text count as empty. */
function readContent(content: unknown): string | null {
  if (typeof content === "string") return content;
  if (content === null || content === undefined) return "";
  if (!Array.isArray(content)) return null;
  return content.map((part) => (typeof part?.text === "string" ? part.text : "")).join("");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
