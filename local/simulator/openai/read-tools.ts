import { InvalidRequest } from "../invalid-request.ts";
import { isObject } from "../is-object.ts";
import type { ToolDeclaration } from "../wire-format.ts";

/** Reads the tools that a request declares. Throws InvalidRequest for what OpenAI refuses. */
export function readTools({ tools, tool_choice }: Record<string, unknown>): ToolDeclaration[] {
  if (tools === undefined || tools === null) {
    if (tool_choice != null)
      throw new InvalidRequest(
        "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
        "tool_choice",
        null,
      );
    return [];
  }
  if (!Array.isArray(tools) || tools.length === 0)
    throw new InvalidRequest(
      "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.",
      "tools",
      "empty_array",
    );
  return tools.map((tool, at) => {
    const { type, function: declared } = isObject(tool) ? tool : {};
    if (type !== "function")
      throw new InvalidRequest(
        `Invalid value: ${JSON.stringify(type ?? null)}. Supported values are: 'function' and 'custom'.`,
        `tools[${at}].type`,
        "invalid_value",
      );
    const { name, parameters = { type: "object" } } = isObject(declared) ? declared : {};
    if (typeof name !== "string" || !/^[\w-]{1,64}$/.test(name))
      throw new InvalidRequest(
        `Invalid 'tools[${at}].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.`,
        `tools[${at}].function.name`,
        "invalid_value",
      );
    if (!isObject(parameters) || parameters.type !== "object")
      throw new InvalidRequest(
        `Invalid schema for function '${name}': schema must be a JSON Schema of 'type: "object"', got 'type: ${JSON.stringify((isObject(parameters) && parameters.type) || "None")}'.`,
        `tools[${at}].function.parameters`,
        "invalid_function_parameters",
      );
    return { name, schema: parameters };
  });
}

/** The schema that a reply has to satisfy; null for text. Throws InvalidRequest for what OpenAI refuses. */
export function readOutputSchema(format: unknown): unknown {
  if (format === undefined || format === null) return null;
  const { type, json_schema } = isObject(format) ? format : {};
  if (type === "text") return null;
  if (type === "json_object") return { type: "object", properties: { answer: { type: "string" } } };
  if (type !== "json_schema")
    throw new InvalidRequest(
      `Invalid value: ${JSON.stringify(type ?? null)}. Supported values are: 'json_object', 'json_schema', and 'text'.`,
      "response_format.type",
      "invalid_value",
    );
  const { name, schema, strict } = isObject(json_schema) ? json_schema : {};
  if (typeof name !== "string" || !/^[\w-]{1,64}$/.test(name))
    throw new InvalidRequest(
      "Missing required parameter: 'response_format.json_schema.name'.",
      "response_format.json_schema.name",
      "missing_required_parameter",
    );
  if (!isObject(schema))
    throw new InvalidRequest(
      "Missing required parameter: 'response_format.json_schema.schema'.",
      "response_format.json_schema.schema",
      "missing_required_parameter",
    );
  const fault = strict === true ? findLooseObject(schema, []) : null;
  if (fault !== null)
    throw new InvalidRequest(
      `Invalid schema for response_format '${name}': ${fault}`,
      "response_format",
      "invalid_json_schema",
    );
  return schema;
}

/** What a strict schema must not have: an object that leaves properties open. Null for none. */
function findLooseObject(schema: unknown, path: readonly string[]): string | null {
  if (!isObject(schema)) return null;
  const context = `In context=(${path.map((name) => `'${name}'`).join(", ")})`;
  const properties = isObject(schema.properties) ? schema.properties : {};
  if (schema.type === "object") {
    if (schema.additionalProperties !== false)
      return `${context}, 'additionalProperties' is required to be supplied and to be false.`;
    const required: unknown[] = Array.isArray(schema.required) ? schema.required : [];
    const missing = Object.keys(properties).find((name) => !required.includes(name));
    if (missing !== undefined)
      return `${context}, 'required' is required to be supplied and to be an array including every key in properties. Missing '${missing}'.`;
  }
  const inner = [...Object.entries(properties).map(([name, each]) => [each, ["properties", name]] as const)];
  if (schema.items !== undefined) inner.push([schema.items, ["items"]] as never);
  for (const [each, step] of inner) {
    const fault = findLooseObject(each, [...path, ...step]);
    if (fault !== null) return fault;
  }
  return null;
}
