import { InvalidRequest } from "../invalid-request.ts";
import { isObject } from "../is-object.ts";
import { createPromptCounter, type PromptCounter } from "../token-count.ts";
import type { ModelRequest, ToolDeclaration } from "../wire-format.ts";
import { expectSchema } from "./expect-schema.ts";
import { readContents } from "./read-contents.ts";
import { writeGoogleReply } from "./write-reply.ts";

const fields = new Set([
  ...["contents", "systemInstruction", "generationConfig", "tools", "toolConfig", "safetySettings"],
  ...["cachedContent", "continuationToken", "labels", "model", "serviceTier", "store"],
]);
const configFields = new Set(
  "audioTimestamp audioTranscriptionConfig candidateCount enableAffectiveDialog enableEnhancedCivicAnswers frequencyPenalty imageConfig logprobs maxOutputTokens mediaResolution presencePenalty responseFormat responseJsonSchema responseLogprobs responseMimeType responseModalities responseSchema seed speechConfig stopSequences temperature thinkingConfig topK topP translationConfig".split(
    " ",
  ),
);

/** Reads a request for content. Throws InvalidRequest for what Gemini refuses. */
export function readChat(body: Record<string, unknown>, model: string, stream: boolean): ModelRequest {
  expectKnown(body, fields, "");
  const config = isObject(body.generationConfig) ? body.generationConfig : {};
  expectKnown(config, configFields, " at 'generation_config'");
  const maxTokens = config.maxOutputTokens ?? null;
  if (maxTokens !== null && !(typeof maxTokens === "number" && Number.isInteger(maxTokens) && maxTokens >= 1))
    throw new InvalidRequest(
      "* GenerateContentRequest.generation_config.max_output_tokens: must be positive",
    );
  const { temperature } = config;
  if (temperature !== undefined && !(typeof temperature === "number" && temperature >= 0 && temperature <= 2))
    throw new InvalidRequest(
      "* GenerateContentRequest.generation_config.temperature: temperature must be in the range [0.0, 2.0].",
    );
  const counter = createPromptCounter();
  readSystem(body.systemInstruction, counter);
  const contents: unknown[] = Array.isArray(body.contents) ? body.contents : [];
  const read = readContents(contents, counter, model.startsWith("gemini-3"));
  const tools = readTools(body.tools);
  const thinking = isObject(config.thinkingConfig) ? config.thinkingConfig : {};
  return {
    model,
    stream,
    body,
    maxTokens,
    tools,
    parallelTools: true,
    hasOutput: true,
    ...read,
    prompt: counter.prompt(),
    promptTokens: counter.tokens(tools.length > 0 ? body.tools : undefined),
    outputSchema: readOutputSchema(config),
    write: (id, name, reply) => writeGoogleReply(id, name, reply, thinking.includeThoughts === true),
  };
}

function expectKnown(value: Record<string, unknown>, known: ReadonlySet<string>, where: string): void {
  for (const name of Object.keys(value))
    if (!known.has(name))
      throw new InvalidRequest(
        `Invalid JSON payload received. Unknown name "${name}"${where}: Cannot find field.`,
      );
}

function readSystem(system: unknown, counter: PromptCounter): void {
  if (system === undefined) return;
  const parts: unknown[] = isObject(system) && Array.isArray(system.parts) ? system.parts : [];
  counter.addMessage();
  for (const part of parts) {
    if (!isObject(part) || typeof part.text !== "string")
      throw new InvalidRequest("Developer instruction must have text parts alone.");
    counter.addText(part.text);
  }
}

function readTools(tools: unknown): ToolDeclaration[] {
  if (tools === undefined) return [];
  if (!Array.isArray(tools)) throw new InvalidRequest("Invalid value at 'tools' (a list is expected)");
  return tools.flatMap((tool, at) => {
    const declared = isObject(tool) ? (tool.functionDeclarations ?? []) : [];
    if (!Array.isArray(declared))
      throw new InvalidRequest(`Invalid value at 'tools[${at}].function_declarations'`);
    return declared.map((each, index) => {
      const path = `* GenerateContentRequest.tools[${at}].function_declarations[${index}]`;
      const { name, parameters, parametersJsonSchema } = isObject(each) ? each : {};
      if (typeof name !== "string" || !/^[a-zA-Z_][\w.:-]{0,63}$/.test(name))
        throw new InvalidRequest(
          `${path}.name: Invalid function name. Must start with a letter or an underscore. Must be alphameric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 64.`,
        );
      if (parameters !== undefined && parametersJsonSchema !== undefined)
        throw new InvalidRequest(`${path}: parameters and parameters_json_schema exclude each other`);
      if (
        isObject(parameters) &&
        (!isObject(parameters.properties) || Object.keys(parameters.properties).length === 0)
      )
        throw new InvalidRequest(`${path}.parameters.properties: should be non-empty for OBJECT type`);
      expectSchema(parameters, `tools[${at}].function_declarations[${index}].parameters`);
      return { name, schema: parametersJsonSchema ?? parameters };
    });
  });
}

function readOutputSchema(config: Record<string, unknown>): unknown {
  const { responseMimeType, responseSchema, responseJsonSchema } = config;
  if (responseSchema !== undefined && responseJsonSchema !== undefined)
    throw new InvalidRequest("response_schema and response_json_schema exclude each other");
  expectSchema(responseSchema, "generation_config.response_schema");
  const schema = responseJsonSchema ?? responseSchema ?? null;
  if (responseMimeType === "application/json")
    return schema ?? { type: "object", properties: { answer: { type: "string" } } };
  if (schema !== null)
    throw new InvalidRequest("A response schema needs the response mime type application/json.");
  return null;
}
