import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { errorTable } from "../../../shared/domain/error-table.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { expectInterruption, readBrokenOffStream, readTurns } from "../../support/expect-interruption.ts";
import { signUpCaller } from "../../support/people.ts";
import { joinText } from "../../support/read-events.ts";
import { readMetering } from "../../support/read-metering.ts";

const sql = connectDatabase();
const chats = createChatClient();

describe("a stream that breaks off after 12 tokens", () => {
  test.each([
    ["cut in the middle of a chunk", "cut=12"],
    ["ended by an error", "error=12"],
    ["ended without a finish", "end=12"],
  ])("%s: an error event closes it, what arrived is kept and charged by estimate", async (_how, simulate) => {
    const caller = await signUpCaller(sql, { simulate });
    const message = randomUUID();
    const events = await chats.stream(caller, { message });

    const error = readBrokenOffStream(events);
    const charge = await expectInterruption(sql, caller, message, joinText(events));
    expect(error).toEqual({
      type: "provider_error",
      code: "provider_interrupted",
      param: null,
      message: errorTable.provider_interrupted.message,
      ...charge,
    });
  });

  test("cut before its first word: it is an error with its own status, and costs nothing", async () => {
    const caller = await signUpCaller(sql, { simulate: "end=0" });
    const { status, error } = await chats.ask(caller, { message: "Hello", stream: true });
    expect([status, error.code]).toEqual([502, "provider_failed"]);
    await expect
      .poll(() => readMetering(sql, caller.userId))
      .toMatchObject({ holds: [{ state: "settled" }], ledger: [] });
  });
});

describe("a JSON answer that breaks off after 12 tokens", () => {
  test.each([
    ["cut", "cut=12"],
    ["an error", "error=12"],
    ["no finish", "end=12"],
  ])("by %s: it is a 502, what arrived is kept and charged by estimate", async (_how, simulate) => {
    const caller = await signUpCaller(sql, { simulate });
    const message = randomUUID();
    const { status, error } = await chats.ask(caller, { message });
    const [stored] = await readTurns(sql, caller);
    const charge = await expectInterruption(sql, caller, message, stored?.answer);
    expect(status).toBe(502);
    expect(error).toMatchObject({ code: "provider_interrupted", ...charge });
  });

  test.each([
    ["cut", "cut=12"],
    ["half a body", "end=12"],
    ["broken JSON", "malformed=12"],
  ])(
    "by %s, when it was fetched whole: it is a 502 that says so, the prompt is charged by estimate and kept",
    async (_how, simulate) => {
      const caller = await signUpCaller(sql, { simulate });
      const message = randomUUID();
      const { status, error } = await chats.ask(caller, { message, options: { maxTokens: 60 } });
      expect([status, error]).toMatchObject([
        502,
        { code: "provider_interrupted", estimated: true, usage: { inputTokens: 16, outputTokens: 0 } },
      ]);
      expect(await readMetering(sql, caller.userId)).toMatchObject({
        holds: [{ state: "settled" }],
        ledger: [{ outcome: "interrupted", estimated: true, input_tokens: 16, output_tokens: 0 }],
        windows: [{ used: 1, held: 0 }, { used: 16, held: 0 }, { held: 0 }],
      });
      expect(await readTurns(sql, caller)).toEqual([{ question: message, answer: null, reason: null }]);
    },
  );
});

test("an answer without usage is complete, and charged by an estimate that says so", async () => {
  const caller = await signUpCaller(sql, { simulate: "usage=none;tokens=40" });
  const message = randomUUID();
  const { result } = await chats.ask(caller, { message });
  const events = await chats.stream(caller, { message });

  const tokens = { inputTokens: 16, outputTokens: Math.ceil(Buffer.byteLength(result.content) / 4) };
  expect(result).toMatchObject({ finishReason: "stop", estimated: true, usage: tokens });
  expect(events.at(-1)).toMatchObject({ type: "done", data: { estimated: true, usage: tokens } });
  const charge = {
    outcome: "completed",
    estimated: true,
    input_tokens: 16,
    output_tokens: tokens.outputTokens,
  };
  expect((await readMetering(sql, caller.userId)).ledger).toMatchObject([charge, charge]);
});

test("one broken chunk in a stream is skipped, and the answer is complete", async () => {
  const [broken, whole] = await Promise.all([
    signUpCaller(sql, { simulate: "malformed=5;tokens=30" }),
    signUpCaller(sql, { simulate: "tokens=30" }),
  ]);
  const events = await chats.stream(broken, { message: "Hello" });
  expect(joinText(events)).toBe((await chats.ask(whole, { message: "Hello" })).result.content);
  expect(events.at(-1)).toMatchObject({
    type: "done",
    data: { usage: { outputTokens: 30 }, estimated: false },
  });
});
