import { describe, expect, test } from "vitest";
import { startServer } from "../start-server.ts";
import { askOpenAI } from "./ask-provider.ts";
import { answerWith, wireCall, wireChunks, wireCompletion, wireStream } from "./openai-wire.ts";

/** A piece of a call in a chunk of its own. */
const piece = (call: object) => ({ tool_calls: [call] });
const begin = (index: number | undefined, id: string | null | undefined, name: string, text = "") => ({
  ...(index === undefined ? {} : { index }),
  ...(id === undefined ? {} : { id }),
  type: "function",
  function: { name, arguments: text },
});
const more = (index: number | undefined, text: string, rest: object = {}) => ({
  ...(index === undefined ? {} : { index }),
  ...rest,
  function: { arguments: text },
});

const askStream = async (texts: object[], finishReason = "tool_calls") =>
  askOpenAI(await startServer(answerWith(wireStream(wireChunks({ texts, finishReason })))));
const askJson = async (texts: object[], finishReason = "tool_calls") =>
  askOpenAI(await startServer(answerWith(wireCompletion({ texts, finishReason }))), { stream: false });

const weather = { id: "call_a", name: "weather", arguments: '{"city":"Köln"}' };
const time = { id: "call_b", name: "time", arguments: '{"zone":"CET"}' };

describe("the calls are the same, however a service sends them:", () => {
  test.each<[string, object[]]>([
    [
      "as OpenAI does, in pieces by their index",
      [
        piece(begin(0, "call_a", "weather")),
        piece(more(0, '{"city":')),
        piece(more(0, '"Köln"}')),
        piece(more(0, "")),
        piece(begin(1, "call_b", "time")),
        piece(more(1, '{"zone":"CET"}')),
      ],
    ],
    [
      "in pieces that take turns",
      [
        piece(begin(0, "call_a", "weather", '{"city"')),
        piece(begin(1, "call_b", "time", '{"zone"')),
        piece(more(0, ':"Köln"}')),
        piece(more(1, ':"CET"}')),
      ],
    ],
    [
      "several pieces in one chunk",
      [
        {
          tool_calls: [begin(0, "call_a", "weather"), more(0, '{"city":"Köln"}'), begin(1, "call_b", "time")],
        },
        piece(more(1, '{"zone":"CET"}')),
      ],
    ],
    [
      "whole, with an index",
      [
        piece({ index: 0, ...wireCall("call_a", "weather", weather.arguments) }),
        piece(begin(1, "call_b", "time", time.arguments)),
      ],
    ],
    [
      "whole, without an index",
      [
        {
          tool_calls: [
            begin(undefined, "call_a", "weather", weather.arguments),
            begin(undefined, "call_b", "time", time.arguments),
          ],
        },
      ],
    ],
    [
      "all at index 0",
      [
        piece(begin(0, "call_a", "weather", weather.arguments)),
        piece(begin(0, "call_b", "time")),
        piece(more(0, time.arguments)),
      ],
    ],
    [
      "in pieces without an index",
      [
        piece(begin(undefined, "call_a", "weather")),
        piece(more(undefined, weather.arguments)),
        piece(begin(undefined, "call_b", "time")),
        piece(more(undefined, time.arguments)),
      ],
    ],
    [
      "with id and name in every piece",
      [
        piece(begin(0, "call_a", "weather", '{"city":')),
        piece(begin(0, "call_a", "weather", '"Köln"}')),
        piece(begin(1, "call_b", "time", time.arguments)),
      ],
    ],
    [
      "with another id in every piece",
      [
        piece(begin(0, "call_a", "weather")),
        piece(more(0, weather.arguments, { id: "call_x" })),
        piece(begin(1, "call_b", "time")),
        piece(more(1, time.arguments, { id: "call_y" })),
      ],
    ],
    [
      "with empty ids and names in later pieces",
      [
        piece(begin(0, "call_a", "weather")),
        piece({ index: 0, id: "", function: { name: "", arguments: weather.arguments } }),
        piece(begin(1, "call_b", "time")),
        piece({ index: 1, id: null, function: { name: null, arguments: time.arguments } }),
      ],
    ],
    [
      "with the name behind the id",
      [
        piece({ index: 0, id: "call_a", function: { arguments: '{"city":' } }),
        piece({ index: 0, function: { name: "weather", arguments: '"Köln"}' } }),
        piece(begin(1, "call_b", "time", time.arguments)),
      ],
    ],
    [
      "with arguments that are an object",
      [
        piece({ index: 0, id: "call_a", function: { name: "weather", arguments: { city: "Köln" } } }),
        piece(begin(1, "call_b", "time", time.arguments)),
      ],
    ],
  ])("%s", async (_how, texts) => {
    const answer = await askStream(texts);
    expect(answer.toolCalls).toEqual([weather, time]);
    expect(answer.finish.reason).toBe("tool_calls");
  });

  test("in one piece", async () => {
    const calls = [weather, time].map(({ id, name, arguments: text }) => wireCall(id, name, text));
    const answer = await askJson([{ content: "Let me see." }, { tool_calls: calls }]);
    expect(answer).toMatchObject({ text: "Let me see.", toolCalls: [weather, time] });
  });
});

test.each([
  ["stop", "tool_calls"],
  ["tool_calls", "tool_calls"],
  ["function_call", "tool_calls"],
  ["length", "length"],
  ["content_filter", "content_filter"],
])("calls that end in %s end in %s", async (finishReason, reason) => {
  const texts = [{ tool_calls: [wireCall("call_a", "weather", "{}")] }];
  expect((await askStream(texts, finishReason)).finish.reason).toBe(reason);
  expect((await askJson(texts, finishReason)).finish.reason).toBe(reason);
});

test("a call of a tool without parameters has a JSON object for arguments, also where the model wrote none", async () => {
  for (const ask of [askStream, askJson]) {
    const { toolCalls } = await ask([{ tool_calls: [wireCall("call_a", "now", "")] }]);
    expect(toolCalls).toEqual([{ id: "call_a", name: "now", arguments: "{}" }]);
  }
});

describe("each call has an id of its own,", () => {
  test.each([
    ["where a service gives none", [undefined, undefined]],
    ["where a service gives empty ones", ["", null]],
    ["where a service gives the same twice", ["call_a", "call_a"]],
  ])("%s", async (_what, ids) => {
    const texts = [{ tool_calls: ids.map((id, index) => begin(index, id, "weather", "{}")) }];
    for (const ask of [askStream, askJson]) {
      const { toolCalls } = await ask(texts);
      expect(toolCalls).toHaveLength(2);
      expect(new Set(toolCalls.map(({ id }) => id)).size).toBe(2);
      // Made from the answer's own id, so that no other answer of the conversation has it.
      expect(toolCalls[1]?.id).toBe("call_chatcmpl-1_1");
    }
  });
});

test("whole calls without an index and an id are as many as there are", async () => {
  const texts = ["Köln", "Bonn"].map((city) => piece({ function: { name: "weather", arguments: city } }));
  const { toolCalls } = await askStream(texts, "length");
  expect(toolCalls.map((call) => call.arguments)).toEqual(["Köln", "Bonn"]);
});

test("a call whose name comes late does not hold up the others", async () => {
  const { toolCalls } = await askStream([
    piece({ index: 0, id: "call_b", function: { arguments: '{"zone":' } }),
    piece(begin(1, "call_a", "weather", weather.arguments)),
    piece({ index: 0, function: { name: "time", arguments: '"CET"}' } }),
  ]);
  expect(toolCalls).toEqual([weather, time]);
});

test("a call that never gets a name is no call: the answer has broken off", async () => {
  for (const ask of [askStream, askJson])
    await expect(
      ask([piece({ index: 0, id: "call_a", function: { arguments: "{}" } })]),
    ).rejects.toMatchObject({
      failure: "interrupted",
    });
});

test("calls without end are an interruption, and are not compared with each other for long", async () => {
  const calls = Array.from({ length: 40_000 }, (_, index) => begin(index, `call_${index}`, "weather", "{}"));
  for (const ask of [askStream, askJson])
    await expect(ask([{ tool_calls: calls }])).rejects.toMatchObject({ failure: "interrupted" });
});

test("an answer whose only call was garbled on the way is an interruption", async () => {
  const [role, , finish] = wireChunks({
    texts: [piece(begin(0, "call_a", "weather"))],
    finishReason: "tool_calls",
  });
  const url = await startServer(answerWith(wireStream([role ?? "", '{"choices":[{"delta":', finish ?? ""])));
  await expect(askOpenAI(url)).rejects.toMatchObject({ failure: "interrupted" });
});
