import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import type { ChatMessage } from "../../../shared/domain/chat-message.ts";
import { createAnthropicProvider } from "../../../shared/providers/anthropic.ts";
import type { ProviderRequest } from "../../../shared/providers/provider.ts";
import { startServer } from "../start-server.ts";
import { send, sendBody } from "./anthropic-sent.ts";
import { askAnthropic, wireEvents, wireMessage, wireStream } from "./anthropic-wire.ts";
import { providerRequest, readWholeAnswer, testCredential } from "./ask-provider.ts";
import { answerWith } from "./openai-wire.ts";

type Options = ProviderRequest["options"];

const text = (content: string) => ({ type: "text", text: content });
const user = (content: string): ChatMessage => ({ role: "user", content });
const weather = { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } };

describe("what is sent is what was held, and no more:", () => {
  const messages: ChatMessage[] = [user("Why?"), { role: "assistant", content: "Light." }, user("世界")];
  const sent = {
    model: "claude-sonnet-4-5",
    max_tokens: 321,
    messages: [
      { role: "user", content: [text("Why?")] },
      { role: "assistant", content: [text("Light.")] },
      { role: "user", content: [text("世界")] },
    ],
  };

  test("a stream", async () => {
    const { method, url, body } = await send({ messages, maxOutputTokens: 321, stream: true });
    expect({ method, url }).toEqual({ method: "POST", url: "/v1/messages" });
    expect(body).toEqual({ ...sent, stream: true });
  });

  test("one piece", async () => {
    expect(await sendBody({ messages, maxOutputTokens: 321 })).toEqual(sent);
  });

  test("the key of the credential in its header and nowhere else, and the version that heeds a temperature", async () => {
    const { headers, url, body } = await send({ credential: testCredential("sk-ant-Canary_0123456789") });
    expect(headers["x-api-key"]).toBe("sk-ant-Canary_0123456789");
    expect(headers["anthropic-version"]).toBe("2023-06-01");
    expect(JSON.stringify({ ...headers, "x-api-key": undefined, url, body })).not.toContain("Canary");
  });
});

describe("options:", () => {
  test.each<[Options, object]>([
    [{ temperature: 0 }, { temperature: 0 }],
    [{ temperature: 1.5 }, { temperature: 1 }],
    [{ topP: 0.5 }, { top_p: 0.5 }],
    [{ temperature: 0.3, topP: 0.5 }, { temperature: 0.3 }],
    [{ stop: ["\n", "END"] }, { stop_sequences: ["\n", "END"] }],
    [{ seed: 7 }, {}],
    [{ toolChoice: "none" }, {}],
    [{ parallelToolCalls: false }, {}],
  ])("%j is sent as %j", async (options, expected) => {
    const { model, max_tokens, messages, ...rest } = await sendBody({ options });
    expect(rest).toEqual(expected);
  });

  test("an answer that follows a schema: objects are closed where the schema leaves them open", async () => {
    const schema = {
      type: "object",
      properties: {
        open: { type: ["object", "null"], properties: { type: { type: "string" } } },
        closed: { type: "array", items: { type: "object", additionalProperties: false } },
        map: { type: "object", additionalProperties: { type: "number" } },
      },
      $defs: { part: { anyOf: [{ type: "object" }, { type: "null" }] } },
    };
    const responseFormat = { type: "json_schema" as const, name: "weather", schema, strict: true };
    expect((await sendBody({ options: { responseFormat } })).output_config).toEqual({
      format: {
        type: "json_schema",
        schema: {
          type: "object",
          properties: {
            open: {
              type: ["object", "null"],
              properties: { type: { type: "string" } },
              additionalProperties: false,
            },
            closed: { type: "array", items: { type: "object", additionalProperties: false } },
            map: { type: "object", additionalProperties: { type: "number" } },
          },
          $defs: { part: { anyOf: [{ type: "object", additionalProperties: false }, { type: "null" }] } },
          additionalProperties: false,
        },
      },
    });
  });

  test.each<[Options, object | undefined]>([
    [{}, undefined],
    [{ toolChoice: "auto" }, { type: "auto" }],
    [{ toolChoice: "none" }, { type: "none" }],
    [{ toolChoice: "required" }, { type: "any" }],
    [{ toolChoice: { name: "weather" } }, { type: "tool", name: "weather" }],
    [{ parallelToolCalls: true }, undefined],
    [{ parallelToolCalls: false }, { type: "auto", disable_parallel_tool_use: true }],
    [
      { toolChoice: "required", parallelToolCalls: false },
      { type: "any", disable_parallel_tool_use: true },
    ],
    [{ toolChoice: "none", parallelToolCalls: false }, { type: "none" }],
  ])("with tools, %j is sent as %j", async (options, expected) => {
    expect((await sendBody({ options: { ...options, tools: [weather] } })).tool_choice).toEqual(expected);
  });

  test("tools, with and without what is optional", async () => {
    const tools = [{ ...weather, description: "Tells the weather.", strict: true }, { name: "time" }];
    expect((await sendBody({ options: { tools } })).tools).toEqual([
      { name: "weather", description: "Tells the weather.", input_schema: weather.parameters, strict: true },
      { name: "time", input_schema: { type: "object" } },
    ]);
  });

  test.each<[Options, ReturnType<ReturnType<typeof createAnthropicProvider>["findLimitations"]>]>([
    [{}, { dropped: [], refused: null }],
    [
      { temperature: 1.5, stop: ["END"], tools: [weather] },
      { dropped: [], refused: null },
    ],
    [{ seed: 0 }, { dropped: ["seed"], refused: null }],
    [
      { temperature: 0, topP: 0 },
      { dropped: ["topP"], refused: null },
    ],
    [
      { reasoningEffort: "none", temperature: 0 },
      { dropped: [], refused: null },
    ],
    [
      { reasoningEffort: "low", temperature: 0, topP: 0.9 },
      { dropped: ["temperature", "topP"], refused: null },
    ],
    [
      { reasoningEffort: "low", topP: 0.95 },
      { dropped: [], refused: null },
    ],
    [
      { reasoningEffort: "high", toolChoice: "required", tools: [weather], temperature: 0.5 },
      { dropped: ["reasoningEffort"], refused: null },
    ],
    [{ responseFormat: { type: "json_object" } }, { dropped: [], refused: "options.responseFormat" }],
    [
      { responseFormat: { type: "json_schema", name: "a", schema: { type: "object" } } },
      { dropped: [], refused: null },
    ],
  ])("of %j cannot be carried: %j", (options, expected) => {
    const outline = { upstreamModel: "claude-haiku-4-5", messages: [], maxOutputTokens: 4096 };
    const provider = createAnthropicProvider({ baseUrl: "https://provider.test", fetch });
    expect(provider.findLimitations({ ...outline, options })).toEqual(expected);
  });
});

test("two chats with one key send the same headers: none that a provider could take for one chat sent twice", async () => {
  const seen: IncomingMessage["headers"][] = [];
  const url = await startServer((request, response) => {
    const { "content-length": _, ...headers } = request.headers;
    seen.push(headers);
    request.resume();
    response.end(wireStream(wireEvents({ content: [] })));
  });
  const provider = createAnthropicProvider({ baseUrl: url, fetch });
  const credential = testCredential();
  for (const content of ["one", "two"])
    await readWholeAnswer(provider.chat(providerRequest({ credential, messages: [user(content)] })));
  expect(seen[1]).toEqual(seen[0]);
  expect(Object.keys(seen[0] ?? {}).filter((name) => /idempotency|request-id/.test(name))).toEqual([]);
});

test("a key is taken out of its wrapping once, however many chats it serves", async () => {
  const url = await startServer(answerWith(wireMessage({ content: [] })));
  const provider = createAnthropicProvider({ baseUrl: url, fetch });
  const { id, key } = testCredential();
  let reveals = 0;
  const reveal = () => {
    reveals++;
    return key.reveal();
  };
  const credential = { id, key: { ...key, reveal } };
  const ask = () => readWholeAnswer(provider.chat(providerRequest({ credential, stream: false })));
  await ask();
  const revealsOfFirst = reveals;
  await ask();
  expect({ revealsOfFirst, reveals }).toEqual({ revealsOfFirst: 1, reveals: 1 });
});

test("each credential sends its own key, however often they take turns", async () => {
  const seen: unknown[] = [];
  const url = await startServer((request, response) => {
    seen.push(request.headers["x-api-key"]);
    request.resume();
    response.end(wireStream(wireEvents({ content: [] })));
  });
  const provider = createAnthropicProvider({ baseUrl: url, fetch });
  const [one, two] = [testCredential("sk-one"), testCredential("sk-two")];
  for (const credential of [one, two, one, two])
    await readWholeAnswer(provider.chat(providerRequest({ credential })));
  expect(seen).toEqual(["sk-one", "sk-two", "sk-one", "sk-two"]);
});

test("an aborted call ends at once and closes its connection", async () => {
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<IncomingMessage>();
  const url = await startServer((request) => arrive(request));
  const controller = new AbortController();
  const answer = askAnthropic(url, { signal: controller.signal });
  const request = await arrived;
  const closed = once(request.socket, "close");
  controller.abort(new Error("too late"));
  await expect(answer).rejects.toThrow();
  await closed;
});
