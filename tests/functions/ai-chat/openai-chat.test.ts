import { randomUUID } from "node:crypto";
import type { OpenAI } from "openai";
import { expect, test } from "vitest";
import { connectDatabase } from "../../support/connect-database.ts";
import { lockAccount } from "../../support/lock-account.ts";
import { connectOpenAI, type Extras, openaiBaseUrl } from "../../support/openai-client.ts";
import { signUp, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { readMetering } from "../../support/read-metering.ts";

type Chunk = OpenAI.ChatCompletionChunk & Extras;

const sql = connectDatabase();
const provider = watchProvider();
const say = (content: string) => [{ role: "user" as const, content }];
const finishOf = (chunk: Chunk) => chunk.choices[0]?.finish_reason ?? null;
const textOf = (chunks: Chunk[]) => chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("");

test("an unchanged client gets an answer in one piece, and who served it and what it cost", async () => {
  const caller = await signUpCaller(sql, { simulate: "tokens=40;cached=5;reasoning=7" });
  const { data, response } = await connectOpenAI(caller)
    .chat.completions.create({ model: caller.modelId, messages: say("Tell me of tides."), max_tokens: 100 })
    .withResponse();
  const { choices, usage, sluice, ...rest } = data as OpenAI.ChatCompletion & Extras;

  const id = response.headers.get("x-request-id");
  expect(rest).toEqual({
    id: `chatcmpl-${id}`,
    object: "chat.completion",
    created: expect.any(Number),
    model: caller.modelId,
  });
  expect(Math.abs(rest.created - Date.now() / 1000)).toBeLessThan(60);
  expect(choices).toEqual([
    {
      index: 0,
      message: {
        role: "assistant",
        content: expect.stringMatching(/^You said: Tell me of tides\./),
        refusal: null,
      },
      logprobs: null,
      finish_reason: "stop",
    },
  ]);
  const { ledger } = await readMetering(sql, caller.userId);
  const [row] = ledger;
  expect(ledger).toMatchObject([
    { hold_id: id, outcome: "completed", cache_read_tokens: 5, output_tokens: 47 },
  ]);
  const promptTokens = (row?.input_tokens ?? 0) + 5;
  expect(usage).toEqual({
    prompt_tokens: promptTokens,
    completion_tokens: 47,
    total_tokens: promptTokens + 47,
    prompt_tokens_details: { cached_tokens: 5, cache_write_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 7 },
  });
  expect(sluice).toMatchObject({
    provider: "openai",
    credential: "environment",
    attempts: 1,
    costNano: row?.cost_nano,
    estimated: false,
    warnings: [],
  });
  expect(sluice?.limits).toHaveLength(3);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "x-sluice-model": caller.modelId,
    "x-sluice-provider": "openai",
    "x-sluice-attempts": "1",
    "x-sluice-credential": "environment",
  });
  expect(response.headers.has("x-sluice-warnings")).toBe(false);
  expect(await sql`select from public.conversations where user_id = ${caller.userId}`).toHaveLength(0);
});

test.each([false, true])(
  "a stream says the same as an answer in one piece (usage asked for: %j)",
  async (ask) => {
    const caller = await signUpCaller(sql, { simulate: "tokens=60;reasoning=3" });
    const client = connectOpenAI(caller);
    const request = { model: caller.modelId, messages: say("Tell me of tides.") };
    const whole = (await client.chat.completions.create(request)) as OpenAI.ChatCompletion & Extras;
    const { data: stream, response } = await client.chat.completions
      .create({ ...request, stream: true, ...(ask ? { stream_options: { include_usage: true } } : {}) })
      .withResponse();
    const chunks: Chunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);

    expect(chunks[0]?.choices[0]?.delta).toEqual({ role: "assistant", content: "", refusal: null });
    expect(textOf(chunks)).toBe(whole.choices[0]?.message.content);
    expect(chunks.filter((chunk) => finishOf(chunk) !== null)).toHaveLength(1);
    const head = {
      id: `chatcmpl-${response.headers.get("x-request-id")}`,
      object: "chat.completion.chunk",
      created: chunks[0]?.created,
      model: caller.modelId,
    };
    for (const chunk of chunks) expect(chunk).toMatchObject(head);
    const last = chunks.at(-1);
    expect(last?.sluice).toMatchObject({
      provider: "openai",
      costNano: whole.sluice?.costNano,
      estimated: false,
    });
    expect(chunks.slice(0, -1).some(({ sluice }) => sluice !== undefined)).toBe(false);
    if (ask) {
      expect(last).toMatchObject({ choices: [], usage: whole.usage });
      expect(finishOf(chunks.at(-2) as Chunk)).toBe("stop");
      for (const chunk of chunks.slice(0, -1)) expect(chunk.usage).toBeNull();
    } else {
      expect(finishOf(last as Chunk)).toBe("stop");
      for (const chunk of chunks) expect(chunk).not.toHaveProperty("usage");
    }
    expect(response.headers.get("x-sluice-provider")).toBe("openai");
  },
);

test("a stream is data lines that end with [DONE]", async () => {
  const caller = await signUpCaller(sql, { simulate: "tokens=3" });
  const response = await fetch(`${openaiBaseUrl()}/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${caller.token}` },
    body: JSON.stringify({ model: caller.modelId, messages: say("Hello"), stream: true }),
  });
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const events = (await response.text()).split("\n\n");
  expect(events.slice(-2)).toEqual(["data: [DONE]", ""]);
  for (const event of events.slice(0, -2)) expect(event).toMatch(/^data: \{"id":.*\}$/);
});

test("a stream says that it is complete only when the ledger has it", async () => {
  const hold = randomUUID();
  const caller = await signUpCaller(sql, { simulate: `tokens=5;hold=${hold}` });
  const stream = await connectOpenAI(caller).chat.completions.create({
    model: caller.modelId,
    messages: say(hold),
    stream: true,
  });
  const chunks: Chunk[] = [];
  const read = (async () => {
    for await (const chunk of stream) chunks.push(chunk);
  })();
  await expect.poll(() => textOf(chunks)).not.toBe("");
  const lock = await lockAccount(sql, caller.userId);
  await provider.release(hold);
  await lock.waitForBlocked(1);
  // The answer is complete, and its settlement waits.
  expect(chunks.filter((chunk) => finishOf(chunk) !== null)).toEqual([]);
  expect((await readMetering(sql, caller.userId)).ledger).toEqual([]);
  await lock.release();
  await read;
  expect(finishOf(chunks.at(-1) as Chunk)).toBe("stop");
});

test("a client that hangs up pays for its answer once, which is read to its end", async () => {
  const hold = randomUUID();
  const caller = await signUpCaller(sql, { simulate: `tokens=30;hold=${hold}` });
  const stream = await connectOpenAI(caller).chat.completions.create({
    model: caller.modelId,
    messages: say(hold),
    stream: true,
  });
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
  await provider.release(hold);
  const call = await provider.waitForCall(hold, "completed");
  await expect
    .poll(async () => (await readMetering(sql, caller.userId)).ledger)
    .toMatchObject([{ outcome: "completed", estimated: false, output_tokens: call.usage?.outputTokens }]);
});

test("a request without a model gets the plan's own, and what was said before comes with the request alone", async () => {
  const person = await signUp();
  const [first, second] = [randomUUID(), randomUUID()];
  const client = connectOpenAI(person);
  const messages: OpenAI.ChatCompletionMessageParam[] = [
    { role: "developer", content: "Be brief." },
    { role: "user", content: [{ type: "text", text: first }] },
  ];
  const { choices, model } = await client.chat.completions.create({ messages } as never);
  expect(model).toBe("openai/gpt-4o-mini");
  const answer = choices[0]?.message as OpenAI.ChatCompletionMessage;
  await client.chat.completions.create({ model, messages: [...messages, answer, ...say(second)] });
  const [call] = await provider.findCalls(second);
  expect(call?.prompt).toBe(["Be brief.", first, answer.content, second].join("\n"));
});

test("what the model does not take is left out, and named as the client named it", async () => {
  const caller = await signUpCaller(sql, { simulate: "tokens=3" });
  await sql`update private.models set supported_parameters = '{max_tokens}' where id = ${caller.modelId}`;
  const { data, response } = await connectOpenAI(caller)
    .chat.completions.create({
      model: caller.modelId,
      messages: [{ role: "user", content: "Hello", name: "Ada" }],
      top_p: 0.5,
      seed: 7,
    })
    .withResponse();
  const names = ["messages.name", "seed", "top_p"];
  expect(response.headers.get("x-sluice-warnings")?.split(",").toSorted()).toEqual(names);
  const { sluice } = data as OpenAI.ChatCompletion & Extras;
  expect(sluice?.warnings.map(({ param }) => param).toSorted()).toEqual(names);
});
