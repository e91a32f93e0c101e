import { describe, expect, test } from "vitest";
import {
  type ChatMessage,
  chatMessageSchema,
  imagesOf,
  textOf,
} from "../../../shared/domain/chat-message.ts";
import { parseChatRequest } from "../../../shared/domain/chat-request.ts";
import { thrownBy } from "../thrown-by.ts";

const user = { role: "user", content: "Why?" };
const image = (url: string) => ({ type: "image", url });
const parse = (...messages: unknown[]) => parseChatRequest({ messages }).messages;
const refuse = (...messages: unknown[]) => thrownBy(() => parse(...messages)).toBody().error;
const call = (given: object = {}) => ({ id: "call_1", name: "weather", arguments: "{}", ...given });
/** A turn in which an assistant calls tools, with their results. */
const turn = (...calls: { id: string }[]) => [
  user,
  { role: "assistant", toolCalls: calls },
  ...calls.map(({ id }) => ({ role: "tool", toolCallId: id, content: "Rain" })),
];

describe("a user's message may hold", () => {
  test("texts and images, in their order", () => {
    const content = [
      { type: "text", text: "What is " },
      image("https://example.com/a.png"),
      { type: "text", text: "?" },
    ];
    const [message] = parse({ role: "user", content }) as [ChatMessage];
    expect(message).toEqual({ role: "user", content });
    expect(textOf(message)).toBe("What is ?");
    expect(imagesOf(message)).toEqual(["https://example.com/a.png"]);
  });

  test("an image alone", () => {
    const [message] = parse({ role: "user", content: [image("https://example.com/a.png")] }) as [ChatMessage];
    expect(textOf(message)).toBe("");
  });

  test("a text of nearly a mebibyte, and images of as much", () => {
    const long = "x".repeat(1024 * 1024);
    expect(textOf(parse({ role: "user", content: long })[0] as ChatMessage)).toBe(long);
    const data = `data:image/png;base64,${"A".repeat(1024 * 1024)}`;
    expect(imagesOf(parse({ role: "user", content: [image(data)] })[0] as ChatMessage)).toEqual([data]);
  });

  test.each([
    ["https://example.com/a.png?size=1&x=%20"],
    [`https://example.com/${"a".repeat(2048 - 20)}`],
    ["data:image/png;base64,iVBORw0KGgo="],
    ["data:image/jpeg;base64,AAAA"],
    ["data:image/gif;base64,AA=="],
    ["data:image/webp;base64,A+/9"],
  ])("an image at %.60s", (url) => {
    expect(parse({ role: "user", content: [image(url)] })).toHaveLength(1);
  });

  test.each([
    ["an address that is not encrypted", "http://example.com/a.png"],
    ["an address of this machine", "file:///etc/passwd"],
    ["no address", "a.png"],
    ["nothing", ""],
    ["an address without a host", "https://"],
    ["a long address", `https://example.com/${"a".repeat(2048 - 19)}`],
    ["data that is no image", "data:text/html;base64,AAAA"],
    ["an image that can run programs", "data:image/svg+xml;base64,AAAA"],
    ["data that is not base64", "data:image/png;base64,A B"],
    ["no data", "data:image/png;base64,"],
    ["an address with a NUL, which Postgres cannot store", "https://example.com/\u0000.png"],
    ["an address with half of a character", "https://example.com/\uD83D.png"],
  ])("no image at %s", (_what, url) => {
    const error = refuse({ role: "user", content: [{ type: "text", text: "See" }, image(url)] });
    expect(error).toMatchObject({ code: "invalid_request", param: "messages.0.content.1.url" });
  });

  test.each<[what: string, content: unknown, param: RegExp]>([
    ["nothing", [], /^messages\.0\.content$/],
    [
      "more than a hundred pieces",
      Array.from({ length: 101 }, () => ({ type: "text", text: "a" })),
      /content$/,
    ],
    ["an empty text", [{ type: "text", text: "" }], /content\.0\.text$/],
    ["half of a character", [{ type: "text", text: "\uDE00" }], /content\.0\.text$/],
    ["a piece of another kind", [{ type: "audio", data: "" }], /content\.0\.type$/],
    ["an unknown member", [{ type: "text", text: "a", cache: true }], /content\.0\.cache$/],
  ])("not %s, and the piece is named", (_what, content, param) => {
    expect(refuse({ role: "user", content }).param).toMatch(param);
  });

  test("an image only where it is the user's", () => {
    expect(refuse({ role: "system", content: [image("https://example.com/a.png")] }, user).param).toBe(
      "messages.0.content",
    );
  });
});

describe("an assistant's message", () => {
  test("may call tools without a word; their results may come in any order", () => {
    const [, assistant, ...results] = turn(call(), call({ id: "call_2", arguments: '{"city":"Bonn"}' }));
    expect(parse(user, assistant, ...results.toReversed())).toEqual([
      user,
      {
        role: "assistant",
        content: "",
        toolCalls: [call(), call({ id: "call_2", arguments: '{"city":"Bonn"}' })],
      },
      ...results.toReversed(),
    ]);
  });

  test.each([["{city"], [""], ["null"]])(
    "may call a tool with what is no object, as models write it: %j",
    (written) => {
      expect(parse(...turn(call({ arguments: written })))[1]).toMatchObject({
        toolCalls: [{ arguments: written }],
      });
    },
  );

  test("may bring back what its provider wants", () => {
    const messages = turn(call());
    Object.assign(messages[1] as object, { continuation: "signed", content: "Let me see." });
    expect(parse(...messages)).toEqual(messages);
  });

  test("may be sent back as our answers have it: without calls in an empty list, without a continuation as null", () => {
    const message = { role: "assistant", content: "a" };
    expect(chatMessageSchema.parse({ ...message, toolCalls: [], continuation: null })).toEqual(message);
  });

  test.each<[what: string, given: object, param: string]>([
    ["says and calls nothing", {}, "content"],
    ["says nothing in an empty text", { content: "" }, "content"],
    ["says nothing and calls nothing in a list", { content: "", toolCalls: [] }, "content"],
    [
      "calls too many tools",
      { toolCalls: Array.from({ length: 129 }, (_, index) => call({ id: `${index}` })) },
      "toolCalls",
    ],
    ["calls a tool without a name", { toolCalls: [call({ name: "" })] }, "toolCalls.0.name"],
    [
      "calls a tool by a name that no provider takes",
      { toolCalls: [call({ name: "get weather" })] },
      "toolCalls.0.name",
    ],
    ["calls a tool without an id", { toolCalls: [call({ id: "" })] }, "toolCalls.0.id"],
    ["calls a tool with a long id", { toolCalls: [call({ id: "x".repeat(201) })] }, "toolCalls.0.id"],
    ["calls a tool with half of a character", { toolCalls: [call({ id: "\uD83D" })] }, "toolCalls.0.id"],
    [
      "calls a tool with arguments that are no text",
      { toolCalls: [call({ arguments: {} })] },
      "toolCalls.0.arguments",
    ],
    ["brings back nothing", { content: "a", continuation: "" }, "continuation"],
    ["brings back too much", { content: "a", continuation: "x".repeat(262_145) }, "continuation"],
    ["brings back a NUL", { content: "a", continuation: "\u0000" }, "continuation"],
  ])("that %s is refused", (_what, given, param) => {
    expect(refuse(user, { role: "assistant", ...given }, user)).toMatchObject({
      code: "invalid_request",
      param: `messages.1.${param}`,
    });
  });
});

describe("the results of tools", () => {
  test("may be empty, and may come last", () => {
    const messages = [...turn(call()).slice(0, 2), { role: "tool", toolCallId: "call_1", content: "" }];
    expect(parse(...messages)).toHaveLength(3);
  });

  test.each<[what: string, messages: unknown[], param: string]>([
    [
      "that nobody asked for",
      [user, { role: "tool", toolCallId: "call_1", content: "" }],
      "messages.1.toolCallId",
    ],
    [
      "for another call",
      [...turn(call()).slice(0, 2), { role: "tool", toolCallId: "z", content: "" }],
      "messages.2.toolCallId",
    ],
    [
      "twice for one call",
      [...turn(call()), { role: "tool", toolCallId: "call_1", content: "" }],
      "messages.3.toolCallId",
    ],
    ["that come too late", [...turn(call()).slice(0, 2), user], "messages.2"],
    [
      "of which one is missing in the middle",
      [...turn(call(), call({ id: "2" })).slice(0, 3), user],
      "messages.3",
    ],
    ["of which one is missing at the end", turn(call(), call({ id: "2" })).slice(0, 3), "messages"],
    ["for two calls of one id", [...turn(call(), call()).slice(0, 3)], "messages.1.toolCalls"],
    ["without the id of a call", [user, { role: "tool", content: "" }], "messages.1.toolCallId"],
  ])("%s are refused, and the place is named", (_what, messages, param) => {
    const error = refuse(...messages);
    expect(error).toMatchObject({ code: "invalid_request", param });
    expect(error.message).toMatch(/\.$/);
  });

  test("may come first where a conversation goes on that asked for them, but after a message only where that did", () => {
    const conversationId = "6f1de8b1-6f3c-4b68-9a4e-0d4b4f3f2a10";
    const result = { role: "tool", toolCallId: "call_9", content: "Rain" };
    const messages = [result, { ...result, toolCallId: "call_8" }, user];
    expect(parseChatRequest({ messages, conversationId }).messages).toEqual(messages);
    expect(
      thrownBy(() => parseChatRequest({ messages: [user, result], conversationId })).toBody().error.param,
    ).toBe("messages.1.toolCallId");
  });
});
