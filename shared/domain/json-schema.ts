import { z } from "zod";

const typeNames = ["object", "array", "string", "number", "integer", "boolean", "null"];
/** Keywords whose value is a schema, a list of schemas, or schemas by name (JSON Schema 2020-12, and `definitions` of before). */
const oneSchema = ["items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"];
const schemaList = ["anyOf", "oneOf", "allOf", "prefixItems"];
const schemasByName = ["properties", "$defs", "definitions", "patternProperties", "dependentSchemas"];

/**
 * A JSON schema of an object, as tools and structured answers take it. Checked here, because each provider words its refusal
 * differently and some of them charge for the attempt.
 */
export const objectSchema = z.record(z.string(), z.unknown()).superRefine((schema, context) => {
  const fault =
    schema.type === "object"
      ? (findTextFault(schema) ?? findSchemaFault(schema, schema))
      : 'must have the type "object"';
  if (fault !== null) context.addIssue({ code: "custom", message: fault });
});

export type ObjectSchema = z.infer<typeof objectSchema>;

/** What is wrong with a schema, as the end of a sentence that begins with the field's name; null when nothing is. */
function findSchemaFault(schema: unknown, root: Record<string, unknown>): string | null {
  if (typeof schema === "boolean") return null;
  if (!isRecord(schema)) return "holds a schema that is not an object";
  const { type, required, enum: values, $ref: reference } = schema;
  const types = type === undefined ? [] : [type].flat();
  const unknownType = types.find((name) => !typeNames.includes(name as string));
  if (unknownType !== undefined) return `holds the unknown type ${quote(unknownType)}`;
  if (
    required !== undefined &&
    !(Array.isArray(required) && required.every((name) => typeof name === "string"))
  )
    return "holds a `required` that is not a list of names";
  if (values !== undefined && !(Array.isArray(values) && values.length > 0))
    return "holds an `enum` that is not a list of values";
  if (reference !== undefined && !isResolvable(reference, root))
    return `holds a $ref that leads nowhere in the schema: ${quote(reference)}`;
  for (const child of childrenOf(schema)) {
    if (child === undefined) return "holds a list or map of schemas that is none";
    const fault = findSchemaFault(child, root);
    if (fault !== null) return fault;
  }
  return null;
}

/** What is wrong with the texts of a schema, names of members among them. */
function findTextFault(schema: unknown): string | null {
  // A lone half of a character, which JSON can only write as an escape; a NUL is always one.
  const found = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/i.exec(JSON.stringify(schema));
  if (found === null) return null;
  return found[0].endsWith("0000")
    ? "holds a NUL character: remove it"
    : "holds half of a surrogate pair: send whole characters";
}

/** The schemas directly below; undefined in place of a list or map that is none. */
function* childrenOf(schema: Record<string, unknown>): Generator<unknown> {
  for (const keyword of oneSchema) if (schema[keyword] !== undefined) yield schema[keyword];
  for (const keyword of schemaList) {
    const list = schema[keyword];
    if (list !== undefined) yield* Array.isArray(list) ? list : [undefined];
  }
  for (const keyword of schemasByName) {
    const map = schema[keyword];
    if (map !== undefined) yield* isRecord(map) ? Object.values(map) : [undefined];
  }
}

/** Providers resolve references within the schema alone (`#/$defs/address`); nothing is fetched. */
function isResolvable(reference: unknown, root: Record<string, unknown>): boolean {
  if (typeof reference !== "string" || !/^#(?:\/|$)/.test(reference)) return false;
  let target: unknown = root;
  for (const part of reference.split("/").slice(1)) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof target !== "object" || target === null || !Object.hasOwn(target, name)) return false;
    target = (target as Record<string, unknown>)[name];
  }
  return true;
}

/** A value of the caller's, in a sentence to them. */
function quote(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
