import type { z } from "zod";
import { SluiceError } from "./errors.ts";

/**
 * Checks `value` against a schema.
 * @throws SluiceError invalid_request, naming the first field at fault
 */
export function parseFields<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
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
