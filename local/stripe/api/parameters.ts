import { z } from "zod";
import { invalid, type Refusal } from "../refusal.ts";

export const text = z.string();

export const whole = z
  .string()
  .regex(/^-?\d+$/, "must be an integer")
  .transform(Number);

export const flag = z.enum(["true", "false"]).transform((value) => value === "true");

/** Names and texts; an empty text removes a name. */
export const metadata = z.record(z.string(), z.string());

/** What an empty text unsets: it is null then. */
export function unsettable<Schema extends z.ZodType>(schema: Schema) {
  return z.union([z.literal("").transform(() => null), schema]);
}

/** A list, whose positions are names in a form. */
export function list<Schema extends z.ZodType>(item: Schema) {
  return z.preprocess(
    (value) => (typeof value === "object" && value !== null ? Object.values(value) : value),
    z.array(item),
  );
}

/** The bounds of a time; a time alone is both. */
export const range = z.union([
  whole.transform((exactly): Bounds => ({ gte: exactly, lte: exactly })),
  z.strictObject({ gt: whole, gte: whole, lt: whole, lte: whole }).partial(),
]);

interface Bounds {
  gt?: number | undefined;
  gte?: number | undefined;
  lt?: number | undefined;
  lte?: number | undefined;
}

/** Whether a time is within bounds; without any, it is. */
export function isWithin(instant: number, { gt, gte, lt, lte }: Bounds = {}): boolean {
  return (
    instant > (gt ?? -Infinity) &&
    instant >= (gte ?? -Infinity) &&
    instant < (lt ?? Infinity) &&
    instant <= (lte ?? Infinity)
  );
}

/** Metadata after a change of some names. */
export function mergeMetadata(before: Record<string, string>, change: Record<string, string> | undefined) {
  const merged = { ...before, ...change };
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== ""));
}

/** Reads parameters, or throws what Stripe answers to wrong ones. */
export function read<Schema extends z.ZodType>(schema: Schema, raw: unknown): z.infer<Schema> {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  throw explain(result.error.issues[0] as z.core.$ZodIssue, raw);
}

function explain(issue: z.core.$ZodIssue, raw: unknown): Refusal {
  if (issue.code === "unrecognized_keys") {
    const param = nameOf([...issue.path, issue.keys[0] ?? ""]);
    return invalid(`Received unknown parameter: ${param}`, { code: "parameter_unknown", param });
  }
  const param = nameOf(issue.path);
  let value: unknown = raw;
  for (const step of issue.path) value = (value as Record<PropertyKey, unknown> | undefined)?.[step];
  if (value === undefined)
    return invalid(`Missing required param: ${param}.`, { code: "parameter_missing", param });
  return invalid(`Invalid ${param}: ${issue.message}`, { param });
}

function nameOf([first = "", ...rest]: readonly PropertyKey[]): string {
  return String(first) + rest.map((step) => `[${String(step)}]`).join("");
}
