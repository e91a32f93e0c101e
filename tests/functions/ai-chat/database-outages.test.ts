import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { projectRoot } from "../../../local/project.ts";
import { type Stack, startStack } from "../../../local/stack.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { askUnder, type KeyedChat, type Told } from "../../support/keyed-chat.ts";
import { type Database, openDatabase } from "../../support/open-database.ts";
import { type Caller, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { readMetering } from "../../support/read-metering.ts";
import { takeOverPostgres } from "../../support/take-over-postgres.ts";

// A stack of its own, whose database fails for real.
const directory = join(projectRoot, ".local", "test-outages");
const lines: string[] = [];
let stack: Stack;
let sql: Database;
let chats: ReturnType<typeof createChatClient>;
let provider: ReturnType<typeof watchProvider>;
let server: ReturnType<typeof takeOverPostgres>;

beforeAll(async () => {
  const onLine = (_part: string, line: string) => void lines.push(line);
  stack = await startStack({ directory, reset: true, environment: {}, schedules: false, onLine });
  const { apiUrl, dbUrl } = stack.description;
  chats = createChatClient(`${apiUrl}/functions/v1/ai-chat`);
  provider = watchProvider(stack.description);
  server = takeOverPostgres({ directory, dbUrl });
  // The owner of everything, who can end sessions and promote.
  sql = openDatabase(dbUrl.replace("//postgres:", "//supabase_admin:"), { onnotice: () => {} });
});
afterAll(async () => {
  await sql.end({ timeout: 1 });
  await stack.stop();
  await server.stop();
});

interface Outage {
  what: string;
  begin(): Promise<void>;
  end(): Promise<void>;
}

const endSessions = () =>
  sql`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'authenticator'`;

const outages: Outage[] = [
  {
    what: "has no connection left",
    async begin() {
      await sql`alter role authenticator connection limit 0`;
      await endSessions();
    },
    end: async () => void (await sql`alter role authenticator connection limit -1`),
  },
  {
    what: "has crashed",
    begin: () => server.crash(),
    end: () => server.start({ isStandby: false }),
  },
  {
    what: "is read-only, as a standby after a failover,",
    async begin() {
      await server.crash();
      await server.start({ isStandby: true });
    },
    end: async () => void (await sql`select pg_promote()`),
  },
];

test.each(outages)(
  "while the database $what a chat is a 503 with Retry-After and no provider is called; what was under way is paid for when it is back",
  { timeout: 60_000 },
  async ({ begin, end }) => {
    lines.length = 0;
    const hold = randomUUID();
    const [caller, other] = await Promise.all([signUp(`hold=${hold}@half`), signUp()]);
    const running = [chatOf(caller, { stream: true }), chatOf(caller, { stream: false })];
    const asking = running.map((chat) => askUnder(chats, chat));
    for (const { marker } of running) await provider.waitForCall(marker, "running");

    await begin();
    const refused = [chatOf(other, { stream: true }), chatOf(other, { stream: false }), chatOf(caller, {})];
    for (const chat of refused) {
      const { status, headers, error } = await askUnder(chats, chat);
      expect([status, headers.get("retry-after"), error?.code]).toEqual([503, "2", "database_unavailable"]);
    }
    await provider.release(hold);
    for (const { marker } of running) await provider.waitForCall(marker, "completed");
    await expect.poll(countFailedSettlements, { timeout: 10_000 }).toBe(running.length);
    await end();

    for (const [index, chat] of running.entries()) await expectPaid(chat, asking[index] as Promise<Told>);
    for (const { marker } of refused) expect(await provider.findCalls(marker)).toEqual([]);
    await expectNothingHeld(caller, other);
    for (const chat of refused) expect((await askUnder(chats, chat)).status).toBe(200);
    await expectNothingHeld(caller, other);
  },
);

function signUp(simulate = "tokens=50"): Promise<Caller> {
  return signUpCaller(sql, { simulate }, stack.description);
}

function chatOf(caller: Caller, options: Record<string, unknown>): KeyedChat {
  return { caller, options, key: randomUUID(), marker: randomUUID() };
}

/** Of how many requests the function has told that they could not be settled yet. */
function countFailedSettlements(): number {
  const failed = lines.filter((line) => line.includes("settlement_failed")).map((line) => JSON.parse(line));
  expect(failed.filter(({ isLost }) => isLost)).toEqual([]);
  return new Set(failed.map(({ requestId }) => requestId)).size;
}

/** Expects that a chat is charged what the provider bills for it, and that to repeat it costs nothing more. */
async function expectPaid(chat: KeyedChat, asking: Promise<Told>): Promise<void> {
  const [call] = await provider.findCalls(chat.marker);
  // The answer was whole; whoever waited too long for its charge is told that it is not recorded yet.
  const { headers, result, error } = await asking;
  if (error) expect(error.code).toBe("settlement_pending");
  else expect([result?.usage, result?.costNano]).toEqual([call?.usage, call?.billNano]);

  const id = headers.get("x-request-id");
  const readCharges = async () =>
    (await readMetering(sql, chat.caller.userId)).ledger.filter(({ hold_id }) => hold_id === id);
  await expect
    .poll(readCharges, { timeout: 15_000 })
    .toMatchObject([
      { outcome: "completed", estimated: false, output_tokens: 50, cost_nano: call?.billNano },
    ]);
  const again = await askUnder(chats, chat);
  expect([again.status, again.headers.get("idempotent-replayed")]).toEqual([200, "true"]);
  expect(again.result).toMatchObject({ id, usage: call?.usage, costNano: call?.billNano });
  expect(await readCharges()).toHaveLength(1);
}

async function expectNothingHeld(...callers: Caller[]): Promise<void> {
  for (const { userId } of callers)
    await expect
      .poll(async () => (await readMetering(sql, userId)).holds.filter(({ state }) => state === "pending"))
      .toEqual([]);
  expect([...(await sql`select * from private.usage_windows where held <> 0`)]).toEqual([]);
  expect([...(await sql`select * from private.metering_drift`)]).toEqual([]);
}
