import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../../local/ports.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { type Caller, signUpCaller } from "../../support/people.ts";
import { readMetering } from "../../support/read-metering.ts";

const sql = connectDatabase();
// Long enough that the provider's error shows its ends, as true ones do.
const key = "sk-canary1-0123456789abcdefghijkl-canary2";
let instance: ExtraFunction;
let chats: ReturnType<typeof createChatClient>;

beforeAll(async () => {
  instance = await startExtraFunction({ OPENAI_API_KEY: key });
  chats = createChatClient(instance.url);
});
afterAll(() => instance.stop());

const refusals: [simulate: string, status: number, code: string, type: string, retryAfter: string | null][] =
  [
    ["status=400", 400, "provider_refused", "invalid_request_error", null],
    [
      "status=400;code=context_length_exceeded",
      400,
      "context_length_exceeded",
      "invalid_request_error",
      null,
    ],
    ["status=401", 502, "provider_failed", "provider_error", null],
    ["status=429", 503, "provider_busy", "provider_error", "2"],
    ["status=429;code=insufficient_quota", 502, "provider_failed", "provider_error", null],
    ["status=500", 502, "provider_failed", "provider_error", null],
    ["status=503", 502, "provider_failed", "provider_error", null],
  ];

describe.each([
  ["a JSON answer", false],
  ["a stream", true],
])("before %s", (_what, stream) => {
  test.each(refusals)(
    "the provider's refusal %s is a %i %s, and costs nothing",
    async (simulate, status, code, type, retryAfter) => {
      const caller = await signUpCaller(sql, { simulate });
      const prompt = randomUUID();
      const answer = await chats.ask(caller, { message: prompt, stream });

      expect([answer.status, answer.headers.get("retry-after")]).toEqual([status, retryAfter]);
      expect(answer.headers.get("content-type")).toBe("application/json");
      expect(answer.error).toEqual({ code, type, param: null, message: expect.any(String) });
      const body = JSON.stringify(answer.error);
      expect(body).not.toMatch(
        /sk-ca|ary2|temperature|maximum context length is|organization|quota|retry your request/,
      );
      await expectNothingCharged(caller);

      const line = instance.lines.find((each) => each.includes(caller.userId)) as string;
      expect(JSON.parse(line)).toMatchObject({ status, code, model: caller.modelId, provider: "openai" });
      expect(JSON.parse(line).cause).toMatch(/^ProviderError: [45]\d\d /);
      expect(line).not.toMatch(/sk-ca|ary2/);
      expect(line).not.toContain(prompt);
    },
  );
});

test("a provider that cannot be reached is a 502, and costs nothing", async () => {
  const unreachable = await startExtraFunction({ OPENAI_BASE_URL: `http://127.0.0.1:${await freePort()}` });
  try {
    const caller = await signUpCaller(sql);
    const { status, error } = await createChatClient(unreachable.url).ask(caller, { message: "Hello" });
    expect([status, error.code]).toEqual([502, "provider_failed"]);
    await expectNothingCharged(caller);
  } finally {
    await unreachable.stop();
  }
});

test("a model whose provider has no key is a 503, and costs nothing", async () => {
  const caller = await signUpCaller(sql);
  await sql`update private.model_routes set provider = 'nobody' where model_id = ${caller.modelId}`;
  const { status, error, headers } = await chats.ask(caller, { message: "Hello" });
  expect([status, error.code, headers.get("retry-after")]).toEqual([503, "model_unavailable", "60"]);
  await expectNothingCharged(caller);
});

test("a model without a priced route is a 503, and is not held", async () => {
  const caller = await signUpCaller(sql);
  await sql`update private.model_routes set is_enabled = false where model_id = ${caller.modelId}`;
  const { status, error } = await chats.ask(caller, { message: "Hello" });
  expect([status, error.code]).toEqual([503, "model_unavailable"]);
  expect((await readMetering(sql, caller.userId)).holds).toEqual([]);
});

/** The caller does not wait for the release of the hold, so this does. */
async function expectNothingCharged({ userId }: Caller): Promise<void> {
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
