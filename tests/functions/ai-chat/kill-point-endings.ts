import type { ExpectStatic } from "vitest";
import { writeText } from "../../../local/simulator/write-text.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { askUnder, type KeyedChat, type Told } from "../../support/keyed-chat.ts";
import type { Database } from "../../support/open-database.ts";
import type { Caller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { readMetering } from "../../support/read-metering.ts";
import { type Ending, endings } from "./kill-point-table.ts";

/** The one chat of somebody whose function was failed. */
export interface FailedChat extends KeyedChat {
  caller: Caller;
  ending: Ending;
  /** Whether its function ended at once, so that the client was told nothing. */
  isKilled: boolean;
}

/** Checks what became of chats, and repeats them as a client does that comes to another instance. */
export function createEndingCheck(sql: Database) {
  const provider = watchProvider();
  const chats = createChatClient();

  /** Expects that a chat ended so, that to repeat it costs nothing more, and that nothing stays held. */
  return async function expectEnding(
    chat: FailedChat,
    told: Told | null,
    expect: ExpectStatic,
  ): Promise<void> {
    const { caller, marker, ending } = chat;
    const read = () => readMetering(sql, caller.userId);
    const whole = writeText(marker, 50).join("");
    expect(told === null).toBe(chat.isKilled);
    await expectNoDrift();

    if (ending === "nothing held") await expectNothing();
    else if (ending === "expired" || ending === "expired unsent") await expectExpiry();
    else if (told !== null) expectAnswer(told);
    const repeated = await askUnder(chats, chat);
    expect(repeated.headers.get("idempotent-replayed")).toBe(ending.startsWith("answered") ? "true" : null);

    const { ledger } = await read();
    const calls = await provider.findCalls(marker);
    expect(calls).toHaveLength(endings[ending].calls);
    expect(ledger).toHaveLength(1);
    const [row] = ledger;
    for (const each of [repeated, await askUnder(chats, chat)]) {
      expectAnswer(each);
      expect((each.result ?? each.error)?.costNano).toBe(row?.cost_nano);
    }
    if (told?.result) expect(told.result.costNano).toBe(row?.cost_nano);
    if (repeated.result) {
      // To the last nano-USD what the provider bills for the call that answered.
      expect(row).toMatchObject({ hold_id: repeated.result.id, outcome: "completed", estimated: false });
      expect([repeated.result.usage, row?.cost_nano]).toEqual([calls.at(-1)?.usage, calls.at(-1)?.billNano]);
    } else {
      expect(row).toMatchObject({
        outcome: ending === "broke off" ? "interrupted" : "expired",
        estimated: true,
      });
    }

    await expire();
    await expectNoDrift();
    const { holds, windows, ledger: last } = await read();
    expect(last).toEqual(ledger);
    expect(holds.filter(({ state }) => state === "pending")).toEqual([]);
    expect(windows).toMatchObject([
      { unit: "requests", used: 1, held: 0 },
      { unit: "tokens", used: (row?.input_tokens ?? 0) + (row?.output_tokens ?? 0), held: 0 },
      { unit: "nano_usd", used: row?.cost_nano, held: 0 },
    ]);

    /** What a client is told, the first time or again. */
    function expectAnswer({ status, result, error }: Told): void {
      if (ending === "broke off" || ending.startsWith("expired"))
        expect([error?.code, error?.estimated]).toEqual(["provider_interrupted", true]);
      else expect([status, result?.content]).toEqual([200, whole]);
    }

    /** Nothing is held or charged, perhaps after a moment, and no provider was called. */
    async function expectNothing(): Promise<void> {
      if (told !== null) expect([500, 503]).toContain(told.status);
      await expect
        .poll(async () => (await read()).holds.map(({ state }) => state), { timeout: 10_000 })
        .not.toContain("pending");
      expect((await read()).ledger).toEqual([]);
      expect(await provider.findCalls(marker)).toEqual([]);
    }

    /** It counts as running, and then what was surely sent is charged. */
    async function expectExpiry(): Promise<void> {
      const { holds, ledger } = await read();
      expect([holds, ledger]).toMatchObject([[{ state: "pending" }], []]);
      const { status, headers, error } = await askUnder(chats, chat);
      expect([status, headers.get("retry-after")]).toEqual([409, "1"]);
      expect(error).toMatchObject({ code: "request_running", requestId: holds[0]?.id });
      await expire();
    }

    /** As if the life of what the caller holds were over, and then one sweep. */
    async function expire(): Promise<void> {
      await sql`
        update private.holds set expires_at = now() - interval '1 second'
        where user_id = ${caller.userId} and state = 'pending'`;
      await sql`select private.sweep_holds(1000)`;
    }

    /** The counters are what the ledger and the pending holds say. */
    async function expectNoDrift(): Promise<void> {
      const drift = await sql`select * from private.metering_drift where user_id = ${caller.userId}`;
      expect([...drift]).toEqual([]);
    }
  };
}
