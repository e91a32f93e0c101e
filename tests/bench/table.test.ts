import { expect, test } from "vitest";
import { type Column, format, formatGoals, mebibytes, tableHead, tableRow } from "../../bench/table.ts";

const goal = { name: "chats a second", decimals: 0, value: 3000 } as const;

test.each([
  ["at least", 3000, "met"],
  ["at least", 2999, "MISSED"],
  ["at most", 3000, "met"],
  ["at most", 3001, "MISSED"],
  ["at most", Number.NaN, "not measured"],
] as const)("a goal of %s 3000 with %d is said to be: %s", (limit, figure, verdict) => {
  expect(formatGoals([{ ...goal, limit, figure }])).toMatch(new RegExp(`${limit} 3000: ${verdict}$`));
});

test("a head and its rows stand above each other", () => {
  const columns: Column<{ server: string; ms: number }>[] = [
    ["server", 8, ({ server }) => server],
    ["ms", 6, ({ ms }) => format(ms, 1)],
  ];
  expect(tableHead(columns)).toBe("  server     ms");
  expect(tableRow(columns, { server: "peer", ms: 1.25 })).toBe("    peer    1.3");
});

test("what was not measured is a dash", () => {
  expect([format(Number.NaN, 2), mebibytes(Number.NaN), mebibytes(3 * 2 ** 20)]).toEqual(["–", "–", "3"]);
});
