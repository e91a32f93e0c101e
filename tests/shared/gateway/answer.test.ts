import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createAnswer } from "../../../shared/gateway/answer.ts";
import { ProviderError, type ProviderEvent } from "../../../shared/providers/provider.ts";
import { thrownBy } from "../thrown-by.ts";
import { moreOfCall, reasoning, text, toolCall } from "./live-provider.ts";

const usage = {
  inputTokens: 1,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 2,
  reasoningTokens: 0,
};
const finish: ProviderEvent = { type: "finish", reason: "length", usage };

describe("an answer", () => {
  test("is empty at first", () => {
    const answer = createAnswer();
    expect(answer).toMatchObject({ content: "", reasoning: "", finish: null });
    expect(answer.countBytes()).toBe(0);
  });

  test("grows by what is said, thoughts apart from words, until it is finished", () => {
    const answer = createAnswer();
    answer.add([reasoning("Hm"), reasoning("."), text("Be")]);
    expect(answer).toMatchObject({ content: "Be", reasoning: "Hm.", finish: null });
    answer.add([text("cause."), finish]);
    expect(answer).toMatchObject({
      content: "Because.",
      reasoning: "Hm.",
      finish: { reason: "length", usage },
    });
  });

  test("may be finished without a word, and without usage", () => {
    const answer = createAnswer();
    expect(answer.add([{ type: "finish", reason: "stop", usage: null }])).toEqual([]);
    expect(answer.finish).toEqual({ reason: "stop", usage: null });
  });

  test("counts its bytes as UTF-8, thoughts too", () => {
    const answer = createAnswer();
    answer.add([text("ü"), reasoning("世"), text("👩🏽‍🚀a")]);
    expect(answer.countBytes()).toBe(2 + 3 + 15 + 1);
  });

  test("counts a character right that came in two halves", () => {
    const answer = createAnswer();
    answer.add([text("\uD83C")]);
    answer.add([text("\uDF0D")]);
    expect(answer.countBytes()).toBe(4);
  });
});

describe("what one read brought is handed on", () => {
  test("in as few pieces as keep its order", () => {
    const events = [text("a"), text("b"), reasoning("c"), reasoning("d"), text("e"), finish];
    expect(createAnswer().add(events)).toEqual([
      { type: "chunk", text: "ab" },
      { type: "reasoning", text: "cd" },
      { type: "chunk", text: "e" },
    ]);
  });

  test("once: the next read begins a piece of its own", () => {
    const answer = createAnswer();
    expect(answer.add([text("a")])).toEqual([{ type: "chunk", text: "a" }]);
    expect(answer.add([text("b")])).toEqual([{ type: "chunk", text: "b" }]);
  });

  test("so that all pieces together are the answer, however it is cut into reads", () => {
    const event = fc.oneof(fc.string().map(text), fc.string().map(reasoning));
    fc.assert(
      fc.property(fc.array(fc.array(event, { maxLength: 5 }), { maxLength: 8 }), (reads) => {
        const answer = createAnswer();
        const parts = reads.flatMap((events) => answer.add(events));
        const join = (type: string) =>
          parts.map((part) => (part.type === type && part.type !== "tool_call" ? part.text : "")).join("");
        const all = (type: string) =>
          reads
            .flat()
            .map((said) => (said.type === type && "text" in said ? said.text : ""))
            .join("");
        expect(join("chunk")).toBe(all("text"));
        expect(join("reasoning")).toBe(all("reasoning"));
        expect([answer.content, answer.reasoning]).toEqual([all("text"), all("reasoning")]);
        expect(answer.countBytes()).toBe(
          Buffer.byteLength(all("text")) + Buffer.byteLength(all("reasoning")),
        );
      }),
    );
  });
});

describe("a tool call", () => {
  test("is told as it grows: id and name with its first piece, more of its arguments with the others", () => {
    const answer = createAnswer();
    expect(answer.add([toolCall(0, "call_1", "weather", '{"ci'), moreOfCall(0, 'ty":')])).toEqual([
      { type: "tool_call", index: 0, id: "call_1", name: "weather", arguments: '{"city":' },
    ]);
    expect(answer.add([moreOfCall(0, '"Bonn"'), moreOfCall(0, "}")])).toEqual([
      { type: "tool_call", index: 0, arguments: '"Bonn"}' },
    ]);
    expect(answer.toolCalls).toEqual([{ id: "call_1", name: "weather", arguments: '{"city":"Bonn"}' }]);
  });

  test("stands beside others and beside words, whose pieces may come in any order", () => {
    const answer = createAnswer();
    const parts = answer.add([
      text("So: "),
      toolCall(0, "call_1", "a"),
      toolCall(1, "call_2", "b", "{"),
      moreOfCall(0, "{}"),
      moreOfCall(1, "}"),
      text("done"),
    ]);
    expect(parts).toEqual([
      { type: "chunk", text: "So: " },
      { type: "tool_call", index: 0, id: "call_1", name: "a", arguments: "" },
      { type: "tool_call", index: 1, id: "call_2", name: "b", arguments: "{" },
      { type: "tool_call", index: 0, arguments: "{}" },
      { type: "tool_call", index: 1, arguments: "}" },
      { type: "chunk", text: "done" },
    ]);
    expect(answer.content).toBe("So: done");
    expect(answer.toolCalls).toEqual([
      { id: "call_1", name: "a", arguments: "{}" },
      { id: "call_2", name: "b", arguments: "{}" },
    ]);
  });

  test("counts with the bytes of its name and its arguments", () => {
    const answer = createAnswer();
    answer.add([text("ü"), toolCall(0, "call_1", "weather", '{"a":"'), moreOfCall(0, '世"}')]);
    expect(answer.countBytes()).toBe(2 + 7 + 6 + 5);
  });

  test("brings what its provider wants back with the results", () => {
    const answer = createAnswer();
    answer.add([toolCall(0, "call_1", "a", "{}")]);
    answer.add([{ type: "finish", reason: "tool_calls", usage, continuation: "signed" }]);
    expect(answer.finish).toEqual({ reason: "tool_calls", usage, continuation: "signed" });
  });

  test("brings nothing back that would be too long for a request", () => {
    for (const [length, isUsable] of [
      [262_144, true],
      [262_145, false],
    ] as const) {
      const answer = createAnswer();
      answer.add([{ type: "finish", reason: "tool_calls", usage, continuation: "x".repeat(length) }]);
      expect("continuation" in (answer.finish ?? {})).toBe(isUsable);
    }
  });

  test("comes out whole however it is cut, and its parts are the call", () => {
    const piece = fc.record({ index: fc.nat(2), arguments: fc.string() });
    fc.assert(
      fc.property(fc.array(fc.array(piece, { maxLength: 4 }), { maxLength: 8 }), (reads) => {
        const answer = createAnswer();
        answer.add([0, 1, 2].map((index) => toolCall(index, `call_${index}`, "a")));
        const parts = reads.flatMap((pieces) =>
          answer.add(pieces.map((given) => moreOfCall(given.index, given.arguments))),
        );
        for (const index of [0, 1, 2]) {
          const written = reads.flat().filter((given) => given.index === index);
          const whole = written.map((given) => given.arguments).join("");
          expect(answer.toolCalls[index]?.arguments).toBe(whole);
          const told = parts.map((part) =>
            part.type === "tool_call" && part.index === index ? part.arguments : "",
          );
          expect(told.join("")).toBe(whole);
        }
      }),
    );
  });
});

describe("a provider that breaks the grammar is interrupted:", () => {
  const interrupted = (events: ProviderEvent[], answer = createAnswer()) => {
    const attempt = () => answer.add(events);
    expect(attempt).toThrow(ProviderError);
    expect(attempt).toThrow(expect.objectContaining({ failure: "interrupted" }));
  };

  test.each([
    ["a text after the finish", text("more")],
    ["a thought after the finish", reasoning("more")],
    ["a tool call after the finish", toolCall(0, "call_1", "a")],
    ["a second finish", finish],
  ])("%s", (_what, event) => {
    interrupted([finish, event]);
    const answer = createAnswer();
    answer.add([text("Because."), finish]);
    interrupted([event], answer);
    expect(answer).toMatchObject({ content: "Because.", finish: { reason: "length", usage } });
  });

  test.each([
    ["more of a tool call that has not begun", moreOfCall(0, "{}")],
    ["a tool call whose number leaves a gap", toolCall(1, "call_1", "a")],
    ["a tool call without a name", { type: "tool_call", index: 0, id: "call_1", arguments: "" }],
    ["a tool call without an id", { type: "tool_call", index: 0, name: "a", arguments: "" }],
    ["a tool call before the first", toolCall(-1, "call_1", "a")],
  ] as const)("%s", (_what, event) => {
    interrupted([event]);
  });
});

describe("a provider that does not stop is cut, which nobody else is asked to repeat:", () => {
  const cut = (events: ProviderEvent[], answer: ReturnType<typeof createAnswer>) =>
    expect(thrownBy(() => answer.add(events)).code).toBe("answer_too_large");

  test("more than 128 tool calls", () => {
    const answer = createAnswer();
    answer.add(Array.from({ length: 128 }, (_, index) => toolCall(index, `call_${index}`, "a")));
    cut([toolCall(128, "call_128", "a")], answer);
    expect(answer.toolCalls).toHaveLength(128);
  });

  test("an answer of more than 8 MiB, words, thoughts and tool calls together", () => {
    const half = "x".repeat(4 * 1024 * 1024);
    const answer = createAnswer();
    answer.add([text(half)]);
    answer.add([reasoning(half.slice(1))]);
    answer.add([toolCall(0, "call_1", "a", "x")]);
    cut([text("x")], answer);
  });
});
