import { z } from "zod";
import type { ErrorCode } from "./error-table.ts";
import { SluiceError } from "./errors.ts";

const id = z.uuid().toLowerCase();

/**
 * The id of an address, as the database writes it.
 * @param code of the error: what is no id names nothing
 */
export function readId(text: string, code: ErrorCode): string {
  const parsed = id.safeParse(text);
  if (!parsed.success) throw new SluiceError(code);
  return parsed.data;
}
