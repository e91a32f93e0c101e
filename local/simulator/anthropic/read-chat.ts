import { InvalidRequest } from "../invalid-request.ts";
import { isObject } from "../is-object.ts";
import { createPromptCounter, type PromptCounter } from "../token-count.ts";
import type { ModelRequest, ToolDeclaration } from "../wire-format.ts";
import { readMessages } from "./read-messages.ts";
import { writeAnthropicReply } from "./write-reply.ts";

const parameters = new Set(
  "model messages max_tokens cache_control container diagnostics inference_geo metadata output_config service_tier speed stop_sequences stream system thinking tool_choice tools user_profile_id workspace_id".split(
    " ",
  ),
);
// The version of 2026-10-21 refuses them, whatever their value.
const samplers = new Set(["temperature", "top_p", "top_k"]);
const firstVersion = "2023-06-01";

/** Reads a request for a message. Throws InvalidRequest for what Anthropic refuses. */
export function readChat(body: Record<string, unknown>, version: string): ModelRequest {
  const isFirst = version === firstVersion;
  for (const name of Object.keys(body))
    if (!parameters.has(name) && !(isFirst && samplers.has(name)))
      throw new InvalidRequest(`${name}: Extra inputs are not permitted`);
  const { model, max_tokens: maxTokens } = body;
  if (typeof model !== "string") throw new InvalidRequest("model: Field required");
  if (model === "" || model.startsWith(";"))
    throw new InvalidRequest("model: String should have at least 1 character");
  if (maxTokens === undefined) throw new InvalidRequest("max_tokens: Field required");
  const least = isFirst ? 1 : 0;
  if (!(typeof maxTokens === "number" && Number.isInteger(maxTokens) && maxTokens >= least))
    throw new InvalidRequest(
      `max_tokens: Input should be a valid integer, greater than or equal to ${least}`,
    );
  if (isFirst) readSamplers(body);
  readThinking(body.thinking, maxTokens);
  const counter = createPromptCounter();
  readSystem(body.system, counter);
  if (!Array.isArray(body.messages)) throw new InvalidRequest("messages: Field required");
  const messages = readMessages(body.messages, counter, !isFirst);
  const tools = readTools(body.tools);
  const choice = isObject(body.tool_choice) ? body.tool_choice : {};
  return {
    model,
    body,
    maxTokens,
    tools,
    hasOutput: true,
    stream: body.stream === true,
    ...messages,
    prompt: counter.prompt(),
    promptTokens: counter.tokens(tools.length > 0 ? body.tools : undefined),
    parallelTools: choice.disable_parallel_tool_use !== true,
    outputSchema: readOutputSchema(body.output_config),
    write: (id, name, reply) => writeAnthropicReply(id, name, reply, isThinkingShown(body.thinking)),
  };
}

function readSamplers({ temperature, top_p, top_k }: Record<string, unknown>): void {
  for (const [name, value] of Object.entries({ temperature, top_p }))
    if (value !== undefined && !(typeof value === "number" && value >= 0 && value <= 1))
      throw new InvalidRequest(`${name}: range: 0..1`);
  if (top_k !== undefined && !(typeof top_k === "number" && Number.isInteger(top_k)))
    throw new InvalidRequest("top_k: Input should be a valid integer");
}

function readThinking(thinking: unknown, maxTokens: number): void {
  if (thinking === undefined) return;
  const { type, budget_tokens: budget } = isObject(thinking) ? thinking : {};
  if (type === "disabled" || type === "adaptive") return;
  if (type !== "enabled")
    throw new InvalidRequest(
      "thinking: Input tag found using 'type' does not match any of the expected tags: 'adaptive', 'disabled', 'enabled'",
    );
  if (!(typeof budget === "number" && Number.isInteger(budget) && budget >= 1024))
    throw new InvalidRequest("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024");
  if (budget >= maxTokens)
    throw new InvalidRequest("`max_tokens` must be greater than `thinking.budget_tokens`.");
}

function isThinkingShown(thinking: unknown): boolean {
  return !(isObject(thinking) && (thinking.display === "omitted" || thinking.type === "disabled"));
}

function readSystem(system: unknown, counter: PromptCounter): void {
  if (system === undefined) return;
  const blocks: unknown[] = Array.isArray(system) ? system : [{ type: "text", text: system }];
  counter.addMessage();
  for (const [at, block] of blocks.entries()) {
    const { type, text } = isObject(block) ? block : {};
    if (type !== "text" || typeof text !== "string")
      throw new InvalidRequest(`system.${at}.text: Input should be a valid string`);
    counter.addText(text);
  }
}

function readTools(tools: unknown): ToolDeclaration[] {
  if (tools === undefined) return [];
  if (!Array.isArray(tools)) throw new InvalidRequest("tools: Input should be a valid list");
  return tools.flatMap((tool, at) => {
    const { type, name, input_schema: schema } = isObject(tool) ? tool : {};
    // Tools that Anthropic itself runs have types of their own, and nobody calls them.
    if (typeof type === "string" && type !== "custom") return [];
    if (typeof name !== "string" || !/^[\w-]{1,128}$/.test(name))
      throw new InvalidRequest(
        `tools.${at}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`,
      );
    if (!isObject(schema) || schema.type !== "object")
      throw new InvalidRequest(
        schema === undefined
          ? `tools.${at}.custom.input_schema: Field required`
          : `tools.${at}.custom.input_schema.type: Input should be 'object'`,
      );
    return [{ name, schema }];
  });
}

function readOutputSchema(config: unknown): unknown {
  const format = isObject(config) ? (config.format ?? null) : null;
  if (format === null) return null;
  const { type, schema } = isObject(format) ? format : {};
  if (type !== "json_schema")
    throw new InvalidRequest("output_config.format.type: Input should be 'json_schema'");
  if (!isObject(schema)) throw new InvalidRequest("output_config.format.schema: Field required");
  if (schema.type === "object" && schema.additionalProperties !== false)
    throw new InvalidRequest(
      "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false",
    );
  return schema;
}
