import { InvalidRequest } from "../invalid-request.ts";
import { isObject } from "../is-object.ts";

const known = new Set(
  "anyOf default description enum example format items maxItems maxLength maxProperties maximum minItems minLength minProperties minimum nullable pattern properties propertyOrdering required title type".split(
    " ",
  ),
);

/** Throws InvalidRequest for what Gemini's own schemas do not have and JSON schemas do, such as `additionalProperties`. */
export function expectSchema(schema: unknown, path: string): void {
  if (!isObject(schema)) return;
  const stranger = Object.keys(schema).find((name) => !known.has(name));
  if (stranger !== undefined)
    throw new InvalidRequest(
      `Invalid JSON payload received. Unknown name "${stranger}" at '${path}': Cannot find field.`,
    );
  const { properties, items, anyOf } = schema;
  for (const [name, each] of Object.entries(isObject(properties) ? properties : {}))
    expectSchema(each, `${path}.properties[${name}]`);
  expectSchema(items, `${path}.items`);
  for (const [at, each] of (Array.isArray(anyOf) ? anyOf : []).entries())
    expectSchema(each, `${path}.any_of[${at}]`);
}
