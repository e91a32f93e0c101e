import { expect, test } from "vitest";
import { timeOrderedId } from "../../../shared/domain/time-ordered-id.ts";

test("an id begins with its time, as in the example of RFC 9562, and is a UUID of version 7", () => {
  expect(timeOrderedId(0x017f22e279b0)).toMatch(
    /^017f22e2-79b0-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
});

test("later ids sort after earlier ones, and of one time no two are alike", () => {
  const times = [0, 1, 255, 256, Date.UTC(2026, 10, 28), 2 ** 48 - 1];
  const ids = times.map(timeOrderedId);
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(Array.from({ length: 1000 }, () => timeOrderedId(0))).size).toBe(1000);
});
