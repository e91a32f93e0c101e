import { describe, expect, inject, type TestContext, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type DatabaseCall, startDatabaseProxy } from "../../support/database-proxy.ts";
import { startExtraFunction } from "../../support/extra-function.ts";
import { type Caller, signUp, signUpCaller } from "../../support/people.ts";
import { joinText, readRest, waitForEvent } from "../../support/read-events.ts";
import { createReplyClient, idOf, joinReply, readReplyParts } from "../../support/reply-client.ts";

const sql = connectDatabase();
const replies = createReplyClient();

const readParts = (requestId: string) => readReplyParts(sql, requestId);

/** Starts an instance whose calls of the database go through a proxy, for one test. */
async function startWatched(
  { onTestFinished }: TestContext,
  handle: (call: DatabaseCall, forward: () => Promise<Response>) => Promise<Response | null> = (_, forward) =>
    forward(),
) {
  const calls: DatabaseCall[] = [];
  const proxy = await startDatabaseProxy((call, forward) => {
    calls.push(call);
    return handle(call, forward);
  });
  onTestFinished(() => proxy.stop());
  const instance = await startExtraFunction({ SUPABASE_URL: proxy.url });
  onTestFinished(() => instance.stop());
  const count = (name: string) => calls.filter((call) => call.name === name).length;
  return { chats: createChatClient(instance.url), url: instance.url, count };
}

/** A chat read to its end, and how many seconds that took. */
async function time(chats: ReturnType<typeof createChatClient>, caller: Caller) {
  const startedAt = performance.now();
  const events = await chats.stream(caller, { message: "Tell me of tides." });
  return { events, id: idOf(events), seconds: (performance.now() - startedAt) / 1000 };
}

describe.concurrent("what is written down of a reply while it grows", () => {
  test("is at most one write a second, and one with the settlement", async (context) => {
    const { chats, count } = await startWatched(context);
    const caller = await signUpCaller(sql, { simulate: "tokens=120;tps=30" });
    const { events, id, seconds } = await time(chats, caller);
    const parts = await readParts(id);
    expect(parts.length).toBeGreaterThanOrEqual(3);
    expect(parts.length).toBeLessThanOrEqual(seconds + 1);
    expect(count("save_reply_parts")).toBe(parts.length - 1);
    expect(count("settle_chats")).toBe(1);
    expect(parts.map(({ content }) => content).join("")).toBe(joinText(events));
    expect(parts.map(({ finish_reason }) => finish_reason)).toEqual([
      ...parts.slice(1).map(() => null),
      "stop",
    ]);
  });

  test("is shared by the replies that grow at the same time", async (context) => {
    const { chats, count } = await startWatched(context);
    const caller = await signUpCaller(sql, { simulate: "tokens=60;tps=20" });
    const chatting = await Promise.all(Array.from({ length: 12 }, () => time(chats, caller)));
    let written = 0;
    for (const { events, id, seconds } of chatting) {
      const parts = await readParts(id);
      expect(parts.length).toBeLessThanOrEqual(seconds + 1);
      expect(parts.map(({ content }) => content).join("")).toBe(joinText(events));
      written += parts.length - 1;
    }
    expect(count("save_reply_parts")).toBeLessThanOrEqual(written);
  });

  test("is nothing where it is over sooner and stands in a conversation", async (context) => {
    const { chats, count } = await startWatched(context);
    const caller = await signUpCaller(sql);
    const { events, id } = await time(chats, caller);
    expect(await readParts(id)).toEqual([]);
    expect(count("save_reply_parts")).toBe(0);
    expect(joinReply(await replies.resume(caller, id))).toEqual(joinReply(events));
  });

  test("is the settlement's affair alone where no conversation is kept", async (context) => {
    const { chats, count } = await startWatched(context);
    const caller = await signUpCaller(sql, { simulate: "tokens=20" });
    const response = await chats.send("/v1/chat/completions", {
      token: caller.token,
      method: "POST",
      body: JSON.stringify({ model: caller.modelId, messages: [{ role: "user", content: "Hello" }] }),
    });
    const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
    expect(await readParts(response.headers.get("x-request-id") ?? "")).toMatchObject([
      { content: choices[0]?.message.content, finish_reason: "stop" },
    ]);
    expect(count("save_reply_parts")).toBe(0);
  });

  const failures: [what: string, fail: (forward: () => Promise<Response>) => Promise<Response | null>][] = [
    ["breaks connections off", async () => null],
    ["answers that it is overloaded", async () => new Response("no server", { status: 503 })],
    ["breaks off after it has written", async (forward) => (await forward()) && null],
  ];

  test.for(failures)(
    "comes later where the database %s, and the stream is not disturbed",
    async ([, fail], context) => {
      let failed = 0;
      const { chats, count } = await startWatched(context, async ({ name }, forward) => {
        if (name !== "save_reply_parts" || failed === 2) return forward();
        failed++;
        return fail(forward);
      });
      const caller = await signUpCaller(sql, { simulate: "tokens=150;tps=30" });
      const { events, id } = await time(chats, caller);
      expect(events.at(-1)).toMatchObject({ type: "done", data: { finishReason: "stop" } });
      expect(joinText(events)).toMatch(/^You said: Tell me of tides\./);
      expect(failed).toBe(2);
      expect(count("save_reply_parts")).toBeGreaterThan(2);
      const parts = await readParts(id);
      expect(parts.map(({ content }) => content).join("")).toBe(joinText(events));
      expect(joinReply(await replies.resume(caller, id, "1.10.0")).content).toBe(joinText(events).slice(10));
    },
  );

  test("comes with the settlement where the database never answers, and the stream is not disturbed", async (context) => {
    const { chats, count } = await startWatched(context, ({ name }, forward) =>
      name === "save_reply_parts" ? new Promise(() => {}) : forward(),
    );
    const caller = await signUpCaller(sql, { simulate: "tokens=75;tps=30" });
    const { events, id } = await time(chats, caller);
    expect(events.at(-1)).toMatchObject({ type: "done", data: { finishReason: "stop" } });
    expect(count("save_reply_parts")).toBeGreaterThan(0);
    expect(await readParts(id)).toMatchObject([{ content: joinText(events), finish_reason: "stop" }]);
  });
});

test("a client that has come back does not notice that the database is away for a while", async (context) => {
  let finds = 0;
  const { chats, url } = await startWatched(context, async ({ name }, forward) =>
    name === "find_request" && [2, 3].includes(++finds) ? null : forward(),
  );
  const caller = await signUpCaller(sql, { simulate: "tokens=120;tps=30" });
  const { events } = await chats.open(caller, { message: "Tell me of tides." });
  const { data: start } = await waitForEvent(events, "start");
  const resumed = createReplyClient(url).resume(caller, start.id);
  const whole = await readRest(events);
  const gets = await resumed;
  expect(finds).toBeGreaterThan(3);
  expect(joinReply(gets)).toEqual(joinReply(whole));
  expect(gets.at(-1)?.type).toBe("done");
});

describe("replies that are written down", () => {
  test.each(["anon", "authenticated"])("are nothing that %s can read or write", async (role) => {
    const tries = [
      "select * from private.reply_parts",
      "delete from private.reply_parts",
      "select public.find_request(gen_random_uuid(), gen_random_uuid())",
      "select public.save_reply_parts('[]')",
      "select private.add_reply_parts('[]')",
    ];
    for (const statement of tries) {
      const trying = sql.begin(async (transaction) => {
        await transaction.unsafe(`set local role ${role}`);
        await transaction.unsafe(statement);
      });
      await expect(trying, statement).rejects.toThrow(/permission denied/);
    }
  });

  test("are not served to people but through ai-chat", async () => {
    const { apiUrl, publishableKey } = inject("stack");
    const caller = await signUpCaller(sql);
    const { result } = await createChatClient().ask(caller, { message: "Hello" });
    const headers = { apikey: publishableKey, authorization: `Bearer ${caller.token}` };
    const answers = await Promise.all([
      fetch(`${apiUrl}/rest/v1/reply_parts`, { headers }),
      fetch(`${apiUrl}/rest/v1/rpc/find_request?user_id=${caller.userId}&request_id=${result.id}`, {
        headers,
      }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([404, 403]);
  });

  test("go with the person", async () => {
    const caller = await signUpCaller(sql, { simulate: "tokens=25;tps=15" });
    const { events } = await createChatClient().open(caller, { message: "Hello" });
    const { data } = await waitForEvent(events, "start");
    await readRest(events);
    expect(await readParts(data.id)).not.toHaveLength(0);
    const other = await signUp();
    expect((await replies.find(other, data.id)).status).toBe(404);
    await sql`delete from auth.users where id = ${caller.userId}`;
    expect(await readParts(data.id)).toEqual([]);
  });
});
