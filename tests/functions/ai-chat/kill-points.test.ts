import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, type ExpectStatic, test, vi } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type DatabaseGate, type GateFault, startDatabaseGate } from "../../support/database-gate.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { askUnder, type Told } from "../../support/keyed-chat.ts";
import { signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { createEndingCheck, type FailedChat } from "./kill-point-endings.ts";
import { type Failure, failures, type KillPoint, killPoints, type Mode, modes } from "./kill-point-table.ts";

// Nearly all of their time they wait.
vi.setConfig({ maxConcurrency: 6 });

const sql = connectDatabase();
const provider = watchProvider();
const expectEnding = createEndingCheck(sql);

type Chat = FailedChat & { mode: Mode; hold: string };

/** What became of the chats at each point, for people to see. */
const seen = new Map(killPoints.map(({ point }) => [point, failures.map(() => "FAILED")]));
afterAll(() => {
  const rows = [["point", ...failures], ...[...seen].map(([point, told]) => [point, ...told])];
  const lines = rows.map(([point = "", ...cells]) => [
    point.padEnd(40),
    ...cells.map((cell) => cell.padEnd(28)),
  ]);
  process.stdout.write(`${lines.map((cells) => cells.join(" | ").trimEnd()).join("\n")}\n`);
});

describe.concurrent("a chat whose function fails", () => {
  describe.for(killPoints)("$point", { concurrent: true }, (point) => {
    let gate: DatabaseGate;
    let instance: ExtraFunction;
    beforeAll(async () => {
      gate = await startDatabaseGate();
      instance = await startExtraFunction({ SUPABASE_URL: gate.url });
    });
    afterAll(async () => {
      await instance.stop();
      await gate.stop();
    });

    // One after the other, because they share an instance and its way to the database. The last one kills it.
    test.for(failures.map((failure) => ({ failure, what: describeFailure(point, failure) })))(
      "by $what is paid for once at most, and whoever repeats it under its key is told what came of it",
      { concurrent: false },
      async ({ failure }, { expect }) => {
        const chats = await Promise.all(point.modes.map((mode) => signUpChat(mode, point, failure)));
        try {
          const fault = readFault(point, failure);
          if (fault !== null) gate.fail(fault);
          const asking = chats.map((chat) => begin(chat, expect));
          await Promise.all(asking.map(({ reached }) => reached));
          const told = await fail(failure, chats, asking);
          for (const [index, chat] of chats.entries()) await expectEnding(chat, told[index] ?? null, expect);
        } finally {
          gate.open();
        }
        const came = chats.map(({ mode, ending }) =>
          ending === chats[0]?.ending ? ending : `${mode}: ${ending}`,
        );
        seen.get(point.point)?.splice(failures.indexOf(failure), 1, [...new Set(came)].join("; "));
      },
    );

    /** Begins a chat. Where the provider is held at the point, `reached` waits for it and for what the client has by then. */
    function begin(chat: Chat, expect: ExpectStatic) {
      let text = "";
      const asking = askUnder(createChatClient(instance.url), chat, (sofar) => {
        text = sofar;
      });
      const reach = async () => {
        if (point.heldAt === null) return;
        const isOver = asking.then(({ status, error }) => {
          throw new Error(`${chat.mode} did not come to the point: ${status} ${error?.message}`);
        });
        await Promise.race([provider.waitForHold(chat.hold), isOver]);
        const { arrivedTokens = 0 } = point;
        if (chat.mode === "a stream")
          await expect.poll(() => Buffer.byteLength(text) / 4, { interval: 10 }).toBe(arrivedTokens);
      };
      return { told: asking.catch(() => null), reached: reach() };
    }

    /** Fails the function at the point, and has it go on where it still can. Returns what clients are told. */
    async function fail(failure: Failure, chats: Chat[], asking: { told: Promise<Told | null> }[]) {
      const { database } = point;
      if (database) await gate.waitForFailures(database.name, chats.length);
      if (failure === "SIGKILL") await instance.kill();
      else if (failure === "an exception" && !database)
        for (const { hold } of chats) await provider.breakOff(hold);
      else if (!database) {
        gate.cut();
        for (const { hold } of chats) await provider.release(hold);
        await gate.waitForFailures("settle_chats", chats.length);
      }
      // A batch that was refused is sent again by halves: a hold that could not be placed must not be placed then.
      const isRefused = database?.name === "begin_chats";
      const told = Promise.all(asking.map((each) => each.told));
      if (isRefused) await told;
      gate.open();
      return told;
    }
  });
});

function describeFailure({ exception }: KillPoint, failure: Failure): string {
  return failure === "an exception" ? `an exception, ${exception.what},` : failure;
}

/** Signs somebody up whose one chat is held, where the provider is to be held, at the point. */
async function signUpChat(mode: Mode, point: KillPoint, failure: Failure): Promise<Chat> {
  const hold = randomUUID();
  const caller = await signUpCaller(
    sql,
    point.heldAt === null ? {} : { simulate: `hold=${hold}@${point.heldAt}` },
  );
  const short = mode === "a short JSON answer" ? point.shortEndings?.[failure] : undefined;
  return {
    ...{ mode, caller, hold, options: modes[mode], key: randomUUID(), marker: randomUUID() },
    ending: short ?? point.endings[failure],
    isKilled: failure === "SIGKILL",
  };
}

/** What the database does from the beginning on; null where it is well until a provider is at the point. */
function readFault({ database, exception }: KillPoint, failure: Failure): GateFault | null {
  if (database === undefined) return null;
  if (failure === "SIGKILL") return { ...database, answer: "nothing" };
  if (failure === "a database cut") return { ...database, answer: null };
  return { ...database, answer: exception.answer ?? null };
}
