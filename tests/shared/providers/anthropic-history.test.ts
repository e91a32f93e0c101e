import { describe, expect, test } from "vitest";
import type { ChatMessage } from "../../../shared/domain/chat-message.ts";
import { sendBody } from "./anthropic-sent.ts";

const text = (content: string) => ({ type: "text", text: content });
const user = (content: string): ChatMessage => ({ role: "user", content });

describe("a history:", () => {
  const sendMessages = async (messages: ChatMessage[]) => {
    const { system, messages: sent, tools, tool_choice } = await sendBody({ messages });
    return { system, messages: sent, tools, tool_choice };
  };

  test("what the system says goes ahead of all turns, wherever it stands", async () => {
    const system = (content: string): ChatMessage => ({ role: "system", content });
    const sent = await sendMessages([
      system("One."),
      user("Why?"),
      system("Two."),
      user("Now?"),
      system(" "),
    ]);
    expect(sent).toEqual({
      system: [text("One."), text("Two.")],
      messages: [{ role: "user", content: [text("Why?"), text("Now?")] }],
    });
  });

  test("an assistant that speaks first has a user before it", async () => {
    const { messages } = await sendMessages([
      { role: "assistant", content: "How can I help?" },
      user("Why?"),
    ]);
    expect(messages).toEqual([
      { role: "user", content: [text("Hello.")] },
      { role: "assistant", content: [text("How can I help?")] },
      { role: "user", content: [text("Why?")] },
    ]);
  });

  test("turns of the assistant in a row are one, and one of white space is none", async () => {
    const [one, two, blank] = ["One.", "Two.", " \n"].map((content) => ({
      role: "assistant" as const,
      content,
    }));
    const { messages } = await sendMessages([
      user("a"),
      one,
      two,
      user("b"),
      blank,
      user("c"),
    ] as ChatMessage[]);
    expect(messages).toEqual([
      { role: "user", content: [text("a")] },
      { role: "assistant", content: [text("One."), text("Two.")] },
      { role: "user", content: [text("b"), text("c")] },
    ]);
  });

  test("images, by address and in the request", async () => {
    const content: ChatMessage["content"] = [
      { type: "text", text: "What is this?" },
      { type: "image", url: "https://example.com/a.png" },
      { type: "image", url: "data:image/webp;base64,AAAA" },
    ];
    const { messages } = await sendMessages([{ role: "user", content }]);
    const sources = [
      { type: "url", url: "https://example.com/a.png" },
      { type: "base64", media_type: "image/webp", data: "AAAA" },
    ];
    expect(messages).toEqual([
      {
        role: "user",
        content: [text("What is this?"), ...sources.map((source) => ({ type: "image", source }))],
      },
    ]);
  });

  const called: ChatMessage[] = [
    user("Weather?"),
    {
      role: "assistant",
      content: "",
      toolCalls: [
        { id: "call_a", name: "weather", arguments: '{"city":"Köln"}' },
        { id: "fn:b.1", name: "time", arguments: "{}" },
      ],
    },
  ];
  const result = (toolCallId: string, content: string): ChatMessage => ({
    role: "tool",
    toolCallId,
    content,
  });

  test("results of tools are one turn of the user, in front of what else it says; ids fit Anthropic's alphabet", async () => {
    const { messages } = await sendMessages([
      ...called,
      result("call_a", "rain"),
      user("And?"),
      result("fn:b.1", ""),
    ]);
    expect(messages).toEqual([
      { role: "user", content: [text("Weather?")] },
      {
        role: "assistant",
        content: [
          { type: "tool_use", id: "call_a", name: "weather", input: { city: "Köln" } },
          { type: "tool_use", id: "fn_3a_b_2e_1", name: "time", input: {} },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "call_a", content: "rain" },
          { type: "tool_result", tool_use_id: "fn_3a_b_2e_1" },
          text("And?"),
        ],
      },
    ]);
  });

  test("calls whose tools are no longer offered have them declared, and nobody may call them", async () => {
    const { tools, tool_choice } = await sendMessages([
      ...called,
      result("call_a", "a"),
      result("fn:b.1", "b"),
    ]);
    expect(tools).toEqual(["weather", "time"].map((name) => ({ name, input_schema: { type: "object" } })));
    expect(tool_choice).toEqual({ type: "none" });
  });

  test("half of a call's arguments, of an answer that broke off, is sent as none", async () => {
    const half = {
      role: "assistant" as const,
      content: "",
      toolCalls: [{ id: "a", name: "b", arguments: '{"c' }],
    };
    const { messages } = await sendMessages([user("Weather?"), half, result("a", "rain")]);
    expect(messages).toMatchObject([{}, { content: [{ type: "tool_use", input: {} }] }, {}]);
  });
});
