import { expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type Caller, signUpCaller } from "../../support/people.ts";
import type { LimitOptions } from "../../support/test-models.ts";

const sql = connectDatabase();
const chats = createChatClient();

/** The headers of a unit: how much there is, how much is left and when it resets. */
function readHeaders({ headers }: { headers: Headers }, unit: "requests" | "tokens") {
  const [limit, remaining, reset] = ["limit", "remaining", "reset"].map((name) =>
    headers.get(`x-ratelimit-${name}-${unit}`),
  );
  return [limit, remaining, reset];
}

/** A few seconds or minutes, as OpenAI writes them. */
const aMinuteAtMost = /^(?:\d+m?s|1m0s)$/;
const aDayAtMost = /^(?:\d+h)?(?:\d+m)?\d+m?s$/;

const perDay = (amount: number): LimitOptions => ({ unit: "requests", window: "day", amount });
const perMinute = (amount: number): LimitOptions => ({ unit: "requests", window: "minute", amount });
const tokensPerDay = (amount: number): LimitOptions => ({ unit: "tokens", window: "day", amount });

const ways: [what: string, path: string, body: (model: string) => Record<string, unknown>][] = [
  ["an answer", "", () => ({ message: "Hello", options: { maxTokens: 100 } })],
  ["a stream", "", () => ({ message: "Hello", stream: true, options: { maxTokens: 100 } })],
  ["an answer of OpenAI's shape", "/v1/chat/completions", toOpenAI],
  ["a stream of OpenAI's shape", "/v1/chat/completions", (model) => ({ ...toOpenAI(model), stream: true })],
];

function toOpenAI(model: string) {
  return { model, messages: [{ role: "user", content: "Hello" }], max_completion_tokens: 100 };
}

async function post({ token }: Caller, path: string, body: Record<string, unknown>): Promise<Response> {
  const response = await chats.send(path, { token, method: "POST", body: JSON.stringify(body) });
  await response.text();
  return response;
}

test.each(ways)(
  "%s tells how many requests and tokens are left while it is held for, and when there are more",
  async (_what, path, body) => {
    const caller = await signUpCaller(sql, { limits: [perDay(1000), tokensPerDay(5000), perMinute(10)] });
    const response = await post(caller, path, body(caller.modelId));
    expect(response.status).toBe(200);
    // Of the day's and the minute's requests those that are fewer.
    expect(readHeaders(response, "requests")).toEqual(["10", "9", expect.stringMatching(aMinuteAtMost)]);
    // The prompt is held as 5 bytes and 32 for framing, and the answer as all of its 100 tokens.
    expect(readHeaders(response, "tokens")).toEqual(["5000", "4863", expect.stringMatching(aDayAtMost)]);
  },
);

test("an embedding tells them, too", async () => {
  const caller = await signUpCaller(sql, { outputUsd: "0", limits: [perDay(7)] });
  await sql`update private.models set output_modalities = '{embeddings}' where id = ${caller.modelId}`;
  const response = await post(caller, "/v1/embeddings", { model: caller.modelId, input: "Hello" });
  expect(response.status).toBe(200);
  expect(readHeaders(response, "requests")).toEqual(["7", "6", expect.stringMatching(aDayAtMost)]);
});

test("each answer tells what the one before has left, and the last one that nothing is", async () => {
  const caller = await signUpCaller(sql, { limits: [perDay(2)] });
  const left: (string | null | undefined)[] = [];
  for (let at = 0; at < 2; at++)
    left.push(readHeaders(await post(caller, "", { message: "Hello" }), "requests")[1]);
  expect(left).toEqual(["1", "0"]);
});

test.each(ways)(
  "%s that is refused with 402 tells that no requests are left, and when there are",
  async (_what, path, body) => {
    const caller = await signUpCaller(sql, { limits: [perDay(1), tokensPerDay(1_000_000)] });
    await post(caller, path, body(caller.modelId));
    const refused = await post(caller, path, body(caller.modelId));
    expect(refused.status).toBe(402);
    expect(readHeaders(refused, "requests")).toEqual(["1", "0", expect.stringMatching(aDayAtMost)]);
    const [limit, remaining] = readHeaders(refused, "tokens");
    expect([limit, Number(remaining) < 1_000_000]).toEqual(["1000000", true]);
  },
);

test("what is refused because too few tokens are left tells how many are", async () => {
  const caller = await signUpCaller(sql, { limits: [tokensPerDay(100)] });
  const refused = await post(caller, "", { message: "Hello" });
  expect(refused.status).toBe(402);
  expect(readHeaders(refused, "tokens")).toEqual(["100", "100", expect.stringMatching(aDayAtMost)]);
  expect(readHeaders(refused, "requests")).toEqual([null, null, null]);
});

test.each(ways)(
  "%s that is refused with 429 tells that nothing can be sent now, and when all can be sent again",
  async (_what, path, body) => {
    const caller = await signUpCaller(sql, { limits: [perMinute(2), perDay(50)] });
    const answers = [];
    for (let at = 0; at < 3; at++) answers.push(await post(caller, path, body(caller.modelId)));
    const [one, two, refused] = answers as [Response, Response, Response];
    expect([one.status, two.status, refused.status]).toEqual([200, 200, 429]);
    expect(readHeaders(two, "requests")).toEqual(["2", "0", expect.stringMatching(aMinuteAtMost)]);
    expect(readHeaders(refused, "requests")).toEqual(["2", "0", expect.stringMatching(aMinuteAtMost)]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  },
);

test("where no limit counts a unit no header tells of it, and neither do those of other refusals", async () => {
  const caller = await signUpCaller(sql, { limits: [] });
  const answered = await post(caller, "", { message: "Hello" });
  const unknown = await post(caller, "", { message: "Hello", model: "nobody/nothing" });
  expect([answered.status, unknown.status]).toEqual([200, 404]);
  for (const response of [answered, unknown])
    expect([...response.headers.keys()].filter((name) => name.startsWith("x-ratelimit"))).toEqual([]);
});

test("what is told again under its Idempotency-Key tells no limits, of which it takes nothing", async () => {
  const caller = await signUpCaller(sql, { limits: [perDay(5)] });
  const headers = { "idempotency-key": "once" };
  const [first, again] = [
    await chats.ask(caller, { message: "Hello" }, { headers }),
    await chats.ask(caller, { message: "Hello" }, { headers }),
  ];
  expect([readHeaders(first, "requests")[1], again.headers.get("idempotent-replayed")]).toEqual([
    "4",
    "true",
  ]);
  expect(readHeaders(again, "requests")).toEqual([null, null, null]);
});
