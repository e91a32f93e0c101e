import { expect, test } from "vitest";
import { z } from "zod";
import { readCursor, writeCursor } from "../../../shared/database/cursor.ts";
import { thrownBy } from "../thrown-by.ts";

const schema = z.tuple([z.string(), z.int()]);

test.each(["", "a/b+c?", "2026-11-20", "наш/модель 🌊", "x".repeat(300)])(
  "a cursor leads back to %j, and fits into an address as it is",
  (text) => {
    const cursor = writeCursor([text, 7]);
    expect(cursor).toMatch(/^[\w-]+$/);
    expect(readCursor(cursor, schema)).toEqual([text, 7]);
  },
);

test.each([
  "",
  "x",
  "🌊",
  btoa("x"),
  btoa("[]"),
  btoa('["a","b"]'),
  btoa('["a",1,2]'),
  btoa('["\xff",1]'),
  writeCursor([1, 1]),
])("what is no cursor of the list, %j, is refused by its name", (cursor) => {
  const error = thrownBy(() => readCursor(cursor, schema));
  expect(error.status).toBe(400);
  expect(error.toBody().error).toMatchObject({ code: "invalid_request", param: "cursor" });
});
