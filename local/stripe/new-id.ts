import { randomBytes } from "node:crypto";

/** An id as Stripe makes them: what it is of, and letters that nobody can guess. */
export function newId(prefix: string): string {
  return `${prefix}_${randomBytes(24)
    .toString("base64")
    .replace(/[^a-zA-Z0-9]/g, "")
    .slice(0, 24)}`;
}
