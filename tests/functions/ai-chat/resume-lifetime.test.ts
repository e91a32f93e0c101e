import { randomUUID } from "node:crypto";
import { describe, expect, inject, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { startExtraFunction } from "../../support/extra-function.ts";
import { type Caller, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { joinText, type StreamEvent, waitForEvent } from "../../support/read-events.ts";
import { createReplyClient, joinReply, lastIdOf, readReplyParts } from "../../support/reply-client.ts";

const sql = connectDatabase();
const replies = createReplyClient();
const provider = watchProvider();
const readParts = (requestId: string) => readReplyParts(sql, requestId);

describe("a function that is killed in the middle of a reply", () => {
  /** Returns what its client had before, once some of it is written down. */
  async function die(caller: Caller) {
    const instance = await startExtraFunction();
    const message = randomUUID();
    const { events } = await createChatClient(instance.url).open(caller, { message });
    const { data: start } = await waitForEvent(events, "start");
    const had: StreamEvent[] = [{ type: "start", data: start }];
    const reading = (async () => {
      for await (const event of events) had.push(event);
    })().catch(() => {});
    await expect.poll(() => readParts(start.id), { timeout: 10_000 }).not.toHaveLength(0);
    await instance.kill();
    await reading;
    await provider.waitForCall(message, "aborted");
    return { id: start.id, had };
  }

  async function letExpire(id: string): Promise<void> {
    await sql`update private.holds set expires_at = now() - interval '1 second' where id = ${id}`;
  }

  test("leaves what was written down: it is running for the hold's life, and then interrupted", async () => {
    const caller = await signUpCaller(sql, { simulate: "tokens=400;tps=20" });
    const { id, had } = await die(caller);
    const text = (await readParts(id)).map(({ content }) => content).join("");
    expect(text).not.toBe("");
    expect(joinText(had).startsWith(text) || text.startsWith(joinText(had))).toBe(true);
    const running = (await replies.find(caller, id)).body;
    expect(running).toMatchObject({ state: "running", content: text, attempts: 1, usage: null });

    await letExpire(id);
    expect((await replies.find(caller, id)).body).toEqual({ ...running, state: "interrupted" });
    const early = had.slice(0, 3);
    const rest = await replies.resume(caller, id, lastIdOf(early));
    expect(joinReply([...early, ...rest]).content).toBe(text);
    expect(rest.at(-1)).toMatchObject({ type: "error", data: { error: { code: "provider_interrupted" } } });
  });

  test("leaves the same when its hold has been charged by estimate", async () => {
    const caller = await signUpCaller(sql, { simulate: "tokens=400;tps=20" });
    const { id, had } = await die(caller);
    const { body: running } = await replies.find(caller, id);
    await letExpire(id);
    // Any begin releases what has expired.
    await createChatClient().ask(caller, { message: "Hello", options: { maxTokens: 1 } });

    const { body } = await replies.find(caller, id);
    expect(body).toMatchObject({
      state: "interrupted",
      attempts: 1,
      content: running.content,
      estimated: true,
    });
    // What is written down was surely written: a prompt of 36 bytes, and about 4 bytes a token.
    const outputTokens = Math.ceil(Buffer.byteLength(body.content) / 4);
    expect(outputTokens).toBeGreaterThan(0);
    expect(body).toMatchObject({
      usage: { inputTokens: 16, outputTokens },
      costNano: 16 * 150 + outputTokens * 600,
    });
    const early = had.slice(0, 3);
    const rest = await replies.resume(caller, id, lastIdOf(early));
    expect(joinReply([...early, ...rest]).content).toBe(running.content);
  });
});

describe("after a day", () => {
  /** Has the database purge, as every write of a reply does. */
  async function purge(): Promise<void> {
    const { apiUrl, secretKey } = inject("stack");
    const response = await fetch(`${apiUrl}/rest/v1/rpc/save_reply_parts`, {
      method: "POST",
      headers: { apikey: secretKey, "content-type": "application/json" },
      body: JSON.stringify({ items: [] }),
    });
    expect(response.status).toBe(200);
  }

  async function askAtLength(caller: Caller, path = "") {
    const body = { messages: [{ role: "user", content: "Hello" }], stream: true };
    const response = await createChatClient().send(path, {
      token: caller.token,
      method: "POST",
      body: JSON.stringify(path === "" ? body : { ...body, model: caller.modelId }),
    });
    await response.text();
    return response.headers.get("x-request-id") as string;
  }

  test("what was written down of a reply is gone, and the conversation has it still", async () => {
    const caller = await signUpCaller(sql, { simulate: "tokens=25;tps=15" });
    const id = await askAtLength(caller);
    const before = await replies.find(caller, id);
    expect(await readParts(id)).not.toHaveLength(0);
    await purge();
    expect(await readParts(id)).not.toHaveLength(0);
    await sql`update private.reply_parts set created_at = now() - interval '25 hours' where request_id = ${id}`;
    await purge();
    expect(await readParts(id)).toEqual([]);
    expect((await replies.find(caller, id)).body).toEqual(before.body);
  });

  test("a reply that stands nowhere else is not found, instead of complete and empty", async () => {
    const caller = await signUpCaller(sql, { simulate: "tokens=25;tps=15" });
    const id = await askAtLength(caller, "/v1/chat/completions");
    expect((await replies.find(caller, id)).body.content).toMatch(/^You said: /);
    await sql`update private.reply_parts set created_at = now() - interval '25 hours' where request_id = ${id}`;
    await purge();
    const { status, body } = await replies.find(caller, id);
    expect([status, body.error?.code]).toEqual([404, "request_not_found"]);
  });

  test("a reply whose end was never written down is told from its conversation, or not at all", async () => {
    const caller = await signUpCaller(sql, { simulate: "tokens=25;tps=15" });
    const ids = await Promise.all([askAtLength(caller), askAtLength(caller, "/v1/chat/completions")]);
    const before = await Promise.all(ids.map((id) => replies.find(caller, id)));
    await sql`delete from private.reply_parts where request_id in ${sql(ids)} and finish_reason is not null`;
    const [kept, lost] = await Promise.all(ids.map((id) => replies.find(caller, id)));
    expect(kept?.body).toEqual(before[0]?.body);
    expect([lost?.status, lost?.body.error?.code]).toEqual([404, "request_not_found"]);
  });

  test("a reply never loses its beginning alone", async () => {
    const caller = await signUpCaller(sql, { simulate: "tokens=60;tps=15" });
    const id = await askAtLength(caller);
    const before = await replies.find(caller, id);
    const parts = await readParts(id);
    expect(parts.length).toBeGreaterThan(2);
    await sql`
      update private.reply_parts set created_at = now() - interval '25 hours'
      where request_id = ${id} and part <= ${parts[1]?.part ?? 0}`;
    await purge();
    expect((await replies.find(caller, id)).body.content).toBe(before.body.content);
  });
});
