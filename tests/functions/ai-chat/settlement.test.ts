import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { lockAccount } from "../../support/lock-account.ts";
import { type Caller, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { readRest, waitForEvent } from "../../support/read-events.ts";
import { readMetering } from "../../support/read-metering.ts";

const sql = connectDatabase();
const provider = watchProvider();
// Not the stack's own instance: whoever waits for a locked account has what comes after them wait, too.
let instance: ExtraFunction;
let chats: ReturnType<typeof createChatClient>;

beforeAll(async () => {
  instance = await startExtraFunction();
  chats = createChatClient(instance.url);
});
afterAll(() => instance.stop());

test("who reads done finds the charge in the ledger", async () => {
  const caller = await signUpCaller(sql);
  const { events } = await chats.open(caller, { message: "Hello" });
  const { data } = await waitForEvent(events, "done");
  const { ledger } = await readMetering(sql, caller.userId);
  expect(ledger).toMatchObject([{ hold_id: data.id, cost_nano: data.costNano, outcome: "completed" }]);
});

test("as long as the charge is not in the ledger there is no done", async () => {
  const hold = randomUUID();
  const caller = await signUpCaller(sql, { simulate: `hold=${hold}@5;tokens=8` });
  const marker = randomUUID();
  const { events } = await chats.open(caller, { message: marker });
  await waitForEvent(events, "chunk");

  const lock = await lockAccount(sql, caller.userId);
  await provider.release(hold);
  await provider.waitForCall(marker, "completed");
  let hasEnded = false;
  const rest = readRest(events).finally(() => (hasEnded = true));
  await lock.waitForBlocked(1);
  expect(hasEnded).toBe(false);
  expect((await readMetering(sql, caller.userId)).ledger).toEqual([]);

  await lock.release();
  expect((await rest).at(-1)?.type).toBe("done");
  expect((await readMetering(sql, caller.userId)).ledger).toHaveLength(1);
});

test("a client that hangs up a stream after the first chunk finds its whole reply stored, and pays for it once", async () => {
  const hold = randomUUID();
  const caller = await signUpCaller(sql, { simulate: `hold=${hold}@1;tokens=80` });
  const marker = randomUUID();
  const { events, leave } = await chats.open(caller, { message: marker });
  const { data: start } = await waitForEvent(events, "start");
  const { data: chunk } = await waitForEvent(events, "chunk");
  leave();
  await provider.release(hold);
  const call = await provider.waitForCall(marker, "completed");

  await expectOneCharge(caller, start.id, call.usage);
  const { body } = await chats.request<{ messages: { content: string; finishReason: string }[] }>(
    caller,
    "GET",
    `/conversations/${start.conversationId}`,
  );
  const expected = await chats.ask(caller, { message: marker });
  expect(body.messages).toMatchObject([
    { content: marker },
    { content: expected.result.content, finishReason: "stop" },
  ]);
  expect(expected.result.content.startsWith(chunk.text)).toBe(true);
  await expect.poll(() => instance.lines.find((line) => line.includes(start.id))).toBeDefined();
  const line = instance.lines.find((each) => each.includes(start.id)) as string;
  expect(JSON.parse(line)).toMatchObject({ status: 200, clientLeft: true, usage: call.usage });
});

test("a client that hangs up before a JSON answer finds it stored, and pays for it once", async () => {
  const hold = randomUUID();
  const caller = await signUpCaller(sql, { simulate: `hold=${hold}` });
  const marker = randomUUID();
  const hangUp = new AbortController();
  const asking = chats.ask(caller, { message: marker }, { signal: hangUp.signal });
  await provider.waitForCall(marker, "running");
  hangUp.abort();
  await expect(asking).rejects.toThrow("aborted");
  await provider.release(hold);
  const call = await provider.waitForCall(marker, "completed");

  const id = await expectOneCharge(caller, undefined, call.usage);
  const { body } = await chats.request<{ conversations: { id: string; messageCount: number }[] }>(
    caller,
    "GET",
    "/conversations",
  );
  expect(body.conversations).toMatchObject([{ messageCount: 2 }]);
  const stored =
    await sql`select role, request_id from public.messages where conversation_id = ${body.conversations[0]?.id ?? ""} order by position`;
  expect(stored).toMatchObject([
    { role: "user", request_id: id },
    { role: "assistant", request_id: id },
  ]);
});

/** Waits for the settlement, checks that it is the one charge of this usage, and returns the request's id. */
async function expectOneCharge(
  { userId }: Caller,
  id: string | undefined,
  usage: Awaited<ReturnType<typeof provider.waitForCall>>["usage"],
): Promise<string> {
  await expect.poll(async () => (await readMetering(sql, userId)).ledger.length, { timeout: 10_000 }).toBe(1);
  const { holds, ledger, windows } = await readMetering(sql, userId);
  expect(holds).toMatchObject([{ ...(id === undefined ? {} : { id }), state: "settled" }]);
  expect(ledger).toMatchObject([
    {
      hold_id: holds[0]?.id,
      attempt: 1,
      outcome: "completed",
      estimated: false,
      input_tokens: usage?.inputTokens,
      output_tokens: usage?.outputTokens,
    },
  ]);
  const cost = ledger[0]?.cost_nano;
  expect(windows).toMatchObject([
    { unit: "requests", used: 1, held: 0 },
    { unit: "tokens", held: 0 },
    { unit: "nano_usd", used: cost, held: 0 },
  ]);
  return holds[0]?.id as string;
}
