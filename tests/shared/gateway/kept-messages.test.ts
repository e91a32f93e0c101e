import { describe, expect, test } from "vitest";
import type { Answer } from "../../../shared/gateway/answer.ts";
import { readFirstText, toKeptMessages } from "../../../shared/gateway/kept-messages.ts";
import { chatRequest, usage } from "./start-gateway.ts";

const asked = { role: "user" as const, content: "Why blue" };
const call = { id: "call_1", name: "weather", arguments: "{}" };
const answer = (given: Partial<Answer> = {}) => ({ content: "", toolCalls: [], finish: null, ...given });
const finish = { reason: "stop" as const, usage };

describe("of a chat is kept", () => {
  const keep = (given: Parameters<typeof toKeptMessages>[2]) =>
    toKeptMessages("conversation-1", chatRequest(), given);

  test("nothing where there is no conversation", () => {
    expect(toKeptMessages(null, chatRequest(), answer({ content: "Because.", finish }))).toEqual([]);
  });

  test("what was asked, where nobody answered, or not a word", () => {
    expect(keep(null)).toEqual([asked]);
    expect(keep(answer({ toolCalls: [call] }))).toEqual([asked]);
  });

  test("an answer with its calls and what goes back with their results", () => {
    const finished = { reason: "tool_calls" as const, usage, continuation: "signed" };
    expect(keep(answer({ toolCalls: [call], finish: finished }))).toEqual([
      asked,
      {
        role: "assistant",
        content: "",
        toolCalls: [call],
        continuation: "signed",
        finishReason: "tool_calls",
      },
    ]);
  });

  test("an answer that is complete and empty", () => {
    expect(keep(answer({ finish })).at(-1)).toEqual({ role: "assistant", content: "", finishReason: "stop" });
  });

  test("an answer that broke off, as far as it was said, without calls that may be half", () => {
    expect(keep(answer({ content: "So:", toolCalls: [call] })).at(-1)).toEqual({
      role: "assistant",
      content: "So:",
      finishReason: "interrupted",
    });
  });

  test("what Postgres can store, whatever the model wrote", () => {
    const written = answer({ content: "a\u0000\uD83C", finish });
    expect(keep(written).at(-1)?.content).toBe("a\uFFFD\uFFFD");
  });
});

test("a conversation is named after the first words of its user, or nothing where there are none", () => {
  const instructions = { role: "system" as const, content: "Be brief." };
  const messages = [instructions, asked, { role: "user" as const, content: "And now?" }];
  expect(readFirstText(chatRequest({ messages }))).toBe("Why blue");
  expect(readFirstText(chatRequest({ messages: [instructions] }))).toBe("");
});
