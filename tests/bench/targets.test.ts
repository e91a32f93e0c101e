import { afterAll, beforeAll, expect, test } from "vitest";
import { openConnection } from "../../bench/http-connection.ts";
import { readStreams } from "../../bench/streams.ts";
import { providerTarget } from "../../bench/targets.ts";
import { firstTokens, short } from "../../bench/workloads.ts";
import { startSimulator } from "../../local/simulator/simulator.ts";

const person = { userId: "nobody", token: "none" };
let simulator: Awaited<ReturnType<typeof startSimulator>>;
beforeAll(async () => {
  simulator = await startSimulator({ port: 0 });
});
afterAll(() => simulator.stop());

function target() {
  return providerTarget({ name: "simulator", port: Number(new URL(simulator.url).port), pid: 0 }, "sk-bench");
}

test.each(["openai", "anthropic", "google"] as const)(
  "%s: a whole answer is told from a part of one",
  async (format) => {
    for (const kind of ["JSON", "stream"] as const) {
      const { request, marker } = target().ask(short[format], kind, person);
      // Google's key has a header of its own, which the proxies add.
      const keyed = Buffer.from(
        request
          .toString()
          .replace("\r\n", "\r\nx-goog-api-key: sk-bench\r\nanthropic-version: 2023-06-01\r\n"),
      );
      const connection = await openConnection(target().port);
      const { status, body } = await connection.exchange(keyed);
      connection.close();
      expect([status, body.includes(marker)]).toEqual([200, true]);
      expect(body.subarray(0, body.length / 2).includes(marker)).toBe(false);
    }
  },
);

test("every token of a stream is timed, in the order in which it came", async () => {
  const { request, marker } = target().ask(firstTokens, "stream", person);
  const result = await readStreams({
    port: target().port,
    requests: [request, request, request],
    marker,
    atOnce: 2,
    spreadMs: 0,
  });
  expect(result).toMatchObject({ answered: [1, 1, 1], failed: 0, failure: undefined });
  for (const times of result.tokenTimes) {
    expect(times).toHaveLength(firstTokens.tokens);
    expect(times).toEqual(times.toSorted());
  }
});

test("a stream that is not answered in full counts as failed, with what was answered", async () => {
  const { request } = target().ask(firstTokens, "stream", person);
  const result = await readStreams({
    port: target().port,
    requests: [request],
    marker: "no such word",
    atOnce: 1,
    spreadMs: 0,
  });
  expect(result).toMatchObject({ answered: [0], failed: 1, tokenTimes: [] });
  expect(result.failure).toMatch(/^status 200: /);
});
