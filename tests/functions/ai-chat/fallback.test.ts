import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeText } from "../../../local/simulator/write-text.ts";
import { createAskers } from "../../support/ask-surface.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { readTurns } from "../../support/expect-interruption.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { waitForEvent } from "../../support/read-events.ts";
import { readMetering } from "../../support/read-metering.ts";
import type { RouteOptions } from "../../support/test-models.ts";

const sql = connectDatabase();
const provider = watchProvider();
let instance: ExtraFunction;
let chats: ReturnType<typeof createChatClient>;

beforeAll(async () => {
  instance = await startExtraFunction();
  chats = createChatClient(instance.url);
});
afterAll(() => instance.stop());

const second: RouteOptions = {
  provider: "anthropic",
  upstream: "claude-haiku-4-5",
  simulate: "prefill=refused;tokens=60",
  priority: 1,
};

test.each(
  (["our JSON", "OpenAI JSON"] as const).flatMap((surface) =>
    ["cut=40", "end=40", "error=40"].map((fault) => [surface, fault] as const),
  ),
)("%s that breaks off (%s) is asked for on the next route, and comes whole", async (surface, fault) => {
  const caller = await signUpCaller(sql, { routes: [{ simulate: `${fault};tokens=60` }, second] });
  const content = randomUUID();
  const question = { messages: [{ role: "user", content }], model: caller.modelId };
  const outcome = await createAskers(instance.url)[surface](caller, question);
  expect(outcome).toMatchObject({
    ...{ status: 200, error: null, finishReason: "stop", text: writeText(content, 60).join("") },
    ...{ provider: "anthropic", attempts: 2 },
  });
  const bills = (await provider.findCalls(content)).map(({ billNano }) => billNano);
  const { ledger } = await readMetering(sql, caller.userId);
  expect(ledger.map(({ attempt, cost_nano }) => [attempt, cost_nano])).toEqual([
    [1, bills[0]],
    [2, bills[1]],
  ]);
});

test("a client that hung up finds the answer whole, though its first provider broke off", async () => {
  const hold = randomUUID();
  const first = { simulate: `hold=${hold}@3;cut=40;tokens=60` };
  const caller = await signUpCaller(sql, { routes: [first, second] });
  const message = randomUUID();
  const { events, leave } = await chats.open(caller, { message });
  await waitForEvent(events, "chunk");
  leave();
  await provider.release(hold);
  await expect
    .poll(async () => (await readMetering(sql, caller.userId)).ledger, { timeout: 10_000 })
    .toMatchObject([
      { attempt: 1, outcome: "interrupted" },
      { attempt: 2, outcome: "completed" },
    ]);
  const answer = writeText(message, 60).join("");
  expect(await readTurns(sql, caller)).toEqual([{ question: message, answer, reason: "stop" }]);
});

test("another call is not made where the budget does not cover it: the error is clean, and the limit holds", async () => {
  // One call is held as 68 tokens of prompt and 100 of answer at most.
  const caller = await signUpCaller(sql, {
    ...{ inputUsd: "0.000001", outputUsd: "0.000001" },
    routes: [{ simulate: "cut=40;tokens=60" }, second],
    limits: [{ unit: "nano_usd", window: "month", amount: 2 * 168_000 - 1 }],
  });
  const message = randomUUID();
  const events = await chats.stream(caller, { message, options: { maxTokens: 100 } });
  expect(events.at(-1)).toMatchObject({ type: "error", data: { error: { code: "provider_interrupted" } } });
  expect(events.some(({ type }) => type === "restart")).toBe(false);
  const calls = await provider.findCalls(message);
  expect(calls).toMatchObject([{ format: "openai" }]);
  // 36 bytes of prompt and 160 of answer, at four a token, and 7 tokens of framing.
  expect((await readMetering(sql, caller.userId)).windows).toMatchObject([{ used: 56_000, held: 0 }]);

  const rich = await signUpCaller(sql, {
    ...{ inputUsd: "0.000001", outputUsd: "0.000001" },
    routes: [{ simulate: "cut=40;tokens=60" }, second],
    limits: [{ unit: "nano_usd", window: "month", amount: 2 * 168_000 }],
  });
  const whole = await chats.stream(rich, { message, options: { maxTokens: 100 } });
  expect(whole.at(-1)?.type).toBe("done");
});
