import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { connectDatabase } from "../support/connect-database.ts";
import { callDatabase, itemFor } from "../support/database-calls.ts";
import { type Caller, signUpCaller } from "../support/people.ts";

const sql = connectDatabase();

interface Message {
  role: "system" | "user" | "assistant" | "tool";
  content: string;
  parts?: unknown[];
  tool_calls?: unknown[];
  tool_call_id?: string;
  continuation?: string;
}

interface Decision {
  hold_id: string;
  refusal?: string;
  history?: Message[];
}

/** Gives somebody a conversation that has been going on. */
async function addConversation({ userId }: Caller, messages: Message[]): Promise<string> {
  const id = randomUUID();
  const rows = messages.map((message, index) => ({
    ...message,
    conversation_id: id,
    position: index + 1,
    request_id: randomUUID(),
  }));
  await sql`
    insert into public.conversations (id, user_id, title, message_count) values (${id}, ${userId}, 'Test', ${rows.length})`;
  await sql`
    insert into public.messages (conversation_id, position, role, content, parts, tool_calls, tool_call_id, continuation, request_id)
    select conversation_id, position, role, content, parts, tool_calls, tool_call_id, continuation, request_id
    from jsonb_populate_recordset(null::public.messages, ${sql.json(rows as never)})`;
  return id;
}

/** A message with an image of so many characters. */
const picture = (length: number): Message => ({
  role: "user",
  content: "Look.",
  parts: [
    { type: "text", text: "Look." },
    { type: "image", url: `data:image/png;base64,${"A".repeat(length)}` },
  ],
});
const calls = [
  { id: "call_1", name: "look", arguments: "{}" },
  { id: "call_2", name: "wait", arguments: '{"days":1}' },
];
const talk: Message[] = [
  { role: "system", content: "Grüße." },
  picture(10),
  { role: "assistant", content: "", tool_calls: calls, continuation: "signed" },
  { role: "tool", content: "Rain", tool_call_id: "call_1" },
  { role: "tool", content: "", tool_call_id: "call_2" },
];
// The database writes a space behind each colon and comma of JSON.
const callBytes = JSON.stringify(calls).length + 6 + 5;
/** Of the texts, with the ids of the calls and what goes back with them. */
const talkBytes = 8 + 5 + callBytes + 6 + (4 + 6) + 6;

const begin = async (items: Record<string, unknown>[]) => callDatabase<Decision[]>("begin_chats", { items });
const load = (id: string, maxBytes: number) =>
  sql<
    { messages: Message[]; bytes: number; count: number; images: number; tool_calls: number }[]
  >`select * from private.load_history(${id}, ${maxBytes})`;

test("a history tells the bytes of its texts, its images and its calls of tools", async () => {
  const id = await addConversation(await signUpCaller(sql), talk);
  const [history] = await load(id, 100_000);
  expect(history).toMatchObject({ bytes: talkBytes, count: 5, images: 1, tool_calls: 2 });
  expect(history?.messages).toEqual(talk);
});

test("a history is the newest messages that fit, images measured by their length, behind its first instructions", async () => {
  const id = await addConversation(await signUpCaller(sql), [
    { role: "system", content: "Be brief." },
    picture(1_000),
    picture(40_000),
    picture(2_000),
    picture(3_000),
  ]);
  const [history] = await load(id, 10_000);
  expect(history).toMatchObject({ bytes: 9 + 5 + 5, count: 3, images: 2, tool_calls: 0 });
  expect(history?.messages.map(({ parts }) => JSON.stringify(parts ?? "").length > 1_500)).toEqual([
    false,
    true,
    true,
  ]);
});

test("what a message measures is stored with it, so that to choose messages reads none of them", async () => {
  const id = await addConversation(await signUpCaller(sql), [picture(300_000), ...talk.slice(2, 3)]);
  const rows = await sql`
    select text_bytes, image_bytes, images from public.messages where conversation_id = ${id} order by position`;
  expect([...rows]).toEqual([
    { text_bytes: 5, image_bytes: expect.any(Number), images: 1 },
    { text_bytes: callBytes + 6, image_bytes: 0, images: 0 },
  ]);
  expect(rows[0]?.image_bytes).toBeGreaterThan(300_000);
  const [plan] = await sql<[{ definition: string }]>`
    select pg_get_functiondef('private.load_history'::regproc) as definition`;
  expect(plan.definition).not.toContain("octet_length");
});

test("a conversation with far more images than fit is answered with those that do, and so are its neighbours", async () => {
  const options = { inputModalities: ["text", "image"], contextTokens: 1_000_000 };
  const [caller, neighbour] = await Promise.all([signUpCaller(sql, options), signUpCaller(sql)]);
  const conversation = await addConversation(
    caller,
    Array.from({ length: 60 }, () => picture(100_000)),
  );
  const items = [itemFor(caller, { conversation_id: conversation, continues: true }), itemFor(neighbour)];
  const decisions = await begin(items);
  const [mine, other] = items.map(({ hold_id }) => decisions.find((found) => found.hold_id === hold_id));
  expect([mine?.refusal, other?.refusal]).toEqual([undefined, undefined]);
  expect(mine?.history).toHaveLength(5);
  expect(other?.history).toEqual([]);
});

test("what is held for a prompt covers its history, with what providers add because of its calls", async () => {
  const caller = await signUpCaller(sql, { inputModalities: ["text", "image"], imageTokens: 2_000 });
  const [plain, called] = await Promise.all([
    addConversation(caller, talk.slice(0, 2)),
    addConversation(caller, talk),
  ]);
  const items = [
    itemFor(caller),
    ...[plain, called].map((conversation_id) => itemFor(caller, { conversation_id, continues: true })),
    itemFor(caller, { conversation_id: called, continues: true, overhead_tokens: 1088 }),
  ];
  await begin(items);
  const rows = await sql<{ id: string; prompt_tokens: number }[]>`
    select id, prompt_tokens from private.holds where user_id = ${caller.userId}`;
  const tokens = items.map(({ hold_id }) => rows.find(({ id }) => id === hold_id)?.prompt_tokens);
  // A byte is a token at the most, a message takes 16 more and a prompt 16.
  const [own, framing] = [10 + 16 + 16, 16];
  const image = 2_000;
  const withCalls = own + talkBytes + 5 * framing + image + 1024 + 2 * 64;
  expect(tokens).toEqual([own, own + 8 + 5 + 2 * framing + image, withCalls, withCalls + 1088]);
});
