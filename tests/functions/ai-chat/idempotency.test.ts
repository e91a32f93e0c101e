import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { connectOpenAI } from "../../support/openai-client.ts";
import { type Caller, signUp, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { joinText, readEvents, readRest, waitForEvent } from "../../support/read-events.ts";
import { readMetering, untouched } from "../../support/read-metering.ts";

const sql = connectDatabase();
const chats = createChatClient();
const provider = watchProvider();

type Body = Record<string, unknown>;

/** Sends a chat under a key. */
function send(caller: { token: string }, key: string, body: Body, path = ""): Promise<Response> {
  const headers = { "idempotency-key": key };
  return chats.send(path, { token: caller.token, method: "POST", body: JSON.stringify(body), headers });
}

/** The same, with its answer in one piece. */
async function ask(caller: { token: string }, key: string, body: Body, path = "") {
  const response = await send(caller, key, body, path);
  const answer = await response.json();
  return { status: response.status, headers: response.headers, answer, error: answer.error };
}

const isReplay = ({ headers }: { headers: Headers }) => headers.get("idempotent-replayed");

/** Expects that all that somebody sent came to one provider call and one charge of it. */
async function expectOneCharge({ userId }: Caller, marker: string): Promise<void> {
  expect(await provider.findCalls(marker)).toHaveLength(1);
  const { holds, ledger, windows } = await readMetering(sql, userId);
  expect([holds.length, ledger.length]).toEqual([1, 1]);
  expect(windows).toMatchObject([
    { unit: "requests", used: 1, held: 0 },
    { unit: "tokens", held: 0 },
    { unit: "nano_usd", used: ledger[0]?.cost_nano, held: 0 },
  ]);
}

const endpoints: [path: string, bodyOf: (text: string) => Body][] = [
  ["", (message) => ({ message })],
  ["/v1/chat/completions", (content) => ({ messages: [{ role: "user", content }] })],
  ["/v1/completions", (prompt) => ({ prompt })],
];

/** What an answer tells for good: not what is left of limits, whose key served it and when it was written. */
function lastingOf({ limits: _, credential: __, created: ___, sluice, ...answer }: Body): Body {
  return sluice === undefined ? answer : { ...answer, sluice: lastingOf(sluice as Body) };
}

describe("a request that is sent again under its Idempotency-Key", () => {
  test.each(endpoints)(
    "gets the first answer again from POST ai-chat%s, and is paid for once",
    async (path, bodyOf) => {
      const caller = await signUpCaller(sql);
      const [key, marker] = [randomUUID(), randomUUID()];
      const body = { model: caller.modelId, ...bodyOf(marker) };
      const first = await ask(caller, key, body, path);
      expect([first.status, isReplay(first)]).toEqual([200, null]);
      for (const again of [await ask(caller, key, body, path), await ask(caller, key, body, path)]) {
        expect([again.status, isReplay(again)]).toEqual([200, "true"]);
        expect(lastingOf(again.answer)).toEqual(lastingOf(first.answer));
        for (const name of ["model", "provider", "attempts"])
          expect(again.headers.get(`x-sluice-${name}`)).toBe(first.headers.get(`x-sluice-${name}`));
      }
      expect(JSON.stringify(first.answer)).toContain(`You said: ${marker}`);
      await expectOneCharge(caller, marker);
    },
  );

  test("gets the same stream again: a start, the whole text and done", async () => {
    const caller = await signUpCaller(sql);
    const [key, marker] = [randomUUID(), randomUUID()];
    const stream = async () => {
      const response = await send(caller, key, { message: marker, stream: true });
      return { headers: response.headers, events: await readRest(readEvents(response.body)) };
    };
    const [first, again] = [await stream(), await stream()];
    expect([isReplay(first), isReplay(again)]).toEqual([null, "true"]);
    expect(again.events.map(({ type }) => type)).toEqual(["start", "chunk", "done"]);
    expect(joinText(again.events)).toBe(joinText(first.events));
    for (const at of [0, -1]) {
      const [told, toldAgain] = [first.events.at(at), again.events.at(at)] as { type: string; data: Body }[];
      expect(toldAgain?.type).toBe(told?.type);
      expect(lastingOf(toldAgain?.data ?? {})).toEqual(lastingOf(told?.data ?? {}));
    }
    await expectOneCharge(caller, marker);
  });

  test("gets the same stream again in OpenAI's shape, by OpenAI's client", async () => {
    const caller = await signUpCaller(sql);
    const [key, marker] = [randomUUID(), randomUUID()];
    const { chat } = connectOpenAI(caller, { defaultHeaders: { "Idempotency-Key": key } });
    const stream = async () => {
      const request = { model: caller.modelId, messages: [{ role: "user", content: marker }], stream: true };
      const { data, response } = await chat.completions
        .create(request as Parameters<typeof chat.completions.create>[0] & { stream: true })
        .withResponse();
      const ids = new Set<string>();
      let text = "";
      let finish: string | null | undefined;
      for await (const { id, choices } of data) {
        ids.add(id);
        text += choices[0]?.delta.content ?? "";
        finish = choices[0]?.finish_reason ?? finish;
      }
      return { replayed: response.headers.get("idempotent-replayed"), ids: [...ids], text, finish };
    };
    const first = await stream();
    expect(first).toMatchObject({ replayed: null, text: expect.stringContaining(marker), finish: "stop" });
    expect(await stream()).toEqual({ ...first, replayed: "true" });
    await expectOneCharge(caller, marker);
  });

  test("takes nothing from any limit, and is answered where they are used up", async () => {
    const limits = [
      { unit: "requests", window: "day", amount: 1 },
      { unit: "requests", window: "minute", amount: 1 },
    ] as const;
    const caller = await signUpCaller(sql, { limits: [...limits] });
    const key = randomUUID();
    const first = await ask(caller, key, { message: "Hello" });
    const before = await readMetering(sql, caller.userId);
    expect((await ask(caller, randomUUID(), { message: "Hello" })).status).toBe(402);
    expect(await ask(caller, key, { message: "Hello" })).toMatchObject({
      status: 200,
      answer: { id: first.answer.id },
    });
    expect(await readMetering(sql, caller.userId)).toEqual(before);
  });

  test("with another body is a 422 that names the key, also where only the way of answering differs", async () => {
    const caller = await signUpCaller(sql);
    const [key, marker] = [randomUUID(), randomUUID()];
    await ask(caller, key, { message: marker });
    for (const [body, path] of [
      [{ message: `${marker}!` }, ""],
      [{ message: marker, stream: true }, ""],
      [{ messages: [{ role: "user", content: marker }], stream: true }, "/v1/chat/completions"],
    ] as const) {
      const { status, error } = await ask(caller, key, body, path);
      expect([status, error.code, error.param]).toEqual([422, "idempotency_mismatch", "Idempotency-Key"]);
    }
    await expectOneCharge(caller, marker);
  });

  test("while it runs is a 409 that says where its reply will be, and its answer once it is over", async () => {
    const hold = randomUUID();
    const caller = await signUpCaller(sql, { simulate: `hold=${hold}` });
    const [key, marker] = [randomUUID(), randomUUID()];
    const body = { message: marker, stream: true };
    const events = readEvents((await send(caller, key, body)).body);
    const { data: start } = await waitForEvent(events, "start");
    for (const again of [await ask(caller, key, body), await ask(caller, key, body)]) {
      expect([again.status, again.headers.get("retry-after")]).toEqual([409, "1"]);
      expect(again.error).toMatchObject({ code: "request_running", requestId: start.id });
      expect(again.error.message).toContain(`ai-chat/requests/${start.id}`);
    }
    await provider.release(hold);
    const { data: done } = await waitForEvent(events, "done");
    const again = await readRest(readEvents((await send(caller, key, body)).body));
    expect(again.at(-1)).toMatchObject({
      type: "done",
      data: { id: start.id, usage: done.usage, costNano: done.costNano },
    });
    await expectOneCharge(caller, marker);
  });
});

describe("64 copies of a request under one Idempotency-Key that arrive at once", () => {
  const copies = (caller: Caller, body: Body) => {
    const key = randomUUID();
    return Array.from({ length: 64 }, () => ask(caller, key, body));
  };

  test("make one provider call and one charge: one is answered, and the others are told to wait for it", async () => {
    const hold = randomUUID();
    const caller = await signUpCaller(sql, { simulate: `hold=${hold}` });
    const marker = randomUUID();
    const asking = copies(caller, { message: marker });
    const running = await new Promise<Awaited<(typeof asking)[number]>[]>((resolve) => {
      const refused: Awaited<(typeof asking)[number]>[] = [];
      for (const each of asking)
        each.then((answer) => answer.status === 409 && refused.push(answer) === 63 && resolve(refused));
    });
    await provider.release(hold);
    const answered = (await Promise.all(asking)).filter(({ status }) => status === 200);
    expect(answered).toHaveLength(1);
    const ids = new Set(running.map(({ error }) => error.requestId));
    expect([...ids]).toEqual([answered[0]?.answer.id]);
    await expectOneCharge(caller, marker);
  });

  test("make one provider call and one charge, also where it answers at once", async () => {
    const caller = await signUpCaller(sql);
    const marker = randomUUID();
    const answers = await Promise.all(copies(caller, { message: marker, options: { maxTokens: 5 } }));
    expect(answers.filter((each) => each.status === 200 && isReplay(each) === null)).toHaveLength(1);
    for (const { status, answer, error } of answers)
      expect(status === 200 ? answer.content : error.code).toMatch(/^(You said: |request_running$)/);
    await expectOneCharge(caller, marker);
  });
});

test("another person's same Idempotency-Key is their own", async () => {
  const [one, other] = await Promise.all([signUpCaller(sql), signUpCaller(sql)]);
  const key = randomUUID();
  const answers = [await ask(one, key, { message: "Mine" }), await ask(other, key, { message: "Mine" })];
  expect(answers.map((each) => [each.status, isReplay(each)])).toEqual([
    [200, null],
    [200, null],
  ]);
  expect(answers[0]?.answer.id).not.toBe(answers[1]?.answer.id);
});

describe("an Idempotency-Key", () => {
  test.each([
    ["empty", ""],
    ["of 256 characters", "k".repeat(256)],
    ["of two words", "one two"],
    ["with a letter beyond ASCII", "schlüssel"],
  ])("that is %s is a 400 that names it, and nothing is held or called", async (_what, key) => {
    const caller = await signUpCaller(sql);
    const marker = randomUUID();
    for (const [path, bodyOf] of endpoints) {
      const { status, error } = await ask(caller, key, bodyOf(marker), path);
      expect([status, error.code, error.param]).toEqual([400, "invalid_request", "Idempotency-Key"]);
      expect(error.message).toMatch(/^Idempotency-Key: must be 1 to 255 /);
    }
    expect(await provider.findCalls(marker)).toEqual([]);
    expect(await readMetering(sql, caller.userId)).toEqual(untouched);
  });

  test("with embeddings, which are not kept, is a 400 that names it", async () => {
    const body = { model: "openai/text-embedding-3-small", input: "Hello" };
    const { status, error } = await ask(await signUp(), randomUUID(), body, "/v1/embeddings");
    expect([status, error.code, error.param]).toEqual([400, "invalid_request", "Idempotency-Key"]);
    expect(error.message).toMatch(/leave it out\.$/);
  });
});
