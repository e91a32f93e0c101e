import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { createChatClient } from "../support/chat-client.ts";
import { connectDatabase } from "../support/connect-database.ts";
import { type Person, signUp } from "../support/people.ts";

const sql = connectDatabase();
const { apiUrl, publishableKey, secretKey } = inject("stack");
let ada: Person;
let bob: Person;
let conversationId: string;
let asAda: SupabaseClient;
let asBob: SupabaseClient;
const asNobody = createClient(apiUrl, publishableKey);

function actAs({ token }: Person): SupabaseClient {
  return createClient(apiUrl, publishableKey, { accessToken: async () => token });
}

beforeAll(async () => {
  [ada, bob] = await Promise.all([signUp(), signUp()]);
  [asAda, asBob] = [actAs(ada), actAs(bob)];
  const { result } = await createChatClient().ask(ada, { message: "Ada's secret" });
  conversationId = result.conversationId as string;
});

test("somebody who signs up has a profile and an account on the default plan", async () => {
  const { data } = await asAda.from("profiles").select();
  expect(data).toEqual([{ user_id: ada.userId, display_name: null, created_at: expect.any(String) }]);
  const [account] = await sql`select plan_id from private.accounts where user_id = ${ada.userId}`;
  expect(account).toEqual({ plan_id: "free" });
});

test("people read their own profile, conversations and messages, and nobody else's", async () => {
  for (const [table, rows] of [
    ["profiles", 1],
    ["conversations", 1],
    ["messages", 2],
  ] as const) {
    expect((await asAda.from(table).select()).data).toHaveLength(rows);
    const others = await asBob.from(table).select();
    expect(others.data).toEqual(
      table === "profiles" ? [expect.objectContaining({ user_id: bob.userId })] : [],
    );
  }
  expect((await asBob.from("conversations").select().eq("id", conversationId)).data).toEqual([]);
  expect((await asBob.from("messages").select().eq("conversation_id", conversationId)).data).toEqual([]);
});

test("people edit the name on their own profile, and nothing else of it", async () => {
  const renamed = await asAda
    .from("profiles")
    .update({ display_name: "Ada" })
    .eq("user_id", ada.userId)
    .select();
  expect(renamed.data).toMatchObject([{ display_name: "Ada" }]);
  const other = await asBob
    .from("profiles")
    .update({ display_name: "Eve" })
    .eq("user_id", ada.userId)
    .select();
  expect(other.data).toEqual([]);
  const moved = await asBob.from("profiles").update({ user_id: ada.userId }).eq("user_id", bob.userId);
  expect(moved.error?.code).toBe("42501");
  expect([...(await sql`select display_name from public.profiles where user_id = ${ada.userId}`)]).toEqual([
    { display_name: "Ada" },
  ]);
});

describe("people cannot write past the functions", () => {
  const writes: [
    what: string,
    (client: SupabaseClient) => PromiseLike<{ error: { code: string } | null }>,
  ][] = [
    ["a profile", (client) => client.from("profiles").insert({ user_id: ada.userId })],
    ["the end of a profile", (client) => client.from("profiles").delete().eq("user_id", ada.userId)],
    [
      "a conversation",
      (client) => client.from("conversations").insert({ id: ada.userId, user_id: ada.userId, title: "x" }),
    ],
    ["a title", (client) => client.from("conversations").update({ title: "x" }).eq("id", conversationId)],
    ["the end of a conversation", (client) => client.from("conversations").delete().eq("id", conversationId)],
    [
      "a message",
      (client) =>
        client.from("messages").insert({
          conversation_id: conversationId,
          position: 9,
          role: "system",
          content: "x",
          request_id: ada.userId,
        }),
    ],
    [
      "other words",
      (client) => client.from("messages").update({ content: "x" }).eq("conversation_id", conversationId),
    ],
    [
      "the end of a message",
      (client) => client.from("messages").delete().eq("conversation_id", conversationId),
    ],
    ["a hold", (client) => client.rpc("begin_chats", { items: [] })],
    ["a charge", (client) => client.rpc("settle_chats", { items: [] })],
  ];
  test.each(writes)("%s", async (_what, write) => {
    for (const client of [asAda, asBob, asNobody]) expect((await write(client)).error?.code).toBe("42501");
  });
});

test("who is not signed in reads nothing", async () => {
  for (const table of ["profiles", "conversations", "messages"]) {
    const { data, error } = await asNobody.from(table).select();
    expect([data, error?.code]).toEqual([null, "42501"]);
  }
});

test("nobody reaches the private schema over HTTP, not even with the secret key", async () => {
  for (const [key, token] of [
    [publishableKey, ada.token],
    [secretKey, null],
  ]) {
    const read = (profile: string | null, path: string) =>
      fetch(`${apiUrl}/rest/v1/${path}`, {
        headers: {
          apikey: String(key),
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(profile === null ? {} : { "accept-profile": profile }),
        },
      });
    expect((await read("private", "accounts")).status).toBe(406);
    for (const path of ["accounts", "private.accounts", "ledger", "rpc/expire_holds"])
      expect((await read(null, path)).status).toBe(404);
  }
});

test("who is deleted leaves nothing that can be read, and the ledger stays", async () => {
  const person = await signUp();
  const { result } = await createChatClient().ask(person, { message: "Remember me?" });
  await sql`delete from auth.users where id = ${person.userId}`;
  for (const table of ["profiles", "conversations"])
    expect(await sql`select from public.${sql(table)} where user_id = ${person.userId}`).toHaveLength(0);
  expect(
    await sql`select from public.messages where conversation_id = ${result.conversationId}`,
  ).toHaveLength(0);
  for (const table of ["accounts", "usage_windows", "request_rates"])
    expect(await sql`select from private.${sql(table)} where user_id = ${person.userId}`).toHaveLength(0);
  expect(await sql`select from private.ledger where user_id = ${person.userId}`).toHaveLength(1);
});
