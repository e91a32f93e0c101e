import { describe, expect, test } from "vitest";
import type { ChatMessage } from "../../../shared/domain/chat-message.ts";
import { createOpenAIProvider } from "../../../shared/providers/openai.ts";
import * as dialects from "../../../shared/providers/openai-dialects.ts";
import type { ProviderRequest } from "../../../shared/providers/provider.ts";
import { providerRequest, readWholeAnswer } from "./ask-provider.ts";
import { wireChunks, wireCompletion, wireStream } from "./openai-wire.ts";

type Dialect = dialects.Dialect;
type Body = Record<string, unknown>;

/** The body that is sent for a request. */
async function send(dialect: Dialect, given: Partial<ProviderRequest>): Promise<Body> {
  let sent: Body = {};
  const remember: typeof fetch = async (_input, init) => {
    sent = JSON.parse(String(init?.body));
    const answer = { texts: [{ content: "Because" }] };
    return new Response(sent.stream ? wireStream(wireChunks(answer)) : wireCompletion(answer));
  };
  const provider = createOpenAIProvider({ baseUrl: "https://provider.test", fetch: remember, dialect });
  await readWholeAnswer(provider.chat(providerRequest({ stream: false, ...given })));
  return sent;
}

const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const everything: ProviderRequest["options"] = {
  temperature: 1.8,
  topP: 0.5,
  stop: ["END"],
  seed: -7,
  reasoningEffort: "minimal",
  tools: [{ name: "weather", description: "The weather there", parameters, strict: true }, { name: "now" }],
  toolChoice: { name: "weather" },
  parallelToolCalls: false,
  responseFormat: { type: "json_schema", name: "answer", schema: parameters, strict: true },
};

const noParameters = { type: "object", properties: {}, additionalProperties: false };
const weather = { name: "weather", description: "The weather there", parameters };
const strictTools = [
  { type: "function", function: { ...weather, strict: true } },
  { type: "function", function: { name: "now", parameters: noParameters } },
];

/** What every service is sent for `everything`. */
const shared = {
  model: "gpt-4o-mini",
  messages: [{ role: "user", content: "Why is the sky blue?" }],
  top_p: 0.5,
  stop: ["END"],
  tools: strictTools,
  tool_choice: { type: "function", function: { name: "weather" } },
  parallel_tool_calls: false,
  response_format: {
    type: "json_schema",
    json_schema: { name: "answer", schema: parameters, strict: true },
  },
  stream: true,
};
const usual = { ...shared, temperature: 1.8, seed: -7, stream_options: { include_usage: true } };
const { parallel_tool_calls: _parallel, seed: _seed, response_format: _format, ...plain } = usual;

const expected: Record<string, [Dialect, Body]> = {
  OpenAI: [
    dialects.openai,
    {
      ...usual,
      max_completion_tokens: 500,
      reasoning_effort: "minimal",
      service_tier: "default",
      stream_options: { include_usage: true, include_obfuscation: false },
    },
  ],
  OpenRouter: [
    dialects.openrouter,
    { ...usual, max_completion_tokens: 500, reasoning: { effort: "minimal" } },
  ],
  Glama: [dialects.glama, { ...usual, max_completion_tokens: 500, reasoning_effort: "minimal" }],
  Requesty: [dialects.requesty, { ...usual, max_tokens: 500, reasoning_effort: "min" }],
  Groq: [dialects.groq, { ...usual, max_completion_tokens: 500, reasoning_effort: "low" }],
  DeepSeek: [
    dialects.deepseek,
    {
      ...plain,
      max_tokens: 500,
      tools: [{ type: "function", function: weather }, strictTools[1]],
      thinking: { type: "enabled" },
      reasoning_effort: "minimal",
      response_format: { type: "json_object" },
    },
  ],
  Mistral: [
    dialects.mistral,
    { ...shared, max_tokens: 500, temperature: 1.5, random_seed: 7, reasoning_effort: "high" },
  ],
  xAI: [dialects.xai, { ...usual, max_completion_tokens: 500, reasoning_effort: "low" }],
  "a server of one's own": [dialects.selfHosted, { ...usual, max_tokens: 500, reasoning_effort: "minimal" }],
};

describe("each service is sent what it knows, and no more:", () => {
  test.each(Object.entries(expected))("%s", async (_name, [dialect, body]) => {
    // What a dialect refuses never gets this far.
    const options = dialect.takesJsonSchema
      ? everything
      : { ...everything, responseFormat: { type: "json_object" as const } };
    expect(await send(dialect, { options, stream: true })).toEqual(body);
  });

  test.each([
    [dialects.openai, { reasoning_effort: "none" }],
    [dialects.openrouter, { reasoning: { effort: "none" } }],
    [dialects.deepseek, { thinking: { type: "disabled" } }],
    [dialects.mistral, { reasoning_effort: "none" }],
  ])("no thinking, where none is wanted", async (dialect, members) => {
    const body = await send(dialect, { options: { reasoningEffort: "none" } });
    expect(body).toMatchObject(members);
    if ("thinking" in members) expect(body).not.toHaveProperty("reasoning_effort");
  });
});

describe("what a service cannot carry is known before it is called:", () => {
  const limitationsOf = (dialect: Dialect, given: Partial<ProviderRequest>) =>
    createOpenAIProvider({ baseUrl: "https://provider.test", fetch, dialect }).findLimitations(
      providerRequest(given),
    );

  test.each(Object.entries(expected).filter(([name]) => name !== "DeepSeek"))(
    "%s: nothing",
    (_name, [dialect]) => {
      expect(limitationsOf(dialect, { options: everything })).toEqual({ dropped: [], refused: null });
    },
  );

  test("DeepSeek: seeds and one call at a time are left out, a JSON schema is refused", () => {
    expect(limitationsOf(dialects.deepseek, { options: everything })).toEqual({
      dropped: ["seed", "parallelToolCalls"],
      refused: "options.responseFormat",
    });
    const options = { responseFormat: { type: "json_object" as const }, parallelToolCalls: true };
    expect(limitationsOf(dialects.deepseek, { options })).toEqual({ dropped: [], refused: null });
  });

  test("DeepSeek: thinking, where the thoughts behind a call of the history are lost", async () => {
    const messages = history("call_a");
    const options = { reasoningEffort: "high" as const };
    expect(limitationsOf(dialects.deepseek, { messages, options }).dropped).toEqual(["reasoningEffort"]);
    const body = await send(dialects.deepseek, { messages, options });
    expect(body).toMatchObject({ thinking: { type: "disabled" } });
    expect(body).not.toHaveProperty("reasoning_effort");
  });
});

/** A conversation in which a tool was called. */
function history(id: string, continuation?: string): ChatMessage[] {
  return [
    { role: "user", content: "Is it warm in Köln?" },
    {
      role: "assistant",
      content: "",
      toolCalls: [{ id, name: "weather", arguments: '{"city":"Köln"}' }],
      ...(continuation === undefined ? {} : { continuation }),
    },
    { role: "tool", toolCallId: id, content: "" },
  ];
}

describe("a conversation is carried whole:", () => {
  const call = (id: string) => ({
    id,
    type: "function",
    function: { name: "weather", arguments: '{"city":"Köln"}' },
  });

  test("text and images, of any role and in any order", async () => {
    const url = "data:image/png;base64,iVBORw0KGgo=";
    const messages: ChatMessage[] = [
      { role: "assistant", content: "Ask me." },
      { role: "system", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "image", url },
          { type: "image", url: "https://example.com/cat.jpg" },
        ],
      },
      { role: "user", content: "Well?" },
    ];
    expect((await send(dialects.openai, { messages })).messages).toEqual([
      messages[0],
      messages[1],
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "image_url", image_url: { url } },
          { type: "image_url", image_url: { url: "https://example.com/cat.jpg" } },
        ],
      },
      messages[3],
    ]);
  });

  test("tool calls and their results; a continuation of another provider is left out", async () => {
    const body = await send(dialects.openai, { messages: history("call_a", '{"provider":"anthropic"}') });
    expect(body.messages).toEqual([
      { role: "user", content: "Is it warm in Köln?" },
      { role: "assistant", content: null, tool_calls: [call("call_a")] },
      { role: "tool", tool_call_id: "call_a", content: "" },
    ]);
  });

  test.each([
    ["OpenAI", dialects.openai, "x".repeat(40), "x".repeat(41)],
    ["Mistral", dialects.mistral, "abcDEF789", "call_abc"],
  ])(
    "%s gets ids of calls that it accepts, the same for call and result",
    async (_name, dialect, good, bad) => {
      const idsOf = async (id: string) => {
        const { messages } = (await send(dialect, { messages: history(id) })) as {
          messages: [object, { tool_calls: [{ id: string }] }, { tool_call_id: string }];
        };
        expect(messages[2].tool_call_id).toBe(messages[1].tool_calls[0].id);
        return messages[2].tool_call_id;
      };
      expect(await idsOf(good)).toBe(good);
      expect(await idsOf(bad)).toMatch(/^[a-zA-Z0-9]{9}$/);
      expect(await idsOf(bad)).not.toBe(await idsOf(`${bad}.`));
    },
  );
});
