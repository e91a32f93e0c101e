import { randomInt, randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Call } from "../../../local/simulator/call-record.ts";
import { createAskers, type Outcome } from "../../support/ask-surface.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { signUp } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { abilities } from "../../support/provider-formats.ts";
import { createRandom } from "../../support/random.ts";
import { makeModels, makePlan } from "../../support/test-models.ts";
import { makeRandomChat, type RandomChat } from "./random-chats.ts";

const chatCount = 1000;
const chatsPerPerson = 20;
const atOnce = 24;

const run = randomUUID().slice(0, 8);
const price = (inputUsd: string, cacheReadUsd: string, cacheWriteUsd: string, outputUsd: string) => ({
  ...{ inputUsd, cacheReadUsd, cacheWriteUsd, outputUsd },
});
// Such as no sum of them comes out even.
const upstreams = {
  openai: { upstream: `gpt-${run}`, ...price("0.00000015", "0.000000075", "0.00000015", "0.0000006") },
  openrouter: {
    upstream: `any/${run}`,
    ...price("0.00000008333333333334", "0.00000001", "0.0000001", "0.00000033"),
  },
  anthropic: {
    upstream: `claude-${run}`,
    ...price("0.0000010001", "0.00000010001", "0.00000125", "0.000005"),
  },
  google: {
    upstream: `gemini-${run}`,
    ...price("0.0000000999", "0.00000003", "0.0000000999", "0.0000024999"),
  },
};

const sql = connectDatabase();
const provider = watchProvider();
let instance: ExtraFunction;

beforeAll(async () => {
  const prices = Object.values(upstreams).map(({ upstream, ...usd }) => [upstream, usd]);
  await provider.setPrices(Object.fromEntries(prices));
  instance = await startExtraFunction({ CHAT_GAP_MS: "3000" });
});
afterAll(() => instance.stop());

interface Played extends RandomChat {
  modelId: string;
  userId: string;
  /** Null where the client hung up. */
  outcome: Outcome | null;
}

/** Plays chats, some at a time, each by somebody who has others at the same time. */
async function play(chats: RandomChat[]): Promise<Played[]> {
  const people = await Promise.all(Array.from({ length: Math.ceil(chats.length / chatsPerPerson) }, signUp));
  const options = { supportedParameters: abilities, maxOutputTokens: 4000 };
  const modelIds = await makeModels(
    sql,
    chats.map(({ routes }) => ({ ...options, routes })),
  );
  const limits = [
    { unit: "requests", window: "day", amount: 10_000 },
    { unit: "tokens", window: "day", amount: 1_000_000_000 },
    { unit: "nano_usd", window: "month", amount: 1_000_000_000_000 },
  ] as const;
  const planId = await makePlan(sql, { limits: [...limits], models: modelIds });
  await sql`update private.accounts set plan_id = ${planId} where user_id = any (${people.map(({ userId }) => userId)})`;

  const ask = createAskers(instance.url);
  const played: Played[] = [];
  const queue = chats.entries();
  async function playNext(): Promise<void> {
    for (const [index, chat] of queue) {
      const person = people[index % people.length] as (typeof people)[number];
      const modelId = modelIds[index] as string;
      const signal = chat.hangUpMs === null ? undefined : AbortSignal.timeout(chat.hangUpMs);
      const outcome = await ask[chat.surface](person, { ...chat.question, model: modelId }, signal).catch(
        (error: unknown) => {
          if (signal?.aborted) return null;
          throw new Error(`${chat.marker}: ${error}`, { cause: error });
        },
      );
      played.push({ ...chat, modelId, userId: person.userId, outcome });
    }
  }
  await Promise.all(Array.from({ length: atOnce }, playNext));
  return played;
}

interface Charge {
  model_id: string;
  attempt: number;
  cost_nano: number;
}

/** All provider calls and all charges, once nothing is going on any more. */
async function readBooks(
  played: Played[],
): Promise<{ calls: Map<string, Call[]>; charges: Map<string, Charge[]> }> {
  const userIds = [...new Set(played.map(({ userId }) => userId))];
  const pending = () => sql`select from private.holds where user_id = any (${userIds}) and state = 'pending'`;
  await expect.poll(pending, { timeout: 30_000 }).toHaveLength(0);
  const findRunning = async () => (await provider.findCalls(run)).filter(({ state }) => state === "running");
  await expect.poll(findRunning, { timeout: 10_000 }).toEqual([]);
  const calls = Map.groupBy(
    await provider.findCalls(run),
    ({ prompt }) => /run-\w+-\d+/.exec(prompt)?.[0] ?? "",
  );
  const rows = await sql<Charge[]>`
    select model_id, attempt, cost_nano from private.ledger where user_id = any (${userIds}) order by attempt`;
  return { calls, charges: Map.groupBy(rows, ({ model_id }) => model_id) };
}

test(`over ${chatCount} random chats the ledger's total is the providers' bill, to the nano-dollar`, {
  timeout: 120_000,
}, async () => {
  const seed = Number(process.env.BILL_SEED ?? randomInt(2 ** 32));
  process.stdout.write(`the chats of BILL_SEED=${seed}\n`);
  const random = createRandom(seed);
  const markers = Array.from(
    { length: chatCount },
    (_, index) => `run-${run}-${String(index).padStart(5, "0")}`,
  );
  const startedAt = Date.now();
  const played = await play(markers.map((marker) => makeRandomChat({ random, marker, upstreams })));
  const { calls, charges } = await readBooks(played);

  const wrong = played.flatMap((chat) => {
    const own = calls.get(chat.marker) ?? [];
    const billed = own.flatMap((call, index) =>
      call.billNano > 0 ? [`${index + 1}: ${call.billNano}`] : [],
    );
    const charged = (charges.get(chat.modelId) ?? []).map((row) => `${row.attempt}: ${row.cost_nano}`);
    const faults = [
      ...(billed.join() === charged.join() ? [] : [`billed ${billed}, charged ${charged}`]),
      ...findCuts(chat, own),
    ];
    return faults.length === 0 ? [] : [{ faults, ...describeChat(chat, own) }];
  });
  expect(wrong).toEqual([]);

  const all = [...calls.values()].flat();
  const [{ charged, drift }] = await sql<[{ charged: number; drift: number }]>`
      select
        (select sum(cost_nano)::bigint from private.ledger where user_id = any (${played.map(({ userId }) => userId)})) as charged,
        (select count(*) from private.metering_drift) as drift`;
  expect({ charged, drift }).toEqual({
    charged: all.reduce((sum, { billNano }) => sum + billNano, 0),
    drift: 0,
  });
  const held = await sql`
      select from private.usage_windows where held <> 0 and user_id = any (${played.map(({ userId }) => userId)})`;
  expect(held).toHaveLength(0);

  const outcomes = played.map(({ outcome }) => outcome);
  const counts = {
    chats: played.length,
    calls: all.length,
    complete: outcomes.filter((outcome) => outcome !== null && outcome.error === null).length,
    failed: outcomes.filter((outcome) => outcome?.error).length,
    hungUp: outcomes.filter((outcome) => outcome === null).length,
    restarted: outcomes.filter((outcome) => outcome && outcome.restarts > 0).length,
    estimated: outcomes.filter((outcome) => outcome?.estimated).length,
    severalPaid: [...charges.values()].filter((rows) => rows.length > 1).length,
    nanoUsd: charged,
    seconds: Math.round((Date.now() - startedAt) / 1000),
  };
  process.stdout.write(`${JSON.stringify(counts)}\n`);
  // Chance has left nothing out.
  expect(Object.entries(counts).filter(([, count]) => count === 0)).toEqual([]);
});

/** What a client was told to be complete, and is not. */
function findCuts({ outcome }: Played, calls: Call[]): string[] {
  if (outcome === null || outcome.error !== null) return [];
  const sent = calls.at(-1)?.tokensSent ?? -1;
  const bytesOf = (text: string) => Math.ceil(Buffer.byteLength(text) / 4);
  const got = bytesOf(outcome.text) + outcome.toolArguments.reduce((sum, text) => sum + bytesOf(text), 0);
  return got === sent ? [] : [`sent ${sent} tokens, got ${got}`];
}

function describeChat({ marker, surface, routes, question, hangUpMs, outcome }: Played, calls: Call[]) {
  return {
    ...{ marker, surface, hangUpMs, options: JSON.stringify(question.options) },
    routes: routes.map(({ provider, simulate }) => `${provider} ${simulate}`),
    outcome:
      outcome && `${outcome.status} ${outcome.error?.code ?? outcome.finishReason} ${outcome.text.length}`,
    calls: calls.map(
      (call) => `${call.format} ${call.state} ${call.tokensSent} ${JSON.stringify(call.usage)}`,
    ),
  };
}
