import type { OpenAI } from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { parseChatParams } from "../../../../shared/http/openai/chat-params.ts";

const user = { role: "user", content: "Why?" } as const;

/** A body as the official client sends it. */
function parse(body: Partial<OpenAI.ChatCompletionCreateParams> & Record<string, unknown>) {
  return parseChatParams(JSON.parse(JSON.stringify({ messages: [user], ...body })));
}

describe("a chat completion is asked for", () => {
  test("by its messages alone: nothing is kept of it as a conversation", () => {
    expect(parse({})).toMatchObject({
      request: { messages: [user], conversationId: null, model: undefined, stream: false, options: {} },
      includeUsage: false,
      warnings: [],
    });
  });

  test("with every option that we have", () => {
    const schema = { type: "object", properties: { answer: { type: "string" } } };
    const { request, includeUsage, warnings } = parse({
      model: "openai/gpt-4o-mini",
      provider: "openrouter",
      stream: true,
      stream_options: { include_usage: true, include_obfuscation: true },
      max_completion_tokens: 7,
      temperature: 0.5,
      top_p: 0.9,
      stop: "END",
      seed: 3,
      reasoning_effort: "low",
      parallel_tool_calls: false,
      tools: [
        {
          type: "function",
          function: { name: "look", description: "Looks.", parameters: schema, strict: true },
        },
        { type: "function", function: { name: "wait", strict: null } },
      ],
      tool_choice: { type: "function", function: { name: "look" } },
      response_format: { type: "json_schema", json_schema: { name: "answer", schema, strict: null } },
    });
    expect(request).toEqual({
      messages: [user],
      conversationId: null,
      model: "openai/gpt-4o-mini",
      provider: "openrouter",
      stream: true,
      options: {
        maxTokens: 7,
        temperature: 0.5,
        topP: 0.9,
        stop: ["END"],
        seed: 3,
        reasoningEffort: "low",
        parallelToolCalls: false,
        tools: [{ name: "look", description: "Looks.", parameters: schema, strict: true }, { name: "wait" }],
        toolChoice: { name: "look" },
        responseFormat: { type: "json_schema", name: "answer", schema },
      },
    });
    expect([includeUsage, warnings]).toEqual([true, []]);
  });

  test("with the older name of the limit", () => {
    expect(parse({ max_tokens: 9 }).request.options.maxTokens).toBe(9);
  });

  test("with what the client's helpers make of a zod schema", () => {
    const schema = z.object({ city: z.string(), days: z.array(z.number()).nullable() });
    const { options } = parse({
      tools: [zodFunction({ name: "forecast", parameters: schema })],
      response_format: zodResponseFormat(schema, "forecast"),
    }).request;
    expect(options.tools).toMatchObject([
      { name: "forecast", strict: true, parameters: { type: "object", required: ["city", "days"] } },
    ]);
    expect(options.responseFormat).toMatchObject({ type: "json_schema", name: "forecast", strict: true });
  });

  test("in plain text or in any JSON object", () => {
    expect(parse({ response_format: { type: "text" } }).request.options.responseFormat).toBeUndefined();
    expect(parse({ response_format: { type: "json_object" } }).request.options.responseFormat).toEqual({
      type: "json_object",
    });
  });
});

describe("messages are understood:", () => {
  test("texts and images of a user, and instructions of both names", () => {
    const image = "https://example.com/cat.png";
    const { request } = parse({
      messages: [
        {
          role: "developer",
          content: [
            { type: "text", text: "Be " },
            { type: "text", text: "brief." },
          ],
        },
        { role: "system", content: "In English." },
        {
          role: "user",
          content: [
            { type: "text", text: "What is it?", prompt_cache_breakpoint: { mode: "explicit" } },
            { type: "image_url", image_url: { url: image, detail: "auto" } },
          ],
        },
      ],
    });
    expect(request.messages).toEqual([
      { role: "system", content: "Be brief." },
      { role: "system", content: "In English." },
      {
        role: "user",
        content: [
          { type: "text", text: "What is it?" },
          { type: "image", url: image },
        ],
      },
    ]);
  });

  test("calls of tools and their results", () => {
    const call = (id: string, args: string) => ({
      id,
      type: "function" as const,
      function: { name: "look", arguments: args },
    });
    const { request } = parse({
      messages: [
        user,
        { role: "assistant", content: null, tool_calls: [call("a", '{"at":1}'), call("b", "")] },
        { role: "tool", tool_call_id: "b", content: "nothing" },
        { role: "tool", tool_call_id: "a", content: [{ type: "text", text: "a cat" }] },
      ],
    });
    expect(request.messages.slice(1)).toEqual([
      {
        role: "assistant",
        content: "",
        toolCalls: [
          { id: "a", name: "look", arguments: '{"at":1}' },
          { id: "b", name: "look", arguments: "{}" },
        ],
      },
      { role: "tool", toolCallId: "b", content: "nothing" },
      { role: "tool", toolCallId: "a", content: "a cat" },
    ]);
  });

  test("an assistant's turn that is sent back just as it came, whatever a client added to it", () => {
    const answer = {
      role: "assistant",
      content: "Because.",
      refusal: null,
      tool_calls: [],
      reasoning_content: "Hm.",
      continuation: "signed",
      annotations: [],
      audio: null,
      function_call: null,
      parsed: { why: "because" },
    };
    const { request, warnings } = parse({ messages: [user, answer as never, user] });
    expect(request.messages[1]).toEqual({
      role: "assistant",
      content: "Because.",
      continuation: "signed",
    });
    expect(warnings).toEqual([]);
  });

  test("a refusal is what the assistant said", () => {
    const refused = { role: "assistant", content: null, refusal: "No." } as const;
    const inParts = { role: "assistant", content: [{ type: "refusal", refusal: "No." }] } as const;
    for (const message of [refused, inParts])
      expect(parse({ messages: [user, message as never, user] }).request.messages[1]).toEqual({
        role: "assistant",
        content: "No.",
      });
  });
});

test("null is the same as nothing, for every member that may be left out", () => {
  const members = (
    "model provider stream stream_options max_tokens max_completion_tokens temperature top_p stop seed " +
    "reasoning_effort parallel_tool_calls tools tool_choice response_format n logprobs top_logprobs " +
    "frequency_penalty presence_penalty logit_bias modalities service_tier store verbosity audio prediction " +
    "moderation web_search_options functions function_call user metadata safety_identifier " +
    "prompt_cache_key prompt_cache_options prompt_cache_retention"
  ).split(" ");
  const { rename: _, ...parsed } = parse(Object.fromEntries(members.map((name) => [name, null])));
  const { rename: __, ...plain } = parse({});
  expect(parsed).toEqual(plain);
});

test("what has no effect at its default is accepted", () => {
  const { request, warnings } = parse({
    n: 1,
    logprobs: false,
    top_logprobs: 0,
    frequency_penalty: 0,
    presence_penalty: 0,
    logit_bias: {},
    modalities: ["text"],
    service_tier: "auto",
    store: false,
    verbosity: "medium",
    user: "u-1",
    metadata: { order: "7" },
    safety_identifier: "s-1",
    prompt_cache_key: "k-1",
  });
  expect([request.options, warnings]).toEqual([{}, []]);
});

test("what is harmless is left out, and named once in a warning", () => {
  const named = { role: "user", content: "Why?", name: "Ada" } as const;
  const image = {
    type: "image_url",
    image_url: { url: "https://example.com/x.png", detail: "low" },
  } as const;
  const { request, warnings } = parse({
    messages: [
      named,
      { role: "assistant", content: "So." },
      named,
      { role: "user", content: [image, image] },
    ],
    reasoning_effort: "max",
    response_format: {
      type: "json_schema",
      json_schema: { name: "a", description: "An answer.", schema: { type: "object" } },
    },
  });
  expect(request.options.reasoningEffort).toBe("high");
  expect(warnings.map(({ param }) => param)).toEqual([
    "messages.name",
    "messages.content.image_url.detail",
    "reasoning_effort",
    "response_format.json_schema.description",
  ]);
});
