import type { z } from "zod";
import { SluiceError } from "../domain/errors.ts";

/** Which part of a list: `cursor` is the `nextCursor` of the page before. */
export interface Page {
  limit: number;
  cursor: string | undefined;
}

/** Where the next page of a list begins, as a text that clients hand back. */
export function writeCursor(position: (string | number)[]): string {
  const bytes = new TextEncoder().encode(JSON.stringify(position));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** @throws SluiceError invalid_request, where it is none of this list's */
export function readCursor<Schema extends z.ZodType>(cursor: string, schema: Schema): z.output<Schema> {
  try {
    const binary = atob(cursor.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    return schema.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch {
    throw new SluiceError("invalid_request", {
      param: "cursor",
      message: "cursor: is not one of ours: send the nextCursor of the page before.",
    });
  }
}
