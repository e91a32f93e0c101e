import { InvalidRequest } from "../invalid-request.ts";
import { isObject } from "../is-object.ts";
import type { PromptCounter } from "../token-count.ts";

const roles = new Set(["system", "developer", "user", "assistant", "tool", "function"]);
const partTypes = new Set(["text", "image_url", "input_audio", "refusal", "audio", "file"]);

/** Reads messages into the counter, and checks that tools are answered. Throws InvalidRequest for what OpenAI refuses. */
export function readMessages(
  messages: readonly unknown[],
  counter: PromptCounter,
): { lastUserText: string; lastRole: string } {
  if (messages.length === 0)
    throw new InvalidRequest(
      "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
      "messages",
      "empty_array",
    );
  let lastUserText = "";
  let lastRole = "";
  let unanswered = new Set<string>();
  for (const [at, message] of messages.entries()) {
    const { role, content, tool_calls, tool_call_id } = isObject(message) ? message : {};
    const path = `messages[${at}]`;
    if (typeof role !== "string" || !roles.has(role))
      throw new InvalidRequest(
        `Invalid value: ${JSON.stringify(role ?? null)}. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.`,
        `${path}.role`,
        "invalid_value",
      );
    if (role === "tool") answerCall(unanswered, tool_call_id, path);
    else expectAnswered(unanswered, path);
    counter.addMessage();
    const calls = role === "assistant" ? readCalls(tool_calls, path, counter) : [];
    if (calls.length > 0) unanswered = new Set(calls);
    const text = readContent(content, { role, path, isOptional: calls.length > 0, counter });
    if (role === "user") lastUserText = text;
    lastRole = role;
  }
  expectAnswered(unanswered, `messages[${messages.length}]`);
  return { lastUserText, lastRole };
}

function answerCall(unanswered: Set<string>, id: unknown, path: string): void {
  if (typeof id !== "string")
    throw new InvalidRequest(
      `Missing required parameter: '${path}.tool_call_id'.`,
      `${path}.tool_call_id`,
      "missing_required_parameter",
    );
  if (!unanswered.delete(id))
    throw new InvalidRequest(
      "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
      `${path}.role`,
      null,
    );
}

function expectAnswered(unanswered: ReadonlySet<string>, path: string): void {
  if (unanswered.size > 0)
    throw new InvalidRequest(
      `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${[...unanswered].join(", ")}`,
      `${path}.role`,
      null,
    );
}

/** The ids of an assistant's calls; their arguments count as text. */
function readCalls(calls: unknown, path: string, counter: PromptCounter): string[] {
  if (calls === undefined || calls === null) return [];
  if (!Array.isArray(calls) || calls.length === 0)
    throw new InvalidRequest(
      `Invalid '${path}.tool_calls': empty array. Expected an array with minimum length 1, but got an empty array instead.`,
      `${path}.tool_calls`,
      "empty_array",
    );
  return calls.map((call, at) => {
    const { id, type, function: called } = isObject(call) ? call : {};
    const { name, arguments: given } = isObject(called) ? called : {};
    if (
      typeof id !== "string" ||
      type !== "function" ||
      typeof name !== "string" ||
      typeof given !== "string"
    )
      throw new InvalidRequest(
        `Invalid '${path}.tool_calls[${at}]': expected an id, the type 'function', and a function with a name and with arguments in a string.`,
        `${path}.tool_calls[${at}]`,
        "invalid_type",
      );
    counter.addText(given);
    return id;
  });
}

interface Where {
  role: string;
  path: string;
  isOptional: boolean;
  counter: PromptCounter;
}

/** Counts a message's content, and returns its text. */
function readContent(content: unknown, { role, path, isOptional, counter }: Where): string {
  if (typeof content === "string") {
    counter.addText(content);
    return content;
  }
  if ((content === null || content === undefined) && (isOptional || role === "assistant")) return "";
  if (!Array.isArray(content))
    throw new InvalidRequest(
      `Invalid type for '${path}.content': expected one of a string or array of objects.`,
      `${path}.content`,
      "invalid_type",
    );
  const text = content.map((part, at) => readPart(part, `${path}.content[${at}]`, role, counter)).join("");
  counter.addText(text);
  return text;
}

function readPart(part: unknown, path: string, role: string, counter: PromptCounter): string {
  const { type, text, refusal, image_url } = isObject(part) ? part : {};
  if (typeof type !== "string" || !partTypes.has(type))
    throw new InvalidRequest(
      `Invalid value: ${JSON.stringify(type ?? null)}. Supported values are: 'text', 'image_url', 'input_audio', 'refusal', 'audio', and 'file'.`,
      `${path}.type`,
      "invalid_value",
    );
  if (type === "text" || type === "refusal") {
    const said = type === "text" ? text : refusal;
    if (typeof said === "string") return said;
    throw new InvalidRequest(
      `Missing required parameter: '${path}.${type}'.`,
      `${path}.${type}`,
      "missing_required_parameter",
    );
  }
  if (type !== "image_url") return "";
  if (role !== "user")
    throw new InvalidRequest(
      `Invalid '${path}'. Image URLs are only allowed for messages with role 'user', but this message with role '${role}' contains an image URL.`,
      path,
      "invalid_value",
    );
  const url = isObject(image_url) ? image_url.url : null;
  if (
    typeof url !== "string" ||
    !/^(https?:\/\/|data:image\/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+$)/.test(url)
  )
    throw new InvalidRequest(
      "Invalid image URL. Expected a valid URL, or image data in base64 as a data URL of the type png, jpeg, gif or webp.",
      `${path}.image_url.url`,
      "invalid_image_url",
    );
  counter.addImage();
  return "";
}
