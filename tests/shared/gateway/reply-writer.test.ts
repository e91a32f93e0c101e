import { describe, expect, test } from "vitest";
import type { ReplyPart } from "../../../shared/database/replies.ts";
import { createAnswer } from "../../../shared/gateway/answer.ts";
import { createReplyWriter } from "../../../shared/gateway/reply-writer.ts";
import { moreOfCall, reasoning, text, toolCall } from "./live-provider.ts";

interface Write {
  part: ReplyPart;
  succeed(): Promise<void>;
  fail(): Promise<void>;
}

/** A writer whose writes are out until the test says how they end, and a clock that the test moves. */
function start({ isKept = true } = {}) {
  const clock = { ms: 50_000 };
  const writes: Write[] = [];
  const writer = createReplyWriter({
    requestId: "request-1",
    isKept,
    now: () => clock.ms,
    replies: {
      save: (part) =>
        new Promise((resolve, reject) => {
          // Whoever waits for the write goes on in the turns that follow.
          const end = async (act: () => void) => {
            act();
            for (let turn = 0; turn < 5; turn++) await Promise.resolve();
          };
          writes.push({
            part,
            succeed: () => end(resolve),
            fail: () => end(() => reject(new Error("away"))),
          });
        }),
    },
  });
  return { writer, writes, clock, parts: () => writes.map(({ part }) => part) };
}

const finish = { type: "finish", reason: "stop", usage: null } as const;

describe("a reply that is over within a second", () => {
  test("is not written where it stands in a conversation", () => {
    const { writer, writes, clock } = start();
    const answer = createAnswer();
    clock.ms += 999;
    answer.add([text("Because."), finish]);
    writer.grew(1, answer);
    expect(writes).toEqual([]);
    expect(writer.finish(1, answer, "stop")).toBeUndefined();
  });

  test.each([
    ["it stands in no conversation", { isKept: false }, [text("Because.")]],
    ["it has thoughts, which a conversation does not keep", { isKept: true }, [reasoning("Hm.")]],
  ])("is written with the settlement where %s", (_why, options, events) => {
    const { writer, writes } = start(options);
    const answer = createAnswer();
    answer.add([...events, finish]);
    writer.grew(1, answer);
    expect(writes).toEqual([]);
    expect(writer.finish(1, answer, "stop")).toEqual({
      requestId: "request-1",
      part: 1,
      attempt: 1,
      content: answer.content,
      reasoning: answer.reasoning,
      toolCalls: [],
      finishReason: "stop",
    });
  });
});

describe("a reply that grows for longer", () => {
  test("is written once a second at the most, each time what came since", async () => {
    const { writer, writes, clock, parts } = start();
    const answer = createAnswer();
    for (let tenth = 1; tenth <= 45; tenth++) {
      clock.ms += 100;
      answer.add([text(`${tenth} `)]);
      writer.grew(1, answer);
      await writes.at(-1)?.succeed();
    }
    expect(parts()).toMatchObject([
      { part: 1, content: "1 2 3 4 5 6 7 8 9 10 " },
      { part: 2, content: "11 12 13 14 15 16 17 18 19 20 " },
      { part: 3 },
      { part: 4 },
    ]);
    const last = writer.finish(1, answer, "stop");
    expect(last).toMatchObject({ part: 5, content: "41 42 43 44 45 ", finishReason: "stop" });
    expect([...parts(), last].map((part) => part?.content).join("")).toBe(answer.content);
  });

  test("is never written while a write is out, and for a second after it", async () => {
    const { writer, writes, clock } = start();
    const answer = createAnswer();
    const grow = (ms: number) => {
      clock.ms += ms;
      answer.add([text(".")]);
      writer.grew(1, answer);
    };
    grow(1000);
    grow(5000);
    grow(5000);
    expect(writes).toHaveLength(1);
    await writes[0]?.succeed();
    grow(999);
    expect(writes).toHaveLength(1);
    grow(1);
    expect(writes).toHaveLength(2);
    expect(writes[1]?.part).toMatchObject({ part: 2, content: "...." });
  });

  test("is written with thoughts, with all tool calls so far, and with what goes back with them at its end", async () => {
    const { writer, writes, clock, parts } = start();
    const answer = createAnswer();
    answer.add([reasoning("Hm."), toolCall(0, "call_1", "weather", '{"ci')]);
    clock.ms += 1000;
    writer.grew(1, answer);
    await writes[0]?.succeed();
    answer.add([reasoning(" So."), moreOfCall(0, 'ty":"Bonn"}'), toolCall(1, "call_2", "time", "{}")]);
    answer.add([{ type: "finish", reason: "tool_calls", usage: null, continuation: "signed" }]);
    expect(parts()).toMatchObject([
      { reasoning: "Hm.", toolCalls: [{ id: "call_1", name: "weather", arguments: '{"ci' }] },
    ]);
    expect(writer.finish(1, answer, "tool_calls")).toEqual({
      requestId: "request-1",
      part: 2,
      attempt: 1,
      content: "",
      reasoning: " So.",
      toolCalls: [
        { id: "call_1", name: "weather", arguments: '{"city":"Bonn"}' },
        { id: "call_2", name: "time", arguments: "{}" },
      ],
      continuation: "signed",
      finishReason: "tool_calls",
    });
  });
});

describe("a write of which nobody knows whether it worked", () => {
  test("goes again under its number, with what came since, a second later", async () => {
    const { writer, writes, clock, parts } = start();
    const answer = createAnswer();
    answer.add([text("one ")]);
    clock.ms += 1000;
    writer.grew(1, answer);
    await writes[0]?.fail();
    answer.add([text("two ")]);
    clock.ms += 999;
    writer.grew(1, answer);
    expect(writes).toHaveLength(1);
    clock.ms += 1;
    writer.grew(1, answer);
    await writes[1]?.succeed();
    expect(parts()).toMatchObject([
      { part: 1, content: "one " },
      { part: 1, content: "one two " },
    ]);
    expect(writer.finish(1, answer, "stop")).toMatchObject({ part: 2, content: "" });
  });

  test("and is still out at the end goes again with the end", () => {
    const { writer, clock } = start();
    const answer = createAnswer();
    answer.add([text("one ")]);
    clock.ms += 1000;
    writer.grew(1, answer);
    answer.add([text("two")]);
    expect(writer.finish(1, answer, "stop")).toMatchObject({
      part: 1,
      content: "one two",
      finishReason: "stop",
    });
  });

  test("has the reply written with the settlement also where it stands in a conversation, so that no half of it stays", async () => {
    const { writer, writes, clock } = start({ isKept: true });
    const answer = createAnswer();
    answer.add([text("one")]);
    clock.ms += 1000;
    writer.grew(1, answer);
    await writes[0]?.fail();
    expect(writer.finish(1, answer, "stop")).toMatchObject({ part: 1, content: "one" });
  });
});

describe("where another provider begins again", () => {
  test("the reply is written from its beginning, under later numbers and as a later attempt", async () => {
    const { writer, writes, clock, parts } = start();
    const first = createAnswer();
    first.add([text("wrong")]);
    clock.ms += 1000;
    writer.grew(1, first);
    await writes[0]?.succeed();
    const second = createAnswer();
    second.add([text("right")]);
    clock.ms += 1000;
    writer.grew(2, second);
    await writes[1]?.succeed();
    second.add([text(" indeed")]);
    const last = writer.finish(2, second, "stop");
    expect(parts()).toMatchObject([
      { attempt: 1, content: "wrong" },
      { attempt: 2, content: "right" },
    ]);
    expect(last).toMatchObject({ attempt: 2, content: " indeed" });
    const numbers = [...parts(), last].map((part) => part?.part ?? 0);
    expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
  });

  test.each<[how: string, end: (write: Write | undefined) => Promise<void> | undefined]>([
    ["is still out", () => undefined],
    ["may have failed", (write) => write?.fail()],
    ["has worked", (write) => write?.succeed()],
  ])("what took its place has a later number than a write that %s", async (_how, end) => {
    const { writer, writes, clock, parts } = start();
    const first = createAnswer();
    first.add([text("wrong")]);
    clock.ms += 1000;
    writer.grew(1, first);
    const second = createAnswer();
    second.add([text("right")]);
    // The other begins while it is out.
    writer.grew(2, second);
    await end(writes[0]);
    const last = writer.finish(2, second, "stop");
    expect(last).toMatchObject({ attempt: 2, content: "right" });
    expect(last?.part).toBeGreaterThan(parts()[0]?.part ?? 0);
  });

  test("and breaks off in its turn, the end of the attempt that is told is the end of the reply", async () => {
    const { writer, clock, writes } = start();
    const first = createAnswer();
    first.add([text("as far as it came")]);
    clock.ms += 1000;
    writer.grew(1, first);
    await writes[0]?.succeed();
    expect(writer.finish(1, first, "interrupted")).toMatchObject({
      attempt: 1,
      content: "",
      finishReason: "interrupted",
    });
  });
});

describe("what Postgres cannot store", () => {
  test("half of a character waits for its other half", async () => {
    const { writer, writes, clock, parts } = start();
    const answer = createAnswer();
    answer.add([reasoning("r\uD83C"), text("a\uD83C"), toolCall(0, "call_1", "a", "t\uD83C")]);
    clock.ms += 1000;
    writer.grew(1, answer);
    await writes[0]?.succeed();
    answer.add([reasoning("\uDF0D"), text("\uDF0Db"), moreOfCall(0, "\uDF0D")]);
    expect(parts()).toMatchObject([{ content: "a", reasoning: "r", toolCalls: [{ arguments: "t" }] }]);
    expect(writer.finish(1, answer, "stop")).toMatchObject({
      content: "🌍b",
      reasoning: "🌍",
      toolCalls: [{ arguments: "t🌍" }],
    });
  });

  test("is replaced, in the same length, so that positions in the reply stay right", async () => {
    const { writer, writes, clock, parts } = start();
    const answer = createAnswer();
    answer.add([text("a\u0000\uDF0Db"), toolCall(0, "c\u0000", "n\uD83D", "\u0000")]);
    clock.ms += 1000;
    writer.grew(1, answer);
    await writes[0]?.succeed();
    answer.add([text("c")]);
    expect(parts()).toMatchObject([
      {
        content: "a\uFFFD\uFFFDb",
        toolCalls: [{ id: "c\uFFFD", name: "n\uFFFD", arguments: "\uFFFD" }],
      },
    ]);
    expect(writer.finish(1, answer, "stop")).toMatchObject({ content: "c" });
  });

  test("a reply that ends with half of a character ends with its replacement, as in its conversation", () => {
    const { writer } = start({ isKept: false });
    const answer = createAnswer();
    answer.add([text("a\uD83C"), toolCall(0, "call_1", "a", "t\uD83C")]);
    expect(writer.finish(1, answer, "interrupted")).toMatchObject({
      content: "a\uFFFD",
      toolCalls: [{ arguments: "t\uFFFD" }],
    });
  });
});
