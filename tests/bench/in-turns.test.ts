import { expect, test } from "vitest";
import { measureInTurns, medianOf, medianOfPairs } from "../../bench/in-turns.ts";

test("servers are measured one after the other, all of them in each round", async () => {
  const asked: string[] = [];
  const results = await measureInTurns(["a", "b"], 2, async (server) => asked.push(server));
  expect(asked).toEqual(["a", "b", "a", "b"]);
  expect(results).toEqual([
    [1, 3],
    [2, 4],
  ]);
});

test("two servers are compared within a round, not across rounds", () => {
  const [a, b] = [
    [10, 20, 90],
    [5, 40, 30],
  ];
  expect(medianOf(a ?? [], (figure) => figure)).toBe(20);
  expect(medianOfPairs(a ?? [], b ?? [], (one, other) => one / other)).toBe(2);
});
