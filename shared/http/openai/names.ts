import type { Warning } from "../../domain/chat-event.ts";
import { SluiceError, toSluiceError } from "../../domain/errors.ts";

/** Our name of a field of a chat, such as `options.topP`, as the name that the caller sent it by. */
export type Rename = (field: string) => string;

const optionNames: Record<string, string> = {
  topP: "top_p",
  reasoningEffort: "reasoning_effort",
  toolChoice: "tool_choice",
  parallelToolCalls: "parallel_tool_calls",
  responseFormat: "response_format",
};

/** Where OpenAI nests deeper than we do. */
const nested: [pattern: RegExp, replacement: string][] = [
  [/^(tools\.\d+)\.(?=\w)/, "$1.function."],
  [/^(tool_choice)\.(?=\w)/, "$1.function."],
  [/^(response_format)\.(?=(?:name|schema|strict)\b)/, "$1.json_schema."],
  [/^(messages\.\d+)\.toolCallId\b/, "$1.tool_call_id"],
  [/^(messages\.\d+)\.toolCalls\b/, "$1.tool_calls"],
  [/^(messages\.\d+\.tool_calls\.\d+)\.(?=(?:name|arguments)\b)/, "$1.function."],
  [/^(messages\.\d+\.content\.\d+)\.url\b/, "$1.image_url.url"],
];

/**
 * The names of a chat completion's fields.
 * @param maxTokens the member in which the caller limited the answer
 */
export function createRename(maxTokens: "max_tokens" | "max_completion_tokens"): Rename {
  return (field) => {
    const flat = field.replace(/^options\.(\w+)/, (_, name: string) =>
      name === "maxTokens"
        ? maxTokens
        : Object.hasOwn(optionNames, name)
          ? (optionNames[name] as string)
          : name,
    );
    return nested.reduce((name, [pattern, replacement]) => name.replace(pattern, replacement), flat);
  };
}

/** The names of a text completion's fields: its one message is the prompt. */
export const renameCompletionField: Rename = (field) =>
  /^messages\b/.test(field) ? "prompt" : createRename("max_tokens")(field);

/** What was thrown, as an error that names fields as the caller does. */
export function renameError(thrown: unknown, rename: Rename): SluiceError {
  const error = toSluiceError(thrown);
  const { message, type: _, param, code, ...detail } = error.toBody().error;
  return new SluiceError(code, {
    message: renameWithin(message, rename),
    ...(param === null ? {} : { param: rename(param) }),
    ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
    allowance: error.allowance,
    detail,
    cause: error.cause,
  });
}

/** A warning that names its field as the caller does. */
export function renameWarning({ param, message }: Warning, rename: Rename): Warning {
  return { param: rename(param), message: renameWithin(message, rename) };
}

function renameWithin(sentence: string, rename: Rename): string {
  return sentence.replace(/\b(?:options|messages)(?:\.\w+)+/g, rename);
}
