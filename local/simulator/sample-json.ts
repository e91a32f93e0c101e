import { isObject } from "./is-object.ts";
import { bytesPerToken } from "./token-count.ts";

// Of a schema that refers to itself, what is deeper than this is left out where it may be.
const mostDepth = 8;

/**
 * Writes a JSON document that satisfies a schema: objects with all their properties, arrays, strings, numbers, integers, booleans,
 * enum, const, anyOf and references. All ASCII, and a whole number of tokens where a string can be made to fit.
 * Gemini's names of types, in capitals, are understood.
 */
export function sampleJson(schema: unknown, seed: number): string {
  const first = writeAscii(sample(schema, seed, 0));
  const missing = (bytesPerToken - (first.length % bytesPerToken)) % bytesPerToken;
  return missing === 0 ? first : writeAscii(sample(schema, seed, missing));
}

function writeAscii(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const nouns = ["amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "heath"];

/** `padding` more letters go to the first string whose length nothing limits. */
function sample(root: unknown, seed: number, padding: number): unknown {
  let padded = padding === 0;
  let made = seed;

  function make(schema: unknown, depth: number): unknown {
    if (!isObject(schema)) return makeString({});
    if (typeof schema.$ref === "string") return make(resolve(schema.$ref), depth + 1);
    if ("const" in schema) return schema.const;
    if (Array.isArray(schema.enum)) return schema.enum[made++ % schema.enum.length];
    const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf;
    if (Array.isArray(choices))
      return make(
        choices.find((each) => readType(each) !== "null"),
        depth + 1,
      );
    switch (readType(schema)) {
      case "object":
        return makeObject(schema, depth);
      case "array":
        return makeArray(schema, depth);
      case "integer":
        return makeNumber(schema);
      case "number":
        return (
          makeNumber(schema) + (schema.multipleOf === undefined && schema.maximum === undefined ? 0.5 : 0)
        );
      case "boolean":
        return made++ % 2 === 0;
      case "null":
        return null;
      default:
        return makeString(schema);
    }
  }

  function makeObject(schema: Record<string, unknown>, depth: number): Record<string, unknown> {
    const properties = isObject(schema.properties) ? schema.properties : {};
    const required = Array.isArray(schema.required) ? schema.required.map(String) : [];
    const names = depth < mostDepth ? [...new Set([...Object.keys(properties), ...required])] : required;
    return Object.fromEntries(names.map((name) => [name, make(properties[name], depth + 1)]));
  }

  function makeArray(schema: Record<string, unknown>, depth: number): unknown[] {
    const least = Number(schema.minItems ?? 0);
    const most = Number(schema.maxItems ?? Number.POSITIVE_INFINITY);
    const length = depth < mostDepth ? Math.min(Math.max(least, 1), most) : least;
    return Array.from({ length }, () => make(schema.items, depth + 1));
  }

  function makeNumber(schema: Record<string, unknown>): number {
    const step = Number(schema.multipleOf ?? 1);
    const least = Number(schema.minimum ?? Number(schema.exclusiveMinimum ?? 0) + step);
    const most = Number(schema.maximum ?? Number(schema.exclusiveMaximum ?? Number.POSITIVE_INFINITY) - step);
    const number = Math.ceil(least / step) * step + (made++ % 8) * step;
    return number <= most ? number : Math.floor(most / step) * step;
  }

  function makeString(schema: Record<string, unknown>): string {
    if (schema.format === "date-time") return "2026-01-02T03:04:05Z";
    if (schema.format === "date") return "2026-01-02";
    const noun = nouns[made++ % nouns.length] as string;
    const most = schema.maxLength === undefined ? null : Number(schema.maxLength);
    const text = noun.padEnd(Number(schema.minLength ?? 0), "x");
    if (most !== null) return text.slice(0, most);
    if (padded || schema.format !== undefined) return text;
    padded = true;
    return text + "s".repeat(padding);
  }

  function resolve(reference: string): unknown {
    return reference
      .split("/")
      .slice(1)
      .reduce<unknown>((at, name) => (isObject(at) ? at[name] : undefined), root);
  }

  return make(root, 0);
}

function readType(schema: unknown): string | null {
  if (!isObject(schema)) return null;
  const types = (Array.isArray(schema.type) ? schema.type : [schema.type]).map((type) =>
    String(type).toLowerCase(),
  );
  const type = types.find((each) => each !== "null") ?? types[0];
  if (type === "undefined") return isObject(schema.properties) ? "object" : null;
  return type ?? null;
}
