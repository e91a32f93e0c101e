import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Conversation, StoredMessage } from "../../../shared/database/conversations.ts";
import { errorTable } from "../../../shared/domain/error-table.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type Person, signUp, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { readMetering, untouched } from "../../support/read-metering.ts";

interface List {
  conversations: Conversation[];
  nextCursor: string | null;
}
interface Reading {
  conversation: Conversation;
  messages: StoredMessage[];
  nextCursor: string | null;
}

const sql = connectDatabase();
const chats = createChatClient();
const provider = watchProvider();

async function begin(person: Person, message = "Hello"): Promise<string> {
  return (await chats.ask(person, { message })).result.conversationId as string;
}

test("the list has one's own conversations, those with the newest turns first, page by page", async () => {
  const [caller, other] = await Promise.all([signUpCaller(sql), signUpCaller(sql)]);
  await begin(other);
  const ids: string[] = [];
  for (let at = 0; at < 5; at++) ids.push(await begin(caller, `Question ${at}`));
  await chats.ask(caller, { message: "Once more", conversationId: ids[1] });
  // Two with the same time, one on either page: neither may get lost or come twice.
  await sql`
    update public.conversations set updated_at = (select updated_at from public.conversations where id = ${ids[3] as string})
    where id = ${ids[2] as string}`;
  const [high, low] = [ids[2], ids[3]].sort().reverse();

  const seen: string[] = [];
  let cursor = "";
  for (const size of [3, 2]) {
    const { status, body } = await chats.request<List>(caller, "GET", `/conversations?limit=3${cursor}`);
    expect([status, body.conversations.length]).toEqual([200, size]);
    seen.push(...body.conversations.map(({ id }) => id));
    cursor = `&cursor=${body.nextCursor}`;
  }
  expect(cursor).toBe("&cursor=null");
  expect(seen).toEqual([ids[1], ids[4], high, low, ids[0]]);

  const { body } = await chats.request<List>(caller, "GET", "/conversations");
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);
  expect(body.conversations[0]).toEqual({
    id: ids[1],
    title: "Question 1",
    messageCount: 4,
    createdAt: time,
    updatedAt: time,
  });
});

test("a conversation is read from its end, page by page", async () => {
  const caller = await signUpCaller(sql);
  const conversationId = await begin(caller, "One");
  for (const message of ["Two", "Three"]) await chats.ask(caller, { message, conversationId });

  const path = `/conversations/${conversationId}`;
  const first = await chats.request<Reading>(caller, "GET", `${path}?limit=4`);
  expect(first.body.messages.map(({ position }) => position)).toEqual([3, 4, 5, 6]);
  expect(first.body.messages.map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant"]);
  const second = await chats.request<Reading>(
    caller,
    "GET",
    `${path}?limit=4&cursor=${first.body.nextCursor}`,
  );
  expect(second.body.messages.map(({ content }) => content)).toMatchObject([
    "One",
    expect.stringMatching(/^You said: One/),
  ]);
  expect(second.body.nextCursor).toBeNull();
  expect(second.body.conversation).toEqual(first.body.conversation);
});

test("a conversation is named after its beginning until it is renamed", async () => {
  const caller = await signUpCaller(sql);
  const id = await begin(caller, `  What is\n a tide?  ${"x".repeat(100)}`);
  const path = `/conversations/${id}`;
  const before = await chats.request<Reading>(caller, "GET", path);
  expect(before.body.conversation.title).toBe(`What is a tide? ${"x".repeat(64)}`);

  const renamed = await chats.request<{ conversation: Conversation }>(caller, "PATCH", path, {
    title: "  Tides 🌊 ",
  });
  expect([renamed.status, renamed.body.conversation]).toEqual([
    200,
    { ...before.body.conversation, title: "Tides 🌊" },
  ]);
  expect((await chats.request<Reading>(caller, "GET", path)).body.conversation.title).toBe("Tides 🌊");
});

test("a deleted conversation is gone, with all that was said", async () => {
  const caller = await signUpCaller(sql);
  const conversationId = await begin(caller);
  const path = `/conversations/${conversationId}`;
  const deleted = await chats.request(caller, "DELETE", path);
  expect([deleted.status, deleted.body]).toEqual([204, null]);
  for (const method of ["GET", "DELETE"])
    expect((await chats.request(caller, method, path)).status).toBe(404);
  expect(await sql`select from public.messages where conversation_id = ${conversationId}`).toHaveLength(0);
  const again = await chats.ask(caller, { message: "Hello", conversationId });
  expect([again.status, again.error.code]).toEqual([404, "conversation_not_found"]);
});

test("a conversation that is deleted while its answer is written stays deleted, and the answer is charged", async () => {
  const hold = randomUUID();
  const caller = await signUpCaller(sql, { simulate: `hold=${hold}` });
  await provider.release(hold);
  const conversationId = await begin(caller);
  const second = randomUUID();
  await sql`
    update private.model_routes set upstream_model = ${`gpt-4o-mini;hold=${second}`} where model_id = ${caller.modelId}`;
  const asking = chats.ask(caller, { message: second, conversationId });
  await provider.waitForCall(second, "running");
  expect((await chats.request(caller, "DELETE", `/conversations/${conversationId}`)).status).toBe(204);
  await provider.release(second);
  expect((await asking).status).toBe(200);
  expect(await sql`select from public.conversations where user_id = ${caller.userId}`).toHaveLength(0);
  expect((await readMetering(sql, caller.userId)).ledger).toHaveLength(2);
});

test("two turns of one conversation at once are both kept, each whole", async () => {
  const caller = await signUpCaller(sql);
  const conversationId = await begin(caller, "One");
  const questions = Array.from({ length: 6 }, () => randomUUID());
  await Promise.all(questions.map((message) => chats.ask(caller, { message, conversationId })));
  const { body } = await chats.request<Reading>(caller, "GET", `/conversations/${conversationId}`);
  expect(body.conversation.messageCount).toBe(14);
  expect(body.messages.map(({ position }) => position)).toEqual(
    Array.from({ length: 14 }, (_, at) => at + 1),
  );
  for (let at = 2; at < 14; at += 2) {
    const [question, answer] = body.messages.slice(at, at + 2);
    expect([question?.role, answer?.role, answer?.requestId]).toEqual([
      "user",
      "assistant",
      question?.requestId,
    ]);
    expect(String(answer?.content).startsWith(`You said: ${question?.content}`)).toBe(true);
  }
  expect(body.messages.map(({ content }) => content)).toEqual(expect.arrayContaining(questions));
});

test("of a long conversation the newest messages that fit the model go to the provider", async () => {
  // 100 tokens of answer and 900 of prompt; history may fill 2,700 bytes with the message.
  const caller = await signUpCaller(sql, {
    contextTokens: 1000,
    maxOutputTokens: 100,
    simulate: "tokens=3",
  });
  const old = randomUUID();
  const conversationId = await begin(caller, `${old} ${"o".repeat(1300)}`);
  const recent = randomUUID();
  await chats.ask(caller, { message: `${recent} ${"r".repeat(1300)}`, conversationId });
  const now = randomUUID();
  expect((await chats.ask(caller, { message: now, conversationId })).status).toBe(200);
  const [call] = await provider.findCalls(now);
  expect(call?.prompt).toContain(recent);
  expect(call?.prompt).not.toContain(old);
});

describe("another person's conversation", () => {
  test("is not found: not to read, not to rename, not to delete, not to continue", async () => {
    const [owner, stranger] = await Promise.all([signUpCaller(sql), signUpCaller(sql)]);
    const conversationId = await begin(owner, "Mine");
    const path = `/conversations/${conversationId}`;
    const before = await chats.request<Reading>(owner, "GET", path);
    const notFound = {
      type: "not_found_error",
      code: "conversation_not_found",
      message: errorTable.conversation_not_found.message,
    };
    for (const [method, body] of [["GET"], ["PATCH", { title: "Theirs" }], ["DELETE"]] as const) {
      const answer = await chats.request(stranger, method, path, body);
      expect([answer.status, answer.body.error]).toEqual([404, { ...notFound, param: null }]);
      // The same as for one that there is not.
      const unknown = await chats.request(stranger, method, `/conversations/${randomUUID()}`, body);
      expect([unknown.status, unknown.body]).toEqual([404, answer.body]);
    }
    const marker = randomUUID();
    const continued = await chats.ask(stranger, { message: marker, conversationId });
    expect([continued.status, continued.error]).toEqual([404, { ...notFound, param: "conversationId" }]);
    expect(await readMetering(sql, stranger.userId)).toEqual(untouched);
    expect(await provider.findCalls(marker)).toEqual([]);
    expect((await chats.request<Reading>(owner, "GET", path)).body).toEqual(before.body);
  });
});

test.each(["1", "not-a-uuid", "%00", `${randomUUID()}x`, "'; drop table"])(
  "what is no id, such as %s, names no conversation",
  async (id) => {
    const person = await signUp();
    for (const [method, body] of [["GET"], ["PATCH", { title: "x" }], ["DELETE"]] as const) {
      const answer = await chats.request(person, method, `/conversations/${encodeURI(id)}`, body);
      expect([answer.status, answer.body.error.code]).toEqual([404, "conversation_not_found"]);
    }
  },
);

test.each([
  ["limit=0", "limit"],
  ["limit=101", "limit"],
  ["limit=ten", "limit"],
  ["limit=1.5", "limit"],
  ["cursor=", "cursor"],
  ["cursor=x", "cursor"],
  ["cursor=%F0%9F%8C%8A", "cursor"],
  [`cursor=${btoa('["2026-01-01","x"]')}`, "cursor"],
  [
    `cursor=${btoa('["2026-01-01T00:00:00Z\\"),id.neq.x","5b0fd0ff-43b5-4a6b-9d0e-0a8f7a3f9b11"]')}`,
    "cursor",
  ],
  [`cursor=${"x".repeat(201)}`, "cursor"],
  ["offset=3", "offset"],
])("a page that cannot be, %s, is a 400 that names the field", async (query, param) => {
  const caller = await signUpCaller(sql);
  const conversationId = await begin(caller);
  for (const path of ["/conversations", `/conversations/${conversationId}`]) {
    const { status, body } = await chats.request(caller, "GET", `${path}?${query}`);
    expect([status, body.error]).toEqual([
      400,
      {
        type: "invalid_request_error",
        code: "invalid_request",
        param,
        message: expect.stringMatching(`^${param}: `),
      },
    ]);
  }
});

test.each([
  ["{}", "title"],
  ['{"title":""}', "title"],
  ['{"title":"   "}', "title"],
  [`{"title":"${"x".repeat(201)}"}`, "title"],
  ['{"title":7}', "title"],
  ['{"title":"a\\u0000b"}', "title"],
  ['{"title":"a\\ud800b"}', "title"],
  ['{"title":"x","id":"y"}', "id"],
])("a title that cannot be, %s, is a 400 that names the field", async (body, param) => {
  const caller = await signUpCaller(sql);
  const path = `/conversations/${await begin(caller)}`;
  const response = await chats.send(path, { token: caller.token, method: "PATCH", body });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { code: "invalid_request", param } });
  expect((await chats.request<Reading>(caller, "GET", path)).body.conversation.title).toBe("Hello");
});
