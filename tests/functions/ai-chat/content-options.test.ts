import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { type Format, formatNames, formats, signUpFor } from "../../support/provider-formats.ts";
import { joinText } from "../../support/read-events.ts";
import { readMetering } from "../../support/read-metering.ts";
import { joinReply, outlineOf } from "../../support/reply-client.ts";
import { watchBodies } from "../../support/sent-body.ts";

const sql = connectDatabase();
const provider = watchProvider();
const bodyOf = watchBodies();
let instance: ExtraFunction;
let chats: ReturnType<typeof createChatClient>;

beforeAll(async () => {
  instance = await startExtraFunction();
  chats = createChatClient(instance.url);
});
afterAll(() => instance.stop());

/** The options of a request, and what each format makes of them. */
const options = { maxTokens: 50, temperature: 0.3, topP: 0.9, stop: ["END", "STOP"], seed: 7 };
const openaiOptions = {
  max_completion_tokens: 50,
  temperature: 0.3,
  top_p: 0.9,
  stop: ["END", "STOP"],
  seed: 7,
};
const wireOptions: Record<Format, Record<string, unknown>> = {
  openai: openaiOptions,
  openrouter: openaiOptions,
  anthropic: { max_tokens: 50, temperature: 0.3, stop_sequences: ["END", "STOP"] },
  google: {
    generationConfig: {
      maxOutputTokens: 50,
      temperature: 0.3,
      topP: 0.9,
      stopSequences: ["END", "STOP"],
      seed: 7,
    },
  },
};
const droppedOptions: Partial<Record<Format, string[]>> = { anthropic: ["options.topP", "options.seed"] };

const effort = { reasoningEffort: "medium", maxTokens: 4000 };
const wireEffort: Record<Format, Record<string, unknown>> = {
  openai: { reasoning_effort: "medium" },
  openrouter: { reasoning: { effort: "medium" } },
  anthropic: { thinking: { type: "enabled", budget_tokens: 2000 }, max_tokens: 4000 },
  google: { generationConfig: { thinkingConfig: { thinkingBudget: 8192, includeThoughts: true } } },
};

const schema = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" }, kind: { enum: ["sun", "rain"] } },
  required: ["city", "days", "kind"],
  additionalProperties: false,
};
const responseFormat = { type: "json_schema", name: "forecast", schema, strict: true };
const openaiSchema = {
  response_format: { type: "json_schema", json_schema: { name: "forecast", schema, strict: true } },
};
const wireSchema: Record<Format, Record<string, unknown>> = {
  openai: openaiSchema,
  openrouter: openaiSchema,
  anthropic: { output_config: { format: { type: "json_schema", schema } } },
  google: { generationConfig: { responseMimeType: "application/json", responseJsonSchema: schema } },
};

/** Where each format has what the system says. */
const wireSystem: Record<Format, Record<string, unknown>> = {
  openai: { messages: [{ role: "system", content: "Be brief." }, { role: "user" }] },
  openrouter: { messages: [{ role: "system", content: "Be brief." }, { role: "user" }] },
  anthropic: { system: [{ type: "text", text: "Be brief." }], messages: [{ role: "user" }] },
  google: { systemInstruction: { parts: [{ text: "Be brief." }] }, contents: [{ role: "user" }] },
};

describe.each(formatNames)("over %s", (format) => {
  test("an answer in one piece and a stream say and cost the same", async () => {
    const caller = await signUpFor(sql, format, { simulate: "tokens=40;cached=3" });
    const message = "Tell me of tides, 東京 and 🌊.";
    const { status, result } = await chats.ask(caller, { message });
    expect([status, result.provider, result.content.startsWith("You said: Tell me of tides,")]).toEqual([
      ...[200, format, true],
    ]);
    const events = await chats.stream(caller, { message });
    expect(outlineOf(events)).toEqual(["start", "chunk", "done"]);
    expect(joinText(events)).toBe(result.content);
    const { usage, costNano, finishReason, estimated } = result;
    expect(events.at(-1)).toMatchObject({ data: { usage, costNano, finishReason, estimated } });
    expect(usage).toMatchObject({ cacheReadTokens: 3, cacheWriteTokens: 0, outputTokens: 40 });
    expect(estimated).toBe(false);
  });

  test("what was said before goes along, and what the system said in its own place", async () => {
    const caller = await signUpFor(sql, format);
    const [first, second] = [randomUUID(), randomUUID()];
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: first },
    ];
    const { result } = await chats.ask(caller, { messages });
    expect(await bodyOf(first)).toMatchObject(wireSystem[format]);
    const { conversationId } = result;
    expect((await chats.ask(caller, { message: second, conversationId })).status).toBe(200);
    const [call] = await provider.findCalls(second);
    expect(call?.prompt).toBe(["Be brief.", first, result.content, second].join("\n"));
  });

  test("options reach the provider, and those that it does not know are named", async () => {
    const caller = await signUpFor(sql, format);
    const dropped = droppedOptions[format] ?? [];
    for (const stream of [false, true]) {
      const message = randomUUID();
      const { events, headers, told } = await askEitherWay(caller, { message, options }, stream);
      const body = await bodyOf(message);
      expect(body).toMatchObject(wireOptions[format]);
      if (format === "anthropic") for (const name of ["top_p", "seed"]) expect(body).not.toHaveProperty(name);
      for (const { warnings } of told) expect(warnings.map(({ param }) => param)).toEqual(dropped);
      for (const { message: why } of told[0]?.warnings ?? []) expect(why).toMatch(/left out\.$/);
      expect(headers.get("x-sluice-warnings")).toBe(dropped.length > 0 ? dropped.join(",") : null);
      expect(events).toBe(stream ? 2 : 1);
    }
  });

  test("options that the catalogue denies the model are left out and named, whatever the provider", async () => {
    const caller = await signUpFor(sql, format, { supportedParameters: ["max_tokens", "stop"] });
    const message = randomUUID();
    const { result, headers } = await chats.ask(caller, {
      message,
      options: { ...options, reasoningEffort: "low" },
    });
    const names = ["temperature", "topP", "seed", "reasoningEffort"].map((name) => `options.${name}`);
    expect(result.warnings.map(({ param }) => param)).toEqual(names);
    expect(headers.get("x-sluice-warnings")).toBe(names.join(","));
    const sent = JSON.stringify(await bodyOf(message));
    expect(sent).not.toMatch(/temperature|top_?p|seed|reasoning|thinking/i);
    expect(sent).toContain("END");
  });

  test("effort reaches the provider, and thoughts that it shows come before the answer", async () => {
    const caller = await signUpFor(sql, format, { simulate: "reasoning=8;reasoning_text;tokens=20" });
    const [message, streamed] = [randomUUID(), randomUUID()];
    const { result } = await chats.ask(caller, { message, options: effort });
    expect(await bodyOf(message)).toMatchObject(wireEffort[format]);
    const events = await chats.stream(caller, { message: streamed, options: effort });
    expect(outlineOf(events)).toEqual(["start", "reasoning", "chunk", "done"]);
    expect(joinReply(events).reasoning).toMatch(/^Hm, /);
    expect(result.reasoning).toMatch(/^Hm, /);
    expect(result.reasoning).not.toContain("You said");
    for (const { usage } of [result, events.at(-1)?.data as typeof result])
      expect(usage).toMatchObject({ outputTokens: 28, reasoningTokens: 8 });
  });

  test("an answer that is held to a schema satisfies it", async () => {
    const caller = await signUpFor(sql, format);
    const message = randomUUID();
    const { status, result } = await chats.ask(caller, { message, options: { responseFormat } });
    expect([status, result.finishReason]).toEqual([200, "stop"]);
    expect(await bodyOf(message)).toMatchObject(wireSchema[format]);
    expect(JSON.parse(result.content)).toEqual({
      city: expect.any(String),
      days: expect.any(Number),
      kind: expect.stringMatching(/^(sun|rain)$/),
    });
  });

  test("an answer that is held to JSON is JSON, or refused where the provider has no such thing", async () => {
    const caller = await signUpFor(sql, format);
    const message = randomUUID();
    const { status, result, error } = await chats.ask(caller, {
      message,
      options: { responseFormat: { type: "json_object" } },
    });
    if (format !== "anthropic") {
      expect(status).toBe(200);
      expect(JSON.parse(result.content)).toEqual(expect.any(Object));
      return;
    }
    expect([status, error.code, error.param]).toEqual([
      400,
      "unsupported_parameter",
      "options.responseFormat",
    ]);
    expect(await provider.findCalls(message)).toEqual([]);
    await expect
      .poll(() => readMetering(sql, caller.userId))
      .toMatchObject({ ledger: [], windows: Array(3).fill({ used: 0, held: 0 }) });
  });

  test("an answer that reaches the limit of its tokens says so", async () => {
    const caller = await signUpFor(sql, format);
    const { result } = await chats.ask(caller, { message: "Hello", options: { maxTokens: 5 } });
    expect(result).toMatchObject({ finishReason: "length", usage: { outputTokens: 5 } });
  });
});

test("a model of two providers goes to the one that can do what is asked", async () => {
  const caller = await signUpFor(sql, "anthropic", {
    routes: [
      { provider: "anthropic", upstream: formats.anthropic },
      { provider: "google", upstream: formats.google, priority: 1 },
    ],
  });
  const { result } = await chats.ask(caller, {
    message: "Hello",
    options: { responseFormat: { type: "json_object" } },
  });
  expect(result).toMatchObject({ provider: "google", attempts: 1, warnings: [] });
  const plain = await chats.ask(caller, { message: "Hello", options: { seed: 1 } });
  expect(plain.result).toMatchObject({ provider: "anthropic", warnings: [{ param: "options.seed" }] });
});

/** A chat in one piece or as a stream: all that tells of warnings. */
async function askEitherWay(caller: { token: string }, request: Record<string, unknown>, stream: boolean) {
  if (!stream) {
    const { result, headers } = await chats.ask(caller, request);
    return { headers, told: [result], events: 1 };
  }
  const { events, headers } = await chats.open(caller, request);
  const told = [];
  for await (const event of events)
    if (event.type === "start" || event.type === "done") told.push(event.data);
  return { headers, told, events: told.length };
}
