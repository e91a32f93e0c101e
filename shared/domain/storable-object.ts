import { z } from "zod";

/** An object of JSON that Postgres can store: no name and no text in it, however deep, has a NUL character or half of a surrogate pair. */
export const storableObject = z
  .record(z.string(), z.json())
  .refine(isStorable, "has characters that cannot be stored: NUL, or half of a surrogate pair");

function isStorable(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed() && !value.includes("\u0000");
  if (Array.isArray(value)) return value.every(isStorable);
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every((entry) => entry.every(isStorable));
}
