import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { connectDatabase } from "../support/connect-database.ts";
import { callDatabase, itemFor } from "../support/database-calls.ts";
import { type Caller, signUpCaller } from "../support/people.ts";

const sql = connectDatabase();

const callOf = (text: string) => [{ id: "call_1", name: "look", arguments: text }];
const partOf = (holdId: string, part: number, extra: Record<string, unknown> = {}) => ({
  ...{ hold_id: holdId, part, attempt: 1, content: "", reasoning: "", tool_calls: null },
  ...extra,
});

/** A chat that is on its way; of a conversation, unless it is said that none is kept. */
async function begin(caller: Caller, conversationId: string | null = randomUUID()): Promise<string> {
  const item = itemFor(caller, { conversation_id: conversationId });
  await callDatabase("begin_chats", { items: [item] });
  return item.hold_id;
}
const save = (...items: unknown[]) => callDatabase("save_reply_parts", { items });
const settle = (holdId: string, reply?: unknown) =>
  callDatabase("settle_chats", {
    items: [{ hold_id: holdId, charges: [], messages: [], ...(reply ? { reply } : {}) }],
  });
const readCalls = async (holdId: string) => {
  const rows = await sql<{ tool_calls: unknown }[]>`
    select tool_calls from private.reply_parts where request_id = ${holdId} order by part`;
  return rows.map(({ tool_calls }) => tool_calls);
};

test("the calls of tools of a reply are kept once, with its newest part, however often they were written", async () => {
  const caller = await signUpCaller(sql);
  const holdId = await begin(caller);
  for (const [part, text] of [
    [1, "{"],
    [2, '{"a"'],
    [3, '{"a":1'],
  ] as const)
    await save(partOf(holdId, part, { content: "x", tool_calls: callOf(text) }));
  expect(await readCalls(holdId)).toEqual([null, null, callOf('{"a":1')]);
  const found = { user_id: caller.userId, request_id: holdId };
  expect(await callDatabase("find_request", found)).toMatchObject({
    content: "xxx",
    tool_calls: callOf('{"a":1'),
  });
});

test("the calls of tools of one attempt are left alone by another's, and by a part that has none", async () => {
  const holdId = await begin(await signUpCaller(sql));
  await save(partOf(holdId, 1, { tool_calls: callOf("{}") }));
  await save(partOf(holdId, 2, { attempt: 2, content: "So:" }));
  await save(partOf(holdId, 3, { attempt: 2, content: "!", tool_calls: callOf("[]") }));
  expect(await readCalls(holdId)).toEqual([callOf("{}"), null, callOf("[]")]);
});

test("a reply of more than a day ago is not told any more, whether it has been purged or not", async () => {
  const caller = await signUpCaller(sql);
  const holdId = await begin(caller, null);
  const find = () =>
    callDatabase("find_request", { user_id: caller.userId, request_id: holdId }).catch(() => null);
  await save(partOf(holdId, 1, { content: "Old" }));
  expect(await find()).toMatchObject({ content: "Old" });
  await sql`update private.reply_parts set created_at = now() - interval '25 hours' where request_id = ${holdId}`;
  expect(await find()).toMatchObject({ content: "" });
});

test("a settlement that brings a reply takes old ones with it, where nothing else is written", async () => {
  const caller = await signUpCaller(sql);
  const old = await begin(caller, null);
  await settle(old, partOf(old, 1, { content: "Old", finish_reason: "stop" }));
  await sql`update private.reply_parts set created_at = now() - interval '3 days' where request_id = ${old}`;
  // One call at a time purges: others may be at it.
  await expect
    .poll(async () => {
      const holdId = await begin(caller, null);
      await settle(holdId, partOf(holdId, 1, { content: "New", finish_reason: "stop" }));
      return sql`select from private.reply_parts where request_id = ${old}`;
    })
    .toHaveLength(0);
});

test("what a service of the app holds of a person is no request of theirs", async () => {
  const caller = await signUpCaller(sql);
  const item = { hold_id: randomUUID(), user_id: caller.userId, service: "test", tokens: 0, cost_nano: 0 };
  await callDatabase("place_hold", { item });
  const [found] = await sql`select public.find_request(${caller.userId}, ${item.hold_id}) as request`;
  expect(found?.request).toBeNull();
});
