import type { z } from "zod";
import { SluiceError } from "./errors.ts";

/**
 * Checks `value` against a schema.
 * @throws SluiceError invalid_request, naming the first field at fault
 */
export function parseFields<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value, { error: sayFault });
  if (result.success) return result.data;
  const { issue, path } = findFault(result.error.issues[0], []);
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const param = [...path, ...(unknown === undefined ? [] : [unknown])].join(".");
  const reason =
    unknown === undefined ? (issue?.message ?? "is not valid") : "is not a known field: remove it";
  throw new SluiceError("invalid_request", {
    ...(param === "" ? {} : { param }),
    message: `${param || "body"}: ${reason}.`,
  });
}

/**
 * A fault that a schema has no words of its own for, in ours: what the library would say is made for programmers.
 * @returns the end of a sentence that begins with the field's name; undefined for what no schema of ours does
 */
export function sayFault(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined ? "is missing" : `must be ${kinds[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(" or ")}`;
    case "invalid_union":
      return issue.discriminator === undefined || !Array.isArray(issue.options)
        ? undefined
        : `must be ${issue.options.map((value) => JSON.stringify(value)).join(" or ")}`;
    case "unrecognized_keys":
      return `has an unknown field: ${issue.keys[0]}`;
    case "invalid_format":
      return issue.format === "uuid" ? "must be a UUID" : "does not have the right form";
    case "too_small":
      if (!(issue.origin in units)) return `must be at least ${issue.minimum}`;
      return issue.minimum === 1 ? "is empty" : `must have at least ${issue.minimum} ${units[issue.origin]}`;
    case "too_big":
      return issue.origin in units
        ? `must have at most ${issue.maximum} ${units[issue.origin]}`
        : `must be at most ${issue.maximum}`;
    default:
      return undefined;
  }
}

const kinds: Partial<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};

/** Of what a length is counted in. */
const units: Partial<Record<string, string>> = { string: "characters", array: "items" };

interface Fault {
  issue: z.core.$ZodIssue | undefined;
  path: PropertyKey[];
}

/** Of a value that may have several forms, the fault in that form which it comes closest to: the one that is found deepest. */
function findFault(issue: z.core.$ZodIssue | undefined, parent: PropertyKey[]): Fault {
  const path = [...parent, ...(issue?.path ?? [])];
  if (issue?.code !== "invalid_union") return { issue, path };
  const faults = issue.errors.map((issues) => findFault(issues[0], path));
  return faults.reduce((deepest, fault) => (fault.path.length > deepest.path.length ? fault : deepest), {
    issue,
    path,
  });
}
