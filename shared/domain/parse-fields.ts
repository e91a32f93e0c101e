import type { z } from "zod";
import { SluiceError } from "./errors.ts";

/**
 * Checks `value` against a schema.
 * @throws SluiceError invalid_request, naming the first field at fault
 */
export function parseFields<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const param = [...(issue?.path ?? []), ...(unknown === undefined ? [] : [unknown])].join(".");
  const reason =
    unknown === undefined ? (issue?.message ?? "is not valid") : "is not a known field: remove it";
  throw new SluiceError("invalid_request", {
    ...(param === "" ? {} : { param }),
    message: `${param || "body"}: ${reason}.`,
  });
}
