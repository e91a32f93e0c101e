import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createEventStream, eventStreamHeaders } from "../../../shared/http/event-stream.ts";
import { readSseData } from "../../../shared/providers/sse-data.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const heartbeatMs = 15_000;
const decoder = new TextDecoder();

/** Reads what is written next. */
function listen(body: ReadableStream<Uint8Array>) {
  const reader = body.getReader();
  return {
    next: async () => {
      const { done, value } = await reader.read();
      return done ? null : decoder.decode(value);
    },
    leave: () => reader.cancel(),
  };
}

describe("events are written", () => {
  test("by name and as JSON on one line each, those of one tick in one piece", async () => {
    const stream = createEventStream(heartbeatMs, Date.now);
    const client = listen(stream.body);
    stream.send([{ type: "start", data: { id: "1" } }]);
    stream.send([{ type: "chunk", data: { text: "Grüße\n\ndata: no event\r" } }]);
    expect(await client.next()).toBe(
      'event: start\ndata: {"id":"1"}\n\nevent: chunk\ndata: {"text":"Grüße\\n\\ndata: no event\\r"}\n\n',
    );
    vi.advanceTimersByTime(2);
    stream.send([{ type: "done", data: {} }]);
    expect(await client.next()).toBe("event: done\ndata: {}\n\n");
    stream.close();
    expect(await client.next()).toBeNull();
  });

  test("in one piece where they come within 2 ms of the last one, and never later", async () => {
    const stream = createEventStream(heartbeatMs, Date.now);
    const client = listen(stream.body);
    stream.sendData(["1"]);
    expect(await client.next()).toBe("data: 1\n\n");
    stream.sendData(["2"]);
    await Promise.resolve();
    vi.advanceTimersByTime(1);
    stream.sendData(["3"]);
    vi.advanceTimersByTime(1);
    expect(await client.next()).toBe("data: 2\n\ndata: 3\n\n");
    stream.sendData(["4"]);
    stream.close();
    expect(await client.next()).toBe("data: 4\n\n");
    expect(await client.next()).toBeNull();
  });

  test("so that any reader gets the same data back", async () => {
    const texts = ["👩🏽‍🚀", "\u2028\u2029", "a\u0000b", "\uD83D", '"\\', "data: x\n\n"];
    const stream = createEventStream(heartbeatMs, Date.now);
    stream.send(texts.map((text) => ({ type: "chunk", data: { text } })));
    stream.close();
    const read: string[] = [];
    for await (const events of readSseData(stream.body))
      read.push(...events.map((data) => JSON.parse(data).text));
    expect(read).toEqual(texts);
  });

  test("without a name where they are data alone, in their order among the others", async () => {
    const stream = createEventStream(heartbeatMs, Date.now);
    const client = listen(stream.body);
    stream.sendData(['{"text":"Grüße"}', "[DONE]"]);
    stream.send([{ type: "chunk", data: 1 }]);
    stream.sendData([]);
    expect(await client.next()).toBe('data: {"text":"Grüße"}\n\ndata: [DONE]\n\nevent: chunk\ndata: 1\n\n');
    await client.leave();
    stream.sendData(["nobody"]);
    stream.close();
  });

  test("and kept for a client that is slower than the provider", async () => {
    const stream = createEventStream(heartbeatMs, Date.now);
    for (let index = 0; index < 1000; index++) {
      stream.send([{ type: "chunk", data: index }]);
      await Promise.resolve();
      vi.advanceTimersByTime(2);
    }
    stream.close();
    const client = listen(stream.body);
    for (let index = 0; index < 1000; index++)
      expect(await client.next()).toBe(`event: chunk\ndata: ${index}\n\n`);
    expect(await client.next()).toBeNull();
  });

  test("not at all where there are none", async () => {
    const stream = createEventStream(heartbeatMs, Date.now);
    stream.send([]);
    stream.close();
    expect(await listen(stream.body).next()).toBeNull();
  });
});

describe("the heartbeat", () => {
  test("writes a comment as often as it is told to", async () => {
    const stream = createEventStream(heartbeatMs, Date.now);
    const client = listen(stream.body);
    vi.advanceTimersByTime(heartbeatMs - 1);
    stream.send([{ type: "chunk", data: 1 }]);
    vi.advanceTimersByTime(1);
    vi.advanceTimersByTime(heartbeatMs);
    expect(await client.next()).toBe("event: chunk\ndata: 1\n\n");
    expect(await client.next()).toBe(": ping\n\n");
    expect(await client.next()).toBe(": ping\n\n");
  });

  test.each<[string, (stream: ReturnType<typeof createEventStream>) => unknown]>([
    ["is closed", (stream) => stream.close()],
    ["is abandoned", (stream) => stream.body.cancel()],
  ])("stops when the stream %s", async (_how, end) => {
    const stream = createEventStream(heartbeatMs, Date.now);
    await end(stream);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a client that leaves", () => {
  test("is noticed, and what is sent after that goes nowhere and fails nowhere", async () => {
    const stream = createEventStream(heartbeatMs, Date.now);
    const client = listen(stream.body);
    expect(stream.isAbandoned).toBe(false);
    await client.leave();
    expect(stream.isAbandoned).toBe(true);
    stream.send([{ type: "chunk", data: 1 }]);
    stream.close();
    expect(stream.isAbandoned).toBe(true);
  });

  test("is not assumed of one who stays to the end", async () => {
    const stream = createEventStream(heartbeatMs, Date.now);
    stream.close();
    stream.close();
    stream.send([{ type: "chunk", data: 1 }]);
    expect(await listen(stream.body).next()).toBeNull();
    expect(stream.isAbandoned).toBe(false);
  });
});

test("no cache and no proxy may hold the events back", () => {
  expect(new Headers(eventStreamHeaders).get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(new Headers(eventStreamHeaders).get("cache-control")).toContain("no-cache");
  expect(new Headers(eventStreamHeaders).get("cache-control")).toContain("no-transform");
  expect(new Headers(eventStreamHeaders).get("x-accel-buffering")).toBe("no");
});
