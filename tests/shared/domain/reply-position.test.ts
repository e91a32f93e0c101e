import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AnswerPart } from "../../../shared/domain/chat-event.ts";
import type { ToolCall } from "../../../shared/domain/chat-message.ts";
import {
  advance,
  formatPosition,
  parsePosition,
  partsAfter,
  type ReplyPosition,
  startOf,
} from "../../../shared/domain/reply-position.ts";

interface Reply {
  content: string;
  reasoning: string;
  toolCalls: ToolCall[];
}

const text = fc.string({ unit: "binary", maxLength: 12 });
const toolCall = fc.record({
  id: fc.string({ minLength: 1 }),
  name: fc.string({ minLength: 1 }),
  arguments: text,
});
const anyReply: fc.Arbitrary<Reply> = fc.record({
  content: text,
  reasoning: text,
  toolCalls: fc.array(toolCall, { maxLength: 4 }),
});

/** A reply and a position in it: so much of each text, and of so many tool calls. */
const replyAndPosition = anyReply.chain((reply) =>
  fc.record({
    reply: fc.constant(reply),
    position: fc.record({
      attempt: fc.integer({ min: 1, max: 9 }),
      content: fc.nat(reply.content.length),
      reasoning: fc.nat(reply.reasoning.length),
      toolCalls: fc
        .nat(reply.toolCalls.length)
        .chain((begun) =>
          fc.tuple(...reply.toolCalls.slice(0, begun).map((call) => fc.nat(call.arguments.length))),
        ),
    }),
  }),
);

/** What a client has that stands at a position. */
const before = (reply: Reply, position: ReplyPosition): Reply => ({
  content: reply.content.slice(0, position.content),
  reasoning: reply.reasoning.slice(0, position.reasoning),
  toolCalls: position.toolCalls.map((length, index) => {
    const call = reply.toolCalls[index] as ToolCall;
    return { ...call, arguments: call.arguments.slice(0, length) };
  }),
});

/** Adds parts to a reply as a client does. */
function addParts(reply: Reply, parts: AnswerPart[]): Reply {
  const sum = structuredClone(reply);
  for (const part of parts) {
    if (part.type === "chunk") sum.content += part.text;
    else if (part.type === "reasoning") sum.reasoning += part.text;
    else if (part.type === "tool_call" && part.id !== undefined && part.name !== undefined) {
      expect(part.index).toBe(sum.toolCalls.length);
      sum.toolCalls.push({ id: part.id, name: part.name, arguments: part.arguments });
    } else if (part.type === "tool_call") (sum.toolCalls[part.index] as ToolCall).arguments += part.arguments;
  }
  return sum;
}

describe("a client that comes back", () => {
  test("gets what it lacks and nothing twice, wherever its connection broke", () => {
    fc.assert(
      fc.property(replyAndPosition, ({ reply, position }) => {
        const parts = partsAfter(position, reply);
        expect(addParts(before(reply, position), parts)).toEqual(reply);
      }),
    );
  });

  test("stands at the end of the reply then: it gets nothing more", () => {
    fc.assert(
      fc.property(replyAndPosition, ({ reply, position }) => {
        for (const part of partsAfter(position, reply)) advance(position, part);
        expect(partsAfter(position, reply)).toEqual([]);
        expect(position).toMatchObject({
          content: reply.content.length,
          reasoning: reply.reasoning.length,
          toolCalls: reply.toolCalls.map((call) => call.arguments.length),
        });
      }),
    );
  });

  test("is told of no empty piece, but of each call that begins", () => {
    fc.assert(
      fc.property(replyAndPosition, ({ reply, position }) => {
        for (const part of partsAfter(position, reply))
          if (part.type !== "tool_call") expect(part.text).not.toBe("");
          else if (part.id === undefined) expect(part.arguments).not.toBe("");
      }),
    );
  });

  test("and has more than was written down gets nothing until that has caught up", () => {
    const position = { attempt: 1, content: 9, reasoning: 9, toolCalls: [9, 9] };
    const reply = { content: "short", reasoning: "", toolCalls: [{ id: "1", name: "a", arguments: "{}" }] };
    expect(partsAfter(position, reply)).toEqual([]);
  });
});

test("a position is moved by the parts of a reply, each by its own length", () => {
  const position = startOf(2);
  const parts: AnswerPart[] = [
    { type: "reasoning", text: "Hm." },
    { type: "chunk", text: "🌍" },
    { type: "tool_call", index: 0, id: "1", name: "a", arguments: "" },
    { type: "tool_call", index: 1, id: "2", name: "b", arguments: "{" },
    { type: "tool_call", index: 0, arguments: "{}" },
  ];
  for (const part of parts) advance(position, part);
  expect(position).toEqual({ attempt: 2, content: 2, reasoning: 3, toolCalls: [2, 1] });
});

describe("the id of an event", () => {
  test.each([
    [{ attempt: 1, content: 250, reasoning: 0, toolCalls: [] }, "1.250.0"],
    [{ attempt: 2, content: 0, reasoning: 7, toolCalls: [17, 4] }, "2.0.7.17.4"],
  ])("says where it stands: %j is %s", (position, id) => {
    expect(formatPosition(position)).toBe(id);
  });

  test("is read back as the position that it was made of", () => {
    const length = fc.nat(999_999_999);
    const position = fc.record({
      attempt: fc.integer({ min: 1, max: 9999 }),
      content: length,
      reasoning: length,
      toolCalls: fc.array(length, { maxLength: 128 }),
    });
    fc.assert(
      fc.property(position, (given) => {
        expect(parsePosition(formatPosition(given))).toEqual(given);
      }),
    );
  });

  test.each([
    [""],
    ["1"],
    ["1.2"],
    ["0.0.0"],
    ["-1.0.0"],
    ["1.0.-5"],
    ["1.0.0."],
    ["1..0"],
    ["1.0.0 "],
    [" 1.0.0"],
    ["1.0.0\n"],
    ["1.0.x"],
    ["1.5e3.0"],
    ["1.0.0x10"],
    ["10000.0.0"],
    ["1.1000000000.0"],
    [`1.0.0${".1".repeat(129)}`],
    ["6f1de8b1-6f3c-4b68-9a4e-0d4b4f3f2a10"],
  ])("is none of ours: %j", (id) => {
    expect(parsePosition(id)).toBeNull();
  });
});
