import { expect, test } from "vitest";
import { orderKeys } from "../../../shared/gateway/order-keys.ts";
import { seededRandom } from "./start-candidates.ts";

interface Key {
  name: string;
  weight: number;
  useCount: number;
}

/** How often each key is the first, of so many chats that all see the same counts. */
function countFirst(keys: Key[], chats: number): Record<string, number> {
  const random = seededRandom(1);
  const counts: Record<string, number> = {};
  for (let chat = 0; chat < chats; chat++) {
    const name = orderKeys(keys, random)[0]?.name as string;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

test("all keys are tried, each once", () => {
  const keys = ["a", "b", "c"].map((name) => ({ name, weight: 1, useCount: 0 }));
  const random = seededRandom(2);
  for (let run = 0; run < 50; run++)
    expect(
      orderKeys(keys, random)
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(["a", "b", "c"]);
  expect(orderKeys([], random)).toEqual([]);
});

test("chats that begin together are spread over the keys by their weights", () => {
  const keys = [
    { name: "a", weight: 3, useCount: 300 },
    { name: "b", weight: 1, useCount: 100 },
  ];
  const { a = 0, b = 0 } = countFirst(keys, 4_000);
  expect(a + b).toBe(4_000);
  expect(a / b).toBeGreaterThan(2.6);
  expect(a / b).toBeLessThan(3.4);
});

test("a key that was just added is drawn more often, but not rushed at", () => {
  const keys = [
    { name: "old", weight: 1, useCount: 1_000_000 },
    { name: "new", weight: 1, useCount: 0 },
  ];
  const { old = 0, new: added = 0 } = countFirst(keys, 4_000);
  // The old one has had twice its share, the new one nothing: half as often, and twice.
  expect(added / old).toBeGreaterThan(3.4);
  expect(added / old).toBeLessThan(4.6);
});

test("counts come to agree with weights, whatever they were", () => {
  const keys = [
    { name: "a", weight: 5, useCount: 0 },
    { name: "b", weight: 2, useCount: 900 },
    { name: "c", weight: 1, useCount: 50 },
  ];
  const random = seededRandom(3);
  for (let chat = 0; chat < 20_000; chat++) (orderKeys(keys, random)[0] as Key).useCount++;
  const uses = keys.reduce((sum, { useCount }) => sum + useCount, 0);
  for (const { weight, useCount } of keys) {
    expect(useCount / uses / (weight / 8)).toBeGreaterThan(0.97);
    expect(useCount / uses / (weight / 8)).toBeLessThan(1.03);
  }
});
