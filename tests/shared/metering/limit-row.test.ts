import { expect, test } from "vitest";
import { readLimitRow } from "../../../shared/metering/limit-row.ts";

test("what is left of a limit is what is neither used nor held, and never less than nothing", () => {
  const row = {
    ...({ scope: "provider", scope_id: "groq", unit: "tokens", window: "minute" } as const),
    ...{ limit: 100, used: 60, held: 15, resets_at: "2026-11-20T11:01:00+00:00" },
  };
  expect(readLimitRow(row)).toEqual({
    ...{ scope: "provider", scopeId: "groq", unit: "tokens", window: "minute" },
    ...{ limit: 100, used: 60, held: 15, left: 25, resetsAt: "2026-11-20T11:01:00.000Z" },
  });
  expect(readLimitRow({ ...row, used: 99, held: 15 }).left).toBe(0);
});

test("requests at once have nothing to reset", () => {
  const row = {
    ...({ scope: "all", scope_id: "", unit: "concurrent", window: "instant" } as const),
    ...{ limit: 4, used: 0, held: 3, resets_at: null },
  };
  expect(readLimitRow(row)).toMatchObject({ held: 3, left: 1, resetsAt: null });
});
