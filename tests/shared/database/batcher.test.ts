import fc from "fast-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createBatcher } from "../../../shared/database/batcher.ts";

interface Call {
  items: string[];
  succeed(): void;
  fail(error: Error): void;
}

/** A batcher in front of a database that answers when the test says so: each item with its echo. */
function startBatcher(maxItems = 64) {
  const calls: Call[] = [];
  const waiting: ((call: Call) => void)[] = [];
  const sendBatched = createBatcher<string, string>({
    maxItems,
    countUnits: (item) => item.length,
    isItemFault: (error) => error instanceof Error && error.message === "content",
    send: (items) =>
      new Promise((resolve, reject) => {
        const call = { items, succeed: () => resolve(items.map((item) => `${item}!`)), fail: reject };
        calls.push(call);
        waiting.shift()?.(call);
      }),
  });
  /** The next call that is made. */
  const nextCall = () => new Promise<Call>((resolve) => waiting.push(resolve));
  return { send: sendBatched, calls, nextCall };
}

describe("an item", () => {
  test("leaves at once when no call is under way, without any timer", async () => {
    const { send, calls } = startBatcher();
    const answer = send("a");
    // As soon as the code that asked has run.
    await Promise.resolve();
    expect(calls.map(({ items }) => items)).toEqual([["a"]]);
    calls[0]?.succeed();
    expect(await answer).toBe("a!");
  });

  test("leaves at once again after a pause", async () => {
    const { send, nextCall } = startBatcher();
    for (const item of ["a", "b"]) {
      const next = nextCall();
      const answer = send(item);
      const call = await next;
      expect(call.items).toEqual([item]);
      call.succeed();
      expect(await answer).toBe(`${item}!`);
    }
  });
});

describe("items that arrive while a call is under way", () => {
  test("leave together when it returns, in the order in which they came, and get each its own answer", async () => {
    const { send, calls, nextCall } = startBatcher();
    const first = nextCall();
    const answers = [send("a")];
    await first;
    answers.push(send("b"), send("c"), send("d"));
    expect(calls).toHaveLength(1);

    const second = nextCall();
    calls[0]?.succeed();
    (await second).succeed();
    expect(await Promise.all(answers)).toEqual(["a!", "b!", "c!", "d!"]);
    expect(calls.map(({ items }) => items)).toEqual([["a"], ["b", "c", "d"]]);
  });

  test("leave too when it fails", async () => {
    const { send, calls, nextCall } = startBatcher();
    const first = nextCall();
    const lost = send("a");
    await first;
    const answer = send("b");
    const second = nextCall();
    calls[0]?.fail(new Error("outage"));
    await expect(lost).rejects.toThrow("outage");
    (await second).succeed();
    expect(await answer).toBe("b!");
  });

  test("go in several calls, one after the other, where they are too many for one", async () => {
    const { send, calls, nextCall } = startBatcher(3);
    const answers = ["a", "b", "c", "d", "e", "f", "g"].map(send);
    for (let count = 1; count <= 3; count++) {
      if (calls.length < count) await nextCall();
      expect(calls).toHaveLength(count);
      calls[count - 1]?.succeed();
    }
    expect(await Promise.all(answers)).toEqual(["a!", "b!", "c!", "d!", "e!", "f!", "g!"]);
    expect(calls.map(({ items }) => items)).toEqual([["a", "b", "c"], ["d", "e", "f"], ["g"]]);
  });
});

describe("a call that hangs", () => {
  test("holds up those who come after it for half a second, and its own items get their answer when it comes", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { send, calls } = startBatcher();
    const late = send("a");
    await vi.advanceTimersByTimeAsync(0);
    const answer = send("b");
    await vi.advanceTimersByTimeAsync(499);
    expect(calls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(calls.map(({ items }) => items)).toEqual([["a"], ["b"]]);
    calls[1]?.succeed();
    expect(await answer).toBe("b!");
    calls[0]?.succeed();
    expect(await late).toBe("a!");
    expect(vi.getTimerCount()).toBe(0);
  });
});

test("the items of one moment share the first call", async () => {
  const { send, nextCall } = startBatcher();
  const call = nextCall();
  const answers = [send("a"), send("b")];
  expect((await call).items).toEqual(["a", "b"]);
  (await call).succeed();
  expect(await Promise.all(answers)).toEqual(["a!", "b!"]);
});

test("items that are long go in calls of about a mebibyte, and one that is longer goes alone", async () => {
  const { send, calls } = startBatcher();
  const half = "x".repeat(512 * 1024);
  const answers = Promise.all([half, half, half, half + half + half, "short"].map(send));
  for (let count = 0; count < 4; count++) {
    await vi.waitFor(() => expect(calls).toHaveLength(count + 1));
    calls[count]?.succeed();
  }
  await answers;
  expect(calls.map(({ items }) => items.length)).toEqual([2, 1, 1, 1]);
});

describe("a batch that fails", () => {
  test("because of what is in it goes again in halves: only the item at fault fails", async () => {
    const calls: string[][] = [];
    const send = createBatcher<string, string>({
      maxItems: 64,
      countUnits: (item) => item.length,
      isItemFault: () => true,
      send: async (items) => {
        calls.push(items);
        if (items.includes("poison")) throw new Error(`content of ${items}`);
        return items.map((item) => `${item}!`);
      },
    });
    const outcomes = await Promise.allSettled(["a", "poison", "b"].map(send));
    expect(outcomes).toEqual([
      { status: "fulfilled", value: "a!" },
      { status: "rejected", reason: new Error("content of poison") },
      { status: "fulfilled", value: "b!" },
    ]);
    expect(calls).toEqual([["a", "poison", "b"], ["a", "poison"], ["a"], ["poison"], ["b"]]);
  });

  test("because nothing can be reached fails all of it, without another call", async () => {
    const { send, calls } = startBatcher();
    const answers = Promise.allSettled(["a", "b", "c"].map(send));
    await Promise.resolve();
    calls[0]?.fail(new Error("outage"));
    expect(await answers).toEqual(
      Array.from({ length: 3 }, () => ({ status: "rejected", reason: new Error("outage") })),
    );
    expect(calls).toHaveLength(1);
  });

  test("of a single item is not sent again", async () => {
    const { send, calls } = startBatcher();
    const answer = send("a");
    await Promise.resolve();
    calls[0]?.fail(new Error("content"));
    await expect(answer).rejects.toThrow("content");
    expect(calls).toHaveLength(1);
  });
});

test("whatever arrives when, every item gets its own answer or its own fault, in calls one at a time", async () => {
  const arrivals = fc.array(fc.record({ afterTurns: fc.nat(4), isPoison: fc.boolean() }), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(
      arrivals,
      fc.integer({ min: 1, max: 8 }),
      fc.scheduler(),
      async (items, maxItems, scheduler) => {
        let underWay = 0;
        const send = createBatcher<{ id: number; isPoison: boolean }, number>({
          maxItems,
          countUnits: () => 1,
          isItemFault: () => true,
          send: async (batch) => {
            expect(++underWay).toBe(1);
            expect(batch.length).toBeLessThanOrEqual(maxItems);
            await scheduler.schedule(Promise.resolve());
            underWay--;
            const poison = batch.find(({ isPoison }) => isPoison);
            if (poison !== undefined) throw new Error(`fault of ${poison.id}`);
            return batch.map(({ id }) => id);
          },
        });
        const outcomes = items.map(async ({ afterTurns, isPoison }, id) => {
          for (let turn = 0; turn < afterTurns; turn++) await scheduler.schedule(Promise.resolve());
          return send({ id, isPoison }).then(
            (answer) => `answer ${answer}`,
            (error: Error) => error.message,
          );
        });
        await scheduler.waitFor(Promise.all(outcomes));
        expect(await Promise.all(outcomes)).toEqual(
          items.map(({ isPoison }, id) => (isPoison ? `fault of ${id}` : `answer ${id}`)),
        );
      },
    ),
    { numRuns: 200 },
  );
});
