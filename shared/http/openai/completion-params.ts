import { z } from "zod";
import { parseFields } from "../../domain/parse-fields.ts";
import { type ChatParams, parseRenamed, streamOptionsSchema, withoutEffect } from "./chat-params.ts";
import { membersOf, refuseUnlessNeutral, unchecked, unsupported, withoutNulls } from "./fields.ts";
import { renameCompletionField } from "./names.ts";

/** What we cannot do, and the values with which nobody asks for it. */
const neutralValues = {
  n: [1],
  best_of: [1],
  echo: [false],
  suffix: [""],
  logprobs: [],
  frequency_penalty: [0],
  presence_penalty: [0],
  logit_bias: [{}],
};

const completionSchema = z.strictObject({
  prompt: z.union([z.string(), z.array(z.unknown())], "must be a text"),
  model: unchecked,
  provider: unchecked,
  stream: unchecked,
  stream_options: streamOptionsSchema,
  max_tokens: unchecked,
  temperature: unchecked,
  top_p: unchecked,
  stop: unchecked,
  seed: unchecked,
  ...withoutEffect,
  ...membersOf(neutralValues),
});

/** What OpenAI documents for this endpoint; clients of it count on short answers. */
const defaultMaxTokens = 16;

/**
 * Checks the parsed body of `POST v1/completions`: a chat of one message.
 * @throws SluiceError invalid_request or unsupported_parameter, naming the field as OpenAI does
 */
export function parseCompletionParams(json: unknown): ChatParams {
  const body = parseFields(completionSchema, withoutNulls(json));
  refuseUnlessNeutral(body, neutralValues);
  const { model, provider, stream, max_tokens, temperature, top_p, stop, seed } = body;
  const chat = {
    messages: [{ role: "user", content: readPrompt(body.prompt) }],
    model,
    provider,
    stream,
    options: { maxTokens: max_tokens ?? defaultMaxTokens, temperature, topP: top_p, stop, seed },
  };
  return {
    request: parseRenamed(chat, renameCompletionField),
    includeUsage: body.stream_options?.include_usage ?? false,
    warnings: [],
    rename: renameCompletionField,
  };
}

function readPrompt(prompt: string | unknown[]): string {
  const [first, ...others] = [prompt].flat();
  if (others.length > 0 || typeof first !== "string")
    throw unsupported("prompt", "must be one text: several prompts and token numbers are not supported");
  return first;
}
