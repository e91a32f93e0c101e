import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countUtf8Bytes, createAnswer } from "../../../shared/gateway/answer.ts";
import { ProviderError, type ProviderEvent } from "../../../shared/providers/provider.ts";

const text = (value: string): ProviderEvent => ({ type: "text", text: value });
const reasoning = (value: string): ProviderEvent => ({ type: "reasoning", text: value });
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
          parts
            .filter((part) => part.type === type)
            .map((part) => part.text)
            .join("");
        const all = (type: string) =>
          reads
            .flat()
            .map((said) => (said.type === type && said.type !== "finish" ? said.text : ""))
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

describe("a provider that breaks the grammar is interrupted:", () => {
  const interrupted = (events: ProviderEvent[], answer = createAnswer()) => {
    const attempt = () => answer.add(events);
    expect(attempt).toThrow(ProviderError);
    expect(attempt).toThrow(expect.objectContaining({ failure: "interrupted" }));
  };

  test.each([
    ["a text after the finish", text("more")],
    ["a thought after the finish", reasoning("more")],
    ["a second finish", finish],
  ])("%s", (_what, event) => {
    interrupted([finish, event]);
    const answer = createAnswer();
    answer.add([text("Because."), finish]);
    interrupted([event], answer);
    expect(answer).toMatchObject({ content: "Because.", finish: { reason: "length", usage } });
  });

  test("an answer of more than 8 MiB, words and thoughts together", () => {
    const half = "x".repeat(4 * 1024 * 1024);
    const answer = createAnswer();
    answer.add([text(half)]);
    answer.add([reasoning(half)]);
    interrupted([text("x")], answer);
  });
});

test.each([
  ["", 0],
  ["abc", 3],
  ["Grüße", 7],
  ["世界", 6],
  ["🌍", 4],
])("%j has %i bytes", (value, bytes) => {
  expect(countUtf8Bytes(value)).toBe(bytes);
});
