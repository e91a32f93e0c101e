import { expect, test } from "vitest";
import { SluiceError } from "../../../../shared/domain/errors.ts";
import {
  createRename,
  renameCompletionField,
  renameError,
  renameWarning,
} from "../../../../shared/http/openai/names.ts";

const rename = createRename("max_completion_tokens");

test.each([
  ["options.topP", "top_p"],
  ["options.maxTokens", "max_completion_tokens"],
  ["options.reasoningEffort", "reasoning_effort"],
  ["options.parallelToolCalls", "parallel_tool_calls"],
  ["options.tools", "tools"],
  ["options.tools.3.parameters", "tools.3.function.parameters"],
  ["options.toolChoice.name", "tool_choice.function.name"],
  ["options.responseFormat", "response_format"],
  ["options.responseFormat.type", "response_format.type"],
  ["options.responseFormat.schema", "response_format.json_schema.schema"],
  ["messages.3.content", "messages.3.content"],
  ["messages.3.content.1.url", "messages.3.content.1.image_url.url"],
  ["messages.3.toolCallId", "messages.3.tool_call_id"],
  ["messages.3.toolCalls.0.id", "messages.3.tool_calls.0.id"],
  ["messages.3.toolCalls.0.arguments", "messages.3.tool_calls.0.function.arguments"],
  ["model", "model"],
])("our %s is %s of a chat completion", (ours, theirs) => {
  expect(rename(ours)).toBe(theirs);
});

test.each([
  ["messages", "prompt"],
  ["messages.0.content", "prompt"],
  ["options.maxTokens", "max_tokens"],
  ["options.topP", "top_p"],
])("our %s is %s of a text completion", (ours, theirs) => {
  expect(renameCompletionField(ours)).toBe(theirs);
});

test("an error keeps all but the names in it", () => {
  const cause = new Error("for the log");
  const error = new SluiceError("unsupported_parameter", {
    param: "options.toolChoice",
    message: "options.toolChoice: the model takes no options.tools.",
    retryAfterSeconds: 7,
    detail: { costNano: 5 },
    cause,
  });
  const renamed = renameError(error, rename);
  expect(renamed).toMatchObject({ code: "unsupported_parameter", status: 400, retryAfterSeconds: 7, cause });
  expect(renamed.toBody().error).toEqual({
    code: "unsupported_parameter",
    type: "invalid_request_error",
    param: "tool_choice",
    message: "tool_choice: the model takes no tools.",
    costNano: 5,
  });
});

test("an error without a field stays without one, and what is none of ours is internal", () => {
  expect(renameError(new SluiceError("rate_limited"), rename).toBody().error.param).toBeNull();
  const thrown = new TypeError("boom");
  expect(renameError(thrown, rename)).toMatchObject({ code: "internal_error", cause: thrown });
});

test("a warning names its field as the caller does", () => {
  expect(renameWarning({ param: "options.seed", message: "options.seed: was left out." }, rename)).toEqual({
    param: "seed",
    message: "seed: was left out.",
  });
});

test("an option by a name that every object knows keeps its name", () => {
  expect(createRename("max_tokens")("options.constructor")).toBe("constructor");
});
