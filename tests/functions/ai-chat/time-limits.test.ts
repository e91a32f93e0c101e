import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { expectInterruption, readBrokenOffStream } from "../../support/expect-interruption.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { joinText, readRest, waitForEvent } from "../../support/read-events.ts";
import { readMetering } from "../../support/read-metering.ts";

const sql = connectDatabase();
const provider = watchProvider();
// Impatient, so that nobody waits long for what never comes.
let instance: ExtraFunction;
let chats: ReturnType<typeof createChatClient>;

beforeAll(async () => {
  instance = await startExtraFunction({
    CHAT_FIRST_TOKEN_MS: "1500",
    CHAT_GAP_MS: "1000",
    CHAT_DEADLINE_MS: "4000",
    CHAT_HEARTBEAT_MS: "50",
  });
  chats = createChatClient(instance.url);
});
afterAll(() => instance.stop());

describe.concurrent("a provider that takes its time", () => {
  test("a stream that stalls is ended by an error event, and what arrived is kept and charged by estimate", async () => {
    const caller = await signUpCaller(sql, { simulate: "stall=12" });
    const message = randomUUID();
    const events = await chats.stream(caller, { message });
    const charge = await expectInterruption(sql, caller, message, joinText(events));
    expect(readBrokenOffStream(events)).toMatchObject({ code: "provider_interrupted", ...charge });
  });

  test.for([
    ["silent", "silent"],
    ["silent after its headers", "headers=early;silent"],
  ])("a provider that stays %s is a 504, and costs nothing", async ([, simulate = ""], { expect }) => {
    const caller = await signUpCaller(sql, { simulate });
    const marker = randomUUID();
    const answers = await Promise.all([
      chats.ask(caller, { message: marker }),
      chats.ask(caller, { message: marker, stream: true }),
    ]);
    for (const { status, error } of answers) expect([status, error.code]).toEqual([504, "provider_timeout"]);
    await expect
      .poll(() => readMetering(sql, caller.userId))
      .toMatchObject({
        holds: [{ state: "settled" }, { state: "settled" }],
        ledger: [],
        windows: [{ held: 0 }, {}, {}],
      });
    // The provider is not left working for nobody.
    await provider.waitForCall(marker, "aborted");
  });

  test("an answer beyond the deadline is ended by an error event, and what arrived is kept and charged", async () => {
    const caller = await signUpCaller(sql, { simulate: "tps=20;tokens=1000" });
    const message = randomUUID();
    const events = await chats.stream(caller, { message });
    expect(readBrokenOffStream(events)).toMatchObject({ type: "server_error", code: "deadline_exceeded" });
    await expectInterruption(sql, caller, message, joinText(events));
  });

  test("while a model thinks, comments keep the connection alive", async () => {
    const hold = randomUUID();
    const caller = await signUpCaller(sql, { simulate: `hold=${hold}@3` });
    const { events } = await chats.open(caller, { message: "Hello" });
    await waitForEvent(events, "chunk");
    await waitForEvent(events, "comment");
    const comment = await waitForEvent(events, "comment");
    expect(comment.data).toBe("ping");
    await provider.release(hold);
    expect((await readRest(events)).at(-1)?.type).toBe("done");
  });
});
