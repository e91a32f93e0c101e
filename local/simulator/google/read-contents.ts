import { InvalidRequest } from "../invalid-request.ts";
import { isObject } from "../is-object.ts";
import type { PromptCounter } from "../token-count.ts";

const dataNames = [
  ...["text", "inlineData", "fileData", "functionCall", "functionResponse"],
  ...["executableCode", "codeExecutionResult"],
];

interface Turn {
  text: string;
  /** The names of the functions that it calls. */
  calls: string[];
  /** The names of the functions that it answers. */
  answers: string[];
}

/** Reads contents into the counter, and checks that functions are answered. Throws InvalidRequest for what Gemini refuses. */
export function readContents(contents: readonly unknown[], counter: PromptCounter, needsSignatures: boolean) {
  if (contents.length === 0)
    throw new InvalidRequest("* GenerateContentRequest.contents: contents is not specified");
  let lastUserText = "";
  let lastRole = "";
  let last: Turn = { text: "", calls: [], answers: [] };
  for (const [at, content] of contents.entries()) {
    const { role = "user", parts } = isObject(content) ? content : {};
    if (role !== "user" && role !== "model")
      throw new InvalidRequest("Please use a valid role: user, model.");
    if (!Array.isArray(parts) || parts.length === 0)
      throw new InvalidRequest(
        `* GenerateContentRequest.contents[${at}].parts: contents.parts must not be empty.`,
      );
    counter.addMessage();
    const turn = readParts(parts, at, role, counter, needsSignatures);
    expectAnswers(last.calls, turn.answers);
    if (turn.calls.length > 0 && lastRole !== "user")
      throw new InvalidRequest(
        "Please ensure that function call turn comes immediately after a user turn or after a function response turn.",
      );
    if (role === "user" && turn.answers.length === 0) lastUserText = turn.text;
    lastRole = role;
    last = turn;
  }
  expectAnswers(last.calls, []);
  return { lastUserText, bringsToolResults: last.answers.length > 0, isPrefilled: lastRole === "model" };
}

function expectAnswers(calls: readonly string[], answers: readonly string[]): void {
  if (calls.length === 0 && answers.length > 0)
    throw new InvalidRequest(
      "Please ensure that function response turn comes immediately after a function call turn.",
    );
  if (JSON.stringify(calls.toSorted()) !== JSON.stringify(answers.toSorted()))
    throw new InvalidRequest(
      "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.",
    );
}

function readParts(
  parts: readonly unknown[],
  at: number,
  role: string,
  counter: PromptCounter,
  needsSignatures: boolean,
): Turn {
  const turn: Turn = { text: "", calls: [], answers: [] };
  for (const [index, part] of parts.entries()) {
    const path = `contents[${at}].parts[${index}]`;
    const { text, inlineData, fileData, functionCall, functionResponse, thought, thoughtSignature } =
      isObject(part) ? part : {};
    if (!isObject(part) || dataNames.filter((name) => name in part).length !== 1)
      throw new InvalidRequest(
        `* GenerateContentRequest.${path}.data: required oneof field 'data' must have one initialized field`,
      );
    if (typeof text === "string") {
      // Thoughts that come back cost nothing.
      if (thought === true) continue;
      counter.addText(text);
      turn.text += text;
    } else if (inlineData !== undefined || fileData !== undefined)
      readMedia(inlineData ?? fileData, path, counter);
    else if (functionCall !== undefined) {
      const { name, args = {} } = readFunction(functionCall, path, role === "model");
      if (needsSignatures && turn.calls.length === 0 && typeof thoughtSignature !== "string")
        throw new InvalidRequest(
          `Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call \`default_api:${name}\` , position ${at + 1}. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.`,
        );
      counter.addText(JSON.stringify(args));
      turn.calls.push(name);
    } else if (functionResponse !== undefined) {
      const { name, response } = readFunction(functionResponse, path, role === "user");
      if (!isObject(response))
        throw new InvalidRequest(
          `Invalid value at '${path}.function_response.response' (type.googleapis.com/google.protobuf.Struct)`,
        );
      counter.addText(JSON.stringify(response));
      turn.answers.push(name);
    }
  }
  return turn;
}

function readFunction(value: unknown, path: string, isAllowed: boolean) {
  if (!isAllowed)
    throw new InvalidRequest(
      `* GenerateContentRequest.${path}: a model calls functions, and a user answers them`,
    );
  const { name, args, response } = isObject(value) ? value : {};
  if (typeof name !== "string" || name === "")
    throw new InvalidRequest(`* GenerateContentRequest.${path}.function.name: Name cannot be empty.`);
  return { name, args, response };
}

function readMedia(media: unknown, path: string, counter: PromptCounter): void {
  const { mimeType, data, fileUri } = isObject(media) ? media : {};
  if (typeof fileUri !== "string") {
    if (typeof mimeType !== "string" || mimeType === "")
      throw new InvalidRequest(`* GenerateContentRequest.${path}.inline_data.mime_type: must not be empty`);
    if (typeof data !== "string" || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(data))
      throw new InvalidRequest(
        `Invalid value at '${path}.inline_data.data' (TYPE_BYTES), Base64 decoding failed`,
      );
  }
  counter.addImage();
}
