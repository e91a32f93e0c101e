import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, type ExpectStatic, expect, test } from "vitest";
import { freePort } from "../../../local/ports.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { type Caller, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { readMetering } from "../../support/read-metering.ts";
import { environmentKeyId, simulateMoreProviders } from "../../support/simulated-providers.ts";

interface Refusal {
  simulate: string;
  status: number;
  code: string;
  type: string;
  retryAfter: string | null;
}

// Longer than anybody waits.
const later = ";retryafter=11";
const invalid = { status: 400, type: "invalid_request_error", retryAfter: null };
const failed = { status: 502, code: "provider_failed", type: "provider_error", retryAfter: null };
const refusals: Refusal[] = [
  { simulate: "status=400", ...invalid, code: "provider_refused" },
  { simulate: "status=400;code=context_length_exceeded", ...invalid, code: "context_length_exceeded" },
  { simulate: "status=401", ...failed },
  { simulate: `status=429${later}`, ...failed, status: 503, code: "provider_busy", retryAfter: "11" },
  { simulate: "status=429;code=insufficient_quota", ...failed },
  { simulate: `status=500${later}`, ...failed },
  { simulate: `status=503${later}`, ...failed },
];
const cases = [false, true]
  .flatMap((stream) => refusals.map((refusal) => ({ ...refusal, stream })))
  // Each with a provider of its own: what is learned of a key or a route is known to all that come after.
  .map((refusal, index) => ({ ...refusal, index, what: refusal.stream ? "a stream" : "a JSON answer" }));

const sql = connectDatabase();
const provider = watchProvider();
let instance: ExtraFunction;
let chats: ReturnType<typeof createChatClient>;

// Long enough that the provider's error shows its ends, as true ones do.
const keyOf = (index: number) => `sk-canary1-0123456789abcdefghijkl-${index}-canary2`;

beforeAll(async () => {
  const keys = cases.map(({ index }) => [`EXTRA_${index}_API_KEY`, keyOf(index)]);
  instance = await startExtraFunction({
    ...simulateMoreProviders(cases.length),
    ...Object.fromEntries(keys),
  });
  chats = createChatClient(instance.url);
});
afterAll(() => instance.stop());

describe.concurrent("before the answer has begun", () => {
  test.for(cases)(
    "of $what, the provider's refusal $simulate is a $status $code at once, and costs nothing",
    async ({ index, simulate, stream, status, code, type, retryAfter }, { expect }) => {
      const name = `extra-${index}`;
      const caller = await signUpCaller(sql, { routes: [{ provider: name, simulate }] });
      const prompt = randomUUID();
      const answer = await chats.ask(caller, { message: prompt, stream });

      expect([answer.status, answer.headers.get("retry-after")]).toEqual([status, retryAfter]);
      expect(answer.headers.get("content-type")).toBe("application/json");
      expect(answer.error).toEqual({ code, type, param: null, message: expect.any(String) });
      const body = JSON.stringify(answer.error);
      expect(body).not.toMatch(
        /sk-ca|ary2|temperature|maximum context length is|organization|quota|retry your request/,
      );
      await expectNothingCharged(caller, expect);
      expect(await provider.findCalls(prompt)).toHaveLength(1);

      const lines = instance.lines.filter((line) => line.includes(answer.headers.get("x-request-id") ?? "-"));
      const [told] = lines.filter((line) => line.includes(caller.userId)).map((line) => JSON.parse(line));
      expect(told).toMatchObject({ event: "request", status, code });
      expect(told.cause).toMatch(/^ProviderError: [45]\d\d /);
      const failures = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "call_failed");
      expect(failures).toHaveLength(1);
      expect(failures[0]).toMatchObject({
        attempt: 1,
        provider: name,
        upstreamModel: `gpt-4o-mini;${simulate}`,
        credentialId: environmentKeyId(name, keyOf(index)),
        code,
        cause: told.cause,
      });
      expect(lines.join()).not.toMatch(/sk-ca|ary2/);
      expect(lines.join()).not.toContain(prompt);
    },
  );

  test("a provider that cannot be reached is a 502, and costs nothing", async ({ expect }) => {
    const unreachable = await startExtraFunction({
      OPENAI_BASE_URL: `http://127.0.0.1:${await freePort()}`,
      // Some tries are enough.
      CHAT_DEADLINE_MS: "3000",
    });
    try {
      const caller = await signUpCaller(sql);
      const { status, error } = await createChatClient(unreachable.url).ask(caller, { message: "Hello" });
      expect([status, error.code]).toEqual([502, "provider_failed"]);
      await expectNothingCharged(caller, expect);
    } finally {
      await unreachable.stop();
    }
  });
});

test("a model whose provider has no key is a 503, and costs nothing", async () => {
  const caller = await signUpCaller(sql, { routes: [{ provider: "nobody" }] });
  const { status, error, headers } = await chats.ask(caller, { message: "Hello" });
  expect([status, error.code, headers.get("retry-after")]).toEqual([503, "model_unavailable", "60"]);
  await expectNothingCharged(caller, expect);
});

test("a model without a priced route is a 503, and is not held", async () => {
  const caller = await signUpCaller(sql, { routes: [{ isEnabled: false }] });
  const { status, error } = await chats.ask(caller, { message: "Hello" });
  expect([status, error.code]).toEqual([503, "model_unavailable"]);
  expect((await readMetering(sql, caller.userId)).holds).toEqual([]);
});

/** The caller does not wait for the release of the hold, so this does. */
async function expectNothingCharged({ userId }: Caller, expect: ExpectStatic): Promise<void> {
  await expect
    .poll(() => readMetering(sql, userId))
    .toMatchObject({
      holds: [{ state: "settled" }],
      ledger: [],
      windows: [
        { used: 0, held: 0 },
        { used: 0, held: 0 },
        { used: 0, held: 0 },
      ],
    });
  expect(await sql`select from public.conversations where user_id = ${userId}`).toHaveLength(0);
}
