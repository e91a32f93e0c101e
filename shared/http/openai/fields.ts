import { z } from "zod";
import { SluiceError } from "../../domain/errors.ts";
import { sayFault } from "../../domain/parse-fields.ts";

/** A member that may hold anything: it changes nothing about the answer, or somebody else looks at it. */
export const unchecked = z.unknown().optional();

/** OpenAI's clients send null for what they leave out. */
export function orNull<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/**
 * A text, or a list of parts.
 * @param part the schema of one part
 */
export function textOrParts<Part extends z.ZodType>(part: Part) {
  const list = z.array(part).max(100, "holds more than 100 parts: send fewer");
  return textOrList(z.string(), list, "must be a text or a list of parts");
}

/**
 * A text or a list. Not a union of both, which would say that something in the list is wrong, and not where.
 * @param neither what is said of a value that is neither
 */
export function textOrList<List extends z.ZodType<unknown[]>>(
  text: z.ZodString,
  list: List,
  neither: string,
) {
  return z
    .union([z.string(), z.array(z.unknown())], neither)
    .transform((value, context): string | z.output<List> => {
      const schema = typeof value === "string" ? text : list;
      const result = schema.safeParse(value, { error: sayFault });
      if (result.success) return result.data;
      for (const issue of result.error.issues)
        context.issues.push({ ...issue, input: value } as (typeof context.issues)[number]);
      return z.NEVER;
    });
}

/** A body without its members that are null; what is no object is left to the schema. */
export function withoutNulls(body: unknown): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}

/** Something that OpenAI has and this service has not. */
export function unsupported(param: string, remedy: string): SluiceError {
  return new SluiceError("unsupported_parameter", { param, message: `${param}: ${remedy}.` });
}

/**
 * Refuses members that ask for what no provider is asked for here, unless they hold a value that asks for nothing.
 * @param neutral the members, each with its values that ask for nothing
 * @throws SluiceError unsupported_parameter, naming the member
 */
export function refuseUnlessNeutral(body: Record<string, unknown>, neutral: Record<string, unknown[]>): void {
  for (const [name, values] of Object.entries(neutral)) {
    const texts = values.map((value) => JSON.stringify(value));
    if (body[name] === undefined || texts.includes(JSON.stringify(body[name]))) continue;
    const remedy = texts.length === 0 ? "leave it out" : `leave it out or send ${texts.join(" or ")}`;
    throw unsupported(name, `is not supported: ${remedy}`);
  }
}

/** The members of a table of neutral values, for a schema. */
export function membersOf<Name extends string>(neutral: Record<Name, unknown[]>) {
  const names = Object.keys(neutral) as Name[];
  return Object.fromEntries(names.map((name) => [name, unchecked])) as Record<Name, typeof unchecked>;
}
