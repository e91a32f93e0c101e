import { randomUUID } from "node:crypto";
import { OpenAI } from "openai";
import { describe, expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { connectOpenAI, type Extras } from "../../support/openai-client.ts";
import { signUp, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { readMetering } from "../../support/read-metering.ts";

const sql = connectDatabase();
const chats = createChatClient();
const provider = watchProvider();

describe("models", () => {
  test("are those of the caller's plan", async () => {
    const caller = await signUpCaller(sql);
    const { data } = await connectOpenAI(caller).models.list();
    expect(data).toEqual([
      { id: caller.modelId, object: "model", created: expect.any(Number), owned_by: "test" },
    ]);
    expect(Math.abs((data[0]?.created ?? 0) - Date.now() / 1000)).toBeLessThan(600);
    const free: string[] = [];
    for await (const { id } of connectOpenAI(await signUp()).models.list()) free.push(id);
    expect(free).toEqual(expect.arrayContaining(["openai/gpt-4.1-nano", "openai/gpt-4o-mini"]));
    expect(free).not.toContain("openai/gpt-4o");
  });

  test("are found by their ids, with the slash as the client sends it and as it is", async () => {
    const caller = await signUpCaller(sql);
    const model = await connectOpenAI(caller).models.retrieve(caller.modelId);
    expect(model).toMatchObject({ id: caller.modelId, object: "model", owned_by: "test" });
    const { body } = await chats.request(caller, "GET", `/v1/models/${caller.modelId}`);
    expect(body).toEqual(JSON.parse(JSON.stringify(model)));
  });

  test.each(["openai/gpt-4o", "nobody/nothing", "x"])(
    "that the plan has not are not found: %s",
    async (id) => {
      const caller = await signUpCaller(sql);
      const error = await connectOpenAI(caller)
        .models.retrieve(id)
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(OpenAI.NotFoundError);
      expect(error).toMatchObject({ code: "model_not_found" });
    },
  );

  test("are told to people who are signed in", async () => {
    const client = connectOpenAI({ token: "none" });
    await expect(client.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
    await expect(client.models.retrieve("openai/gpt-4o")).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
  });
});

describe("embeddings", () => {
  async function signUpEmbedder(simulate?: string) {
    const caller = await signUpCaller(sql, { ...(simulate ? { simulate } : {}), outputUsd: "0" });
    await sql`update private.models set output_modalities = '{embeddings}' where id = ${caller.modelId}`;
    return caller;
  }

  test("are the same numbers however the client asks for them, and are charged", async () => {
    const caller = await signUpEmbedder();
    const client = connectOpenAI(caller);
    const request = { model: caller.modelId, input: ["The tide comes.", "The tide goes."], dimensions: 8 };
    const coded = await client.embeddings.create(request);
    const plain = await client.embeddings.create({ ...request, encoding_format: "float" });
    expect(coded.data.map(({ embedding }) => embedding.length)).toEqual([8, 8]);
    for (const [index, { embedding }] of plain.data.entries())
      expect([...(coded.data[index]?.embedding ?? [])]).toEqual([...new Float32Array(embedding)]);
    expect(coded.data[0]?.embedding).not.toEqual(coded.data[1]?.embedding);

    const { ledger } = await readMetering(sql, caller.userId);
    expect(ledger).toHaveLength(2);
    const tokens = ledger[0]?.input_tokens;
    expect(coded).toMatchObject({
      object: "list",
      model: caller.modelId,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
      sluice: { provider: "openai", attempts: 1, costNano: ledger[0]?.cost_nano },
    });
  });

  test("of a model that writes text are refused, and so are chats with one that does not", async () => {
    const [writer, embedder] = [await signUpCaller(sql), await signUpEmbedder()];
    const embedded = await connectOpenAI(writer)
      .embeddings.create({ model: writer.modelId, input: "Hello" })
      .catch((thrown: unknown) => thrown);
    expect(embedded).toBeInstanceOf(OpenAI.BadRequestError);
    const chatted = await connectOpenAI(embedder)
      .chat.completions.create({ model: embedder.modelId, messages: [{ role: "user", content: "Hello" }] })
      .catch((thrown: unknown) => thrown);
    expect(chatted).toBeInstanceOf(OpenAI.BadRequestError);
    for (const { userId } of [writer, embedder]) expect((await readMetering(sql, userId)).ledger).toEqual([]);
  });

  test("of numbers of tokens are refused by name", async () => {
    const caller = await signUpEmbedder();
    const error = await connectOpenAI(caller)
      .embeddings.create({ model: caller.modelId, input: [1, 2, 3] })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 400, code: "unsupported_parameter", param: "input" });
  });
});

describe("text completions", () => {
  test("are chats of one message, in one piece and as a stream", async () => {
    const caller = await signUpCaller(sql, { simulate: "tokens=40" });
    const marker = randomUUID();
    const client = connectOpenAI(caller);
    const request = { model: caller.modelId, prompt: marker, max_tokens: 30 };
    const whole = (await client.completions.create(request)) as OpenAI.Completion & Extras;
    expect(whole).toMatchObject({
      id: expect.stringMatching(/^cmpl-/),
      object: "text_completion",
      model: caller.modelId,
      choices: [{ index: 0, text: expect.stringContaining(marker), logprobs: null, finish_reason: "length" }],
      usage: { completion_tokens: 30 },
      sluice: { provider: "openai" },
    });
    const stream = await client.completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks: OpenAI.Completion[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.map(({ choices }) => choices[0]?.text ?? "").join("")).toBe(whole.choices[0]?.text);
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("length");
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage, sluice: whole.sluice && {} });
    const calls = await provider.findCalls(marker);
    expect(calls.map(({ maxTokens }) => maxTokens)).toEqual([30, 30]);
  });
});

test.each([
  ["GET", "/v1/chat/completions", "POST"],
  ["DELETE", "/v1/models/openai/gpt-4o", "GET"],
  ["POST", "/v1/models", "GET"],
  ["GET", "/v1/embeddings", "POST"],
  ["PUT", "/v1/completions", "POST"],
])("%s %s is a 405 that names the methods", async (method, path, allowed) => {
  const person = await signUp();
  const { status, headers, body } = await chats.request(person, method, path);
  expect([status, headers.get("allow"), body.error.code]).toEqual([405, allowed, "method_not_allowed"]);
});

test.each(["/v1", "/v1/responses", "/v1/chat", "/v2/models"])("%s is a 404", async (path) => {
  const person = await signUp();
  const { status, body } = await chats.request(person, "GET", path);
  expect([status, body.error.code]).toEqual([404, "not_found"]);
});
