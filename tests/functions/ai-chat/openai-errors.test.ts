import { OpenAI } from "openai";
import { describe, expect, test } from "vitest";
import { connectDatabase } from "../../support/connect-database.ts";
import { startExtraFunction } from "../../support/extra-function.ts";
import { connectOpenAI, openaiBaseUrl } from "../../support/openai-client.ts";
import { signUpCaller } from "../../support/people.ts";
import { readMetering } from "../../support/read-metering.ts";

const sql = connectDatabase();

type Params = Partial<OpenAI.ChatCompletionCreateParamsNonStreaming> & Record<string, unknown>;

/** What the official client throws, where it does. */
async function refusalOf(client: OpenAI, params: Params): Promise<unknown> {
  const messages = [{ role: "user" as const, content: "Hello" }];
  return client.chat.completions.create({ model: "", messages, ...params }).catch((error: unknown) => error);
}

describe("the official client throws the error of its kind for", () => {
  const cases: [what: string, params: Params, kind: new (...args: never[]) => Error, told: object][] = [
    [
      "a field that is wrong",
      { temperature: 9 },
      OpenAI.BadRequestError,
      { status: 400, code: "invalid_request", param: "temperature" },
    ],
    [
      "a field within a message",
      { messages: [{ role: "user", content: "" }] },
      OpenAI.BadRequestError,
      { status: 400, code: "invalid_request", param: "messages.0.content" },
    ],
    [
      "a field that nobody knows",
      { turbo: true },
      OpenAI.BadRequestError,
      { status: 400, code: "invalid_request", param: "turbo" },
    ],
    [
      "what this service does not do",
      { n: 3 },
      OpenAI.BadRequestError,
      { status: 400, code: "unsupported_parameter", param: "n" },
    ],
    [
      "a model that there is not",
      { model: "nobody/nothing" },
      OpenAI.NotFoundError,
      { status: 404, code: "model_not_found" },
    ],
    [
      "a model of a higher plan",
      { model: "openai/gpt-4o" },
      OpenAI.PermissionDeniedError,
      { status: 403, code: "model_not_allowed" },
    ],
  ];
  test.each(cases)("%s", async (_what, params, kind, told) => {
    const caller = await signUpCaller(sql);
    for (const stream of [false, true]) {
      const error = await refusalOf(connectOpenAI(caller), {
        model: caller.modelId,
        ...params,
        stream,
      } as Params);
      expect(error).toBeInstanceOf(kind);
      expect(error).toMatchObject({ ...told, requestID: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    }
    expect((await readMetering(sql, caller.userId)).holds).toEqual([]);
  });

  test("a key that is none", async () => {
    const error = await refusalOf(connectOpenAI({ token: "sk-not-a-token" }), {});
    expect(error).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(error).toMatchObject({ status: 401, code: "unauthorized", type: "authentication_error" });
  });

  test("a limit that is used up", async () => {
    const caller = await signUpCaller(sql, { limits: [{ unit: "requests", window: "day", amount: 1 }] });
    const client = connectOpenAI(caller);
    expect(await refusalOf(client, { model: caller.modelId })).toHaveProperty("choices");
    const error = await refusalOf(client, { model: caller.modelId });
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(error).toMatchObject({
      status: 402,
      code: "quota_exceeded",
      type: "insufficient_quota",
      error: { limit: { unit: "requests", window: "day" } },
    });
  });

  test("too many requests a minute, with the time to wait", async () => {
    const caller = await signUpCaller(sql, { limits: [{ unit: "requests", window: "minute", amount: 1 }] });
    const client = connectOpenAI(caller);
    await refusalOf(client, { model: caller.modelId });
    const error = await refusalOf(client, { model: caller.modelId });
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ status: 429, code: "rate_limited" });
    expect(
      Number((error as InstanceType<typeof OpenAI.APIError>).headers?.get("retry-after")),
    ).toBeGreaterThan(0);
  });

  test("a model that nobody serves", async () => {
    const caller = await signUpCaller(sql);
    await sql`update private.model_routes set is_enabled = false where model_id = ${caller.modelId}`;
    const error = await refusalOf(connectOpenAI(caller), { model: caller.modelId });
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(error).toMatchObject({ status: 503, code: "model_unavailable" });
    // It cost nothing: whether to ask again is the client's to decide.
    expect((error as InstanceType<typeof OpenAI.APIError>).headers?.has("x-should-retry")).toBe(false);
  });
});

describe("an answer that breaks off", () => {
  test("in a stream is an error of the API, which says what was charged", async () => {
    const caller = await signUpCaller(sql, { simulate: "tokens=30;cut=10" });
    const stream = await connectOpenAI(caller).chat.completions.create({
      model: caller.modelId,
      messages: [{ role: "user", content: "Hello" }],
      stream: true,
    });
    const reasons: unknown[] = [];
    const read = async () => {
      for await (const { choices } of stream) reasons.push(choices[0]?.finish_reason);
    };
    const error = await read().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.APIError);
    const { ledger } = await readMetering(sql, caller.userId);
    expect(ledger).toMatchObject([{ outcome: "interrupted" }]);
    expect(error).toMatchObject({
      code: "provider_interrupted",
      type: "provider_error",
      error: { costNano: ledger[0]?.cost_nano, estimated: ledger[0]?.estimated },
    });
    expect(reasons.length).toBeGreaterThan(1);
    expect(reasons.every((reason) => reason === null)).toBe(true);
  });

  test("in a stream is not closed as if it were complete", async () => {
    const caller = await signUpCaller(sql, { simulate: "tokens=30;cut=10" });
    const response = await fetch(`${openaiBaseUrl()}/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${caller.token}` },
      body: JSON.stringify({
        model: caller.modelId,
        messages: [{ role: "user", content: "Hello" }],
        stream: true,
      }),
    });
    const events = (await response.text()).split("\n\n").filter((event) => event !== "");
    expect(events.at(-1)).toMatch(/^data: \{"error":\{"message":/);
    expect(events).not.toContain("data: [DONE]");
  });

  test("in one piece is not asked for again by a client that repeats what fails: it was paid for", async () => {
    const instance = await startExtraFunction({ CHAT_DEADLINE_MS: "1000" });
    try {
      const caller = await signUpCaller(sql, { simulate: "tokens=30;stall=10" });
      const client = connectOpenAI(caller, { baseURL: openaiBaseUrl(instance.url), maxRetries: 2 });
      const error = await refusalOf(client, { model: caller.modelId });
      const { holds, ledger } = await readMetering(sql, caller.userId);
      expect(error).toMatchObject({
        status: 504,
        code: "deadline_exceeded",
        error: { costNano: ledger[0]?.cost_nano },
      });
      expect((error as InstanceType<typeof OpenAI.APIError>).headers?.get("x-should-retry")).toBe("false");
      expect(holds).toHaveLength(1);
    } finally {
      await instance.stop();
    }
  });
});
