import { InvalidRequest } from "../invalid-request.ts";
import { isObject } from "../is-object.ts";
import type { PromptCounter } from "../token-count.ts";
import { thinkingSignature } from "./write-reply.ts";

interface Blocks {
  text: string;
  /** The ids of the calls that it holds. */
  calls: string[];
  /** The ids of the calls that it answers. */
  answers: string[];
}

/** Reads messages into the counter, and checks that tools are answered. Throws InvalidRequest for what Anthropic refuses. */
export function readMessages(messages: readonly unknown[], counter: PromptCounter, mayHoldSystem: boolean) {
  if (messages.length === 0) throw new InvalidRequest("messages: at least one message is required");
  let lastUserText = "";
  let lastRole = "";
  let lastAnswers = 0;
  let unanswered: string[] = [];
  for (const [at, message] of messages.entries()) {
    const { role, content } = isObject(message) ? message : {};
    if (role === "system" && !mayHoldSystem)
      throw new InvalidRequest(
        'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as an input message role.',
      );
    if (role !== "user" && role !== "assistant" && role !== "system")
      throw new InvalidRequest(`messages.${at}.role: Input should be 'user' or 'assistant'`);
    if (at === 0 && role === "assistant")
      throw new InvalidRequest('messages: first message must use the "user" role');
    counter.addMessage();
    const isLastOfAssistant = role === "assistant" && at === messages.length - 1;
    const { text, calls, answers } = readContent(content, at, role, isLastOfAssistant, counter);
    expectAnswers(at, unanswered, answers);
    unanswered = calls;
    if (isLastOfAssistant && /\s$/.test(text))
      throw new InvalidRequest("messages: final assistant content cannot end with trailing whitespace");
    if (role === "user" && (text !== "" || answers.length === 0)) lastUserText = text;
    lastRole = role;
    lastAnswers = answers.length;
  }
  expectAnswers(messages.length, unanswered, []);
  return { lastUserText, bringsToolResults: lastAnswers > 0, isPrefilled: lastRole === "assistant" };
}

function expectAnswers(at: number, calls: readonly string[], answers: readonly string[]): void {
  const stray = answers.find((id) => !calls.includes(id));
  if (stray !== undefined)
    throw new InvalidRequest(
      `messages.${at}.content.0: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${stray}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`,
    );
  const missing = calls.filter((id) => !answers.includes(id));
  if (missing.length > 0)
    throw new InvalidRequest(
      `messages.${at - 1}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.join(", ")}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
    );
}

function readContent(
  content: unknown,
  at: number,
  role: string,
  mayBeEmpty: boolean,
  counter: PromptCounter,
): Blocks {
  const blocks: unknown[] = Array.isArray(content) ? content : [{ type: "text", text: content }];
  if (typeof content !== "string" && !Array.isArray(content))
    throw new InvalidRequest(`messages.${at}.content: Input should be a valid string or list`);
  if (content.length === 0 && !mayBeEmpty)
    throw new InvalidRequest(
      `messages.${at}: all messages must have non-empty content except for the optional final assistant message`,
    );
  const read: Blocks = { text: "", calls: [], answers: [] };
  for (const [index, block] of blocks.entries())
    readBlock(isObject(block) ? block : {}, `messages.${at}.content.${index}`, role, read, counter);
  if (
    read.text === "" &&
    content.length > 0 &&
    blocks.some((block) => isObject(block) && block.type === "text")
  )
    throw new InvalidRequest("messages: text content blocks must be non-empty");
  return read;
}

function readBlock(
  block: Record<string, unknown>,
  path: string,
  role: string,
  read: Blocks,
  counter: PromptCounter,
): void {
  const { type, text, id, name, input, tool_use_id: answered, content } = block;
  const kind = `${role} ${String(type)}`;
  if (type === "text") {
    if (typeof text !== "string") throw new InvalidRequest(`${path}.text.text: Field required`);
    counter.addText(text);
    read.text += text;
  } else if (kind === "user image") {
    expectImage(block.source, path);
    counter.addImage();
  } else if (kind === "user tool_result") {
    if (typeof answered !== "string")
      throw new InvalidRequest(`${path}.tool_result.tool_use_id: Field required`);
    read.answers.push(answered);
    readResult(content, path, counter);
  } else if (kind === "assistant tool_use") {
    if (typeof id !== "string" || typeof name !== "string")
      throw new InvalidRequest(`${path}.tool_use.${typeof id === "string" ? "name" : "id"}: Field required`);
    if (!isObject(input))
      throw new InvalidRequest(`${path}.tool_use.input: Input should be a valid dictionary`);
    counter.addText(JSON.stringify(input));
    read.calls.push(id);
  } else if (kind === "assistant thinking") {
    if (block.signature !== thinkingSignature)
      throw new InvalidRequest(`${path}: Invalid \`signature\` in \`thinking\` block`);
  } else if (kind !== "assistant redacted_thinking" && kind !== "user document")
    throw new InvalidRequest(
      `${path}: Input tag '${String(type)}' found using 'type' does not match any of the expected tags of role '${role}'`,
    );
}

function readResult(content: unknown, path: string, counter: PromptCounter): void {
  if (content === undefined) return;
  const blocks: unknown[] = Array.isArray(content) ? content : [{ type: "text", text: content }];
  for (const [index, block] of blocks.entries()) {
    const { type, text, source } = isObject(block) ? block : {};
    if (type === "image") {
      expectImage(source, `${path}.tool_result.content.${index}`);
      counter.addImage();
    } else if (type === "text" && typeof text === "string") counter.addText(text);
    else
      throw new InvalidRequest(
        `${path}.tool_result.content.${index}: Input should be a valid text or image block`,
      );
  }
}

function expectImage(source: unknown, path: string): void {
  const { type, media_type: mediaType, data, url } = isObject(source) ? source : {};
  if (type === "url" && typeof url === "string" && /^https?:\/\//.test(url)) return;
  if (type !== "base64")
    throw new InvalidRequest(`${path}.image.source: Input should be a base64 or a url source`);
  if (!["image/jpeg", "image/png", "image/gif", "image/webp"].includes(String(mediaType)))
    throw new InvalidRequest(
      `${path}.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'`,
    );
  if (typeof data !== "string" || !/^[A-Za-z0-9+/]+={0,2}$/.test(data))
    throw new InvalidRequest(`${path}.image.source.base64.data: Invalid base64 data`);
}
