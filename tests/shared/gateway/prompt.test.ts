import { describe, expect, test } from "vitest";
import type { ChatMessage } from "../../../shared/domain/chat-message.ts";
import type { ChatOptions } from "../../../shared/domain/chat-request.ts";
import { checkResults, findNeeds, joinHistory, measurePrompt } from "../../../shared/gateway/prompt.ts";
import { thrownBy } from "../thrown-by.ts";

const user = (content: string): ChatMessage => ({ role: "user", content });
const assistant = (content: string): ChatMessage => ({ role: "assistant", content });
const calling = (...ids: string[]) => ({
  role: "assistant" as const,
  content: "",
  toolCalls: ids.map((id) => ({ id, name: "weather", arguments: "{}" })),
});
const result = (toolCallId: string): ChatMessage => ({ role: "tool", toolCallId, content: "Rain" });
const tool = { name: "weather", parameters: { type: "object" } };

describe("the size of a prompt", () => {
  const measure = (messages: ChatMessage[], options: ChatOptions = {}) =>
    measurePrompt({ messages, options });

  test("is that of its texts, in UTF-8", () => {
    expect(measure([user("Grüße"), assistant("世界🌍")])).toEqual({
      bytes: 7 + 10,
      messages: 2,
      images: 0,
      overheadTokens: 0,
    });
  });

  test("has images by their number and not by the length of their address", () => {
    const url = `data:image/png;base64,${"A".repeat(10_000)}`;
    const content = [
      { type: "text" as const, text: "What is " },
      { type: "image" as const, url },
      { type: "text" as const, text: "this?" },
      { type: "image" as const, url: "https://example.com/a.png" },
    ];
    expect(measure([{ role: "user", content }])).toMatchObject({ bytes: 13, images: 2 });
  });

  test("has tool calls with their names and arguments, their results, and what goes back with them", () => {
    const call = { ...calling("call_1"), continuation: "signed" };
    const { bytes } = measure([call, result("call_1")]);
    expect(bytes).toBe(JSON.stringify(call.toolCalls).length + 6 + 4 + 6);
  });

  test("has room for tools that providers want declared because of earlier calls", () => {
    expect(measure([calling("a", "b"), result("a"), result("b"), user("So?")]).overheadTokens).toBe(
      1024 + 2 * 64,
    );
    expect(measure([calling("a"), result("a"), user("So?")], { tools: [tool] }).overheadTokens).toBe(
      1024 + 2 * 64,
    );
    expect(measure([{ ...calling(), content: "No." }, user("So?")]).overheadTokens).toBe(0);
  });

  test("has the tools and the schema that are declared, and room for what providers add to them", () => {
    const schema = { type: "json_schema" as const, name: "answer", schema: { type: "object" } };
    const plain = measure([user("Why?")]).bytes;
    const withTools = measure([user("Why?")], { tools: [tool] });
    expect(withTools.bytes).toBe(plain + JSON.stringify(tool).length);
    expect(withTools.overheadTokens).toBe(1024 + 64);
    const withSchema = measure([user("Why?")], { responseFormat: schema });
    expect(withSchema.bytes).toBeGreaterThanOrEqual(plain + JSON.stringify(schema.schema).length);
    expect(withSchema.overheadTokens).toBe(1024 + 64);
    const withJson = measure([user("Why?")], { responseFormat: { type: "json_object" } });
    expect(withJson).toMatchObject({ bytes: plain, overheadTokens: 1024 });
  });
});

test.each<[what: string, options: ChatOptions, needs: string[]]>([
  ["nothing special", {}, []],
  ["what an answer can do without", { temperature: 1, topP: 1, seed: 1, reasoningEffort: "high" }, []],
  ["tools", { tools: [tool] }, ["tools"]],
  ["tools as the model likes", { tools: [tool], toolChoice: "auto" }, ["tools"]],
  ["a tool in any case", { tools: [tool], toolChoice: "required" }, ["tools", "tool_choice"]],
  ["this tool", { tools: [tool], toolChoice: { name: "weather" } }, ["tools", "tool_choice"]],
  ["stops", { stop: ["END"] }, ["stop"]],
  ["JSON", { responseFormat: { type: "json_object" } }, ["response_format"]],
  [
    "a schema",
    { responseFormat: { type: "json_schema", name: "a", schema: { type: "object" } } },
    ["structured_outputs"],
  ],
])("a request for %s needs a model that can do that", (_what, options, needs) => {
  expect(findNeeds(options)).toEqual(needs);
});

describe("history and new messages are one conversation:", () => {
  test("as they are, where every call has its result", () => {
    const history = [user("Weather?"), calling("a", "b")];
    const messages = [result("b"), result("a"), user("Thanks.")];
    expect(joinHistory(history, messages)).toEqual([...history, ...messages]);
  });

  test("without a call that never got its result", () => {
    expect(joinHistory([user("Weather?"), calling("a")], [user("Never mind.")])).toEqual([
      user("Weather?"),
      user("Never mind."),
    ]);
  });

  test("without calls of which one never got its result, nor the results of the others", () => {
    expect(joinHistory([user("Weather?"), calling("a", "b"), result("a")], [user("So?")])).toEqual([
      user("Weather?"),
      user("So?"),
    ]);
  });

  test("with what was said beside such a call, but not what would have gone back with its result", () => {
    const said = { ...calling("a"), content: "Let me see.", continuation: "signed" };
    expect(joinHistory([said], [user("So?")])).toEqual([assistant("Let me see."), user("So?")]);
  });

  test("without a result whose call was cut off with older messages", () => {
    expect(joinHistory([result("a"), assistant("Rain.")], [user("Thanks.")])).toEqual([
      assistant("Rain."),
      user("Thanks."),
    ]);
  });

  test("without a result that no call before it asked for, beside those that were", () => {
    expect(joinHistory([calling("a")], [result("a"), result("z")])).toEqual([calling("a"), result("a")]);
  });

  test("with calls one after the other, each judged by its own results", () => {
    const history = [calling("a"), result("a"), calling("b"), user("Hm."), calling("c"), result("c")];
    expect(joinHistory(history, [user("So?")])).toEqual([
      calling("a"),
      result("a"),
      user("Hm."),
      calling("c"),
      result("c"),
      user("So?"),
    ]);
  });
});

describe("the results of tools that the caller sends", () => {
  const refused = (history: ChatMessage[], sent: ChatMessage[]) =>
    thrownBy(() => checkResults(sent, history, joinHistory(history, sent))).toBody().error;

  test("are taken where every call has its result, from this request or the history", () => {
    for (const [history, sent] of [
      [[calling("a", "b")], [result("b"), result("a")]],
      [[calling("a", "b"), result("a")], [result("b")]],
      [[], [calling("a"), result("a"), user("So?")]],
      [[calling("a")], [user("Never mind.")]],
    ] as const)
      expect(() => checkResults([...sent], [...history], joinHistory([...history], [...sent]))).not.toThrow();
  });

  test("are refused by their field where no call asked for them", () => {
    for (const history of [[], [calling("a"), result("a"), assistant("Rain.")]])
      expect(refused(history, [user("Hm."), result("z")])).toMatchObject({
        code: "invalid_request",
        param: "messages.1.toolCallId",
      });
  });

  test("are refused where another call beside them has none", () => {
    expect(refused([calling("a", "b")], [result("a")])).toMatchObject({
      code: "invalid_request",
      param: "messages",
      message: expect.stringContaining("every tool call"),
    });
  });
});
