import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ErrorBody } from "../../../shared/domain/errors.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { type Caller, signUp, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { readMetering, untouched } from "../../support/read-metering.ts";
import type { ModelOptions } from "../../support/test-models.ts";

type Options = Parameters<typeof signUpCaller>[1] & ModelOptions;

interface List extends ErrorBody {
  object: string;
  model: string;
  data: { object: string; index: number; embedding: number[] }[];
  usage: { prompt_tokens: number; total_tokens: number };
  sluice: { provider: string; attempts: number; costNano: number; estimated: boolean; limits: unknown[] };
}

const sql = connectDatabase();
const provider = watchProvider();
let instance: ExtraFunction;
let chats: ReturnType<typeof createChatClient>;

beforeAll(async () => {
  instance = await startExtraFunction();
  chats = createChatClient(instance.url);
});
afterAll(() => instance.stop());

const upstreams = { openai: "text-embedding-3-small", google: "gemini-embedding-001" };
type Embedder = keyof typeof upstreams;

const route = (format: Embedder, simulate?: string) => ({
  provider: format,
  upstream: upstreams[format],
  ...(simulate === undefined ? {} : { simulate }),
});

function signUpEmbedder(format: Embedder, options: Options = {}): Promise<Caller> {
  return signUpCaller(sql, {
    contextTokens: 8192,
    maxOutputTokens: 1,
    outputModalities: ["embeddings"],
    supportedParameters: [],
    inputUsd: "0.00000002",
    outputUsd: "0",
    routes: [route(format)],
    ...options,
  });
}

const embed = (caller: Caller, body: Record<string, unknown>) =>
  chats.request<List>(caller, "POST", "/v1/embeddings", body);

describe.each(["openai", "google"] as const)("over %s", (format) => {
  test("texts become vectors, one each and in their order, and are charged exactly", async () => {
    const caller = await signUpEmbedder(format);
    const input = [randomUUID(), "東京 and 🌊", "The tide goes. ".repeat(40)];
    const { status, headers, body } = await embed(caller, { model: caller.modelId, input, dimensions: 16 });
    expect([status, body.object, body.model]).toEqual([200, "list", caller.modelId]);
    expect(body.data.map(({ index, object }) => [index, object])).toEqual(
      input.map((_, index) => [index, "embedding"]),
    );
    for (const { embedding } of body.data) expect(embedding).toHaveLength(16);
    expect(new Set(body.data.map(({ embedding }) => embedding.join())).size).toBe(input.length);

    const [call] = await provider.findCalls(input[0] as string);
    const tokens = input.reduce((sum, text) => sum + Math.ceil(Buffer.byteLength(text) / 4), 0);
    expect(call).toMatchObject({
      format,
      state: "completed",
      usage: { inputTokens: tokens, outputTokens: 0 },
    });
    const { holds, ledger, windows } = await readMetering(sql, caller.userId);
    const reported = body.usage.prompt_tokens;
    expect(body.usage.total_tokens).toBe(reported);
    expect(holds).toMatchObject([{ state: "settled" }]);
    expect(ledger).toMatchObject([
      { outcome: "completed", input_tokens: reported, output_tokens: 0, cost_nano: reported * 20 },
    ]);
    expect(body.sluice).toMatchObject({ provider: format, attempts: 1, costNano: reported * 20 });
    expect(body.sluice.estimated).toBe(ledger[0]?.estimated);
    if (!body.sluice.estimated) expect(reported).toBe(tokens);
    expect(windows).toMatchObject([
      { unit: "requests", used: 1, held: 0 },
      { unit: "tokens", used: reported, held: 0 },
      { unit: "nano_usd", used: reported * 20, held: 0 },
    ]);
    expect(headers.get("x-sluice-provider")).toBe(format);
    expect(await sql`select from public.conversations where user_id = ${caller.userId}`).toHaveLength(0);

    // One text alone is a list of one, and the same text is the same vector.
    const alone = await embed(caller, { model: caller.modelId, input: input[1], dimensions: 16 });
    expect(alone.body.data).toEqual([{ object: "embedding", index: 0, embedding: body.data[1]?.embedding }]);
  });

  test("many texts are held for before they are sent, however many: a limit holds", async () => {
    const tokens = 3000;
    const limits = [{ unit: "tokens", window: "day", amount: tokens } as const];
    const caller = await signUpEmbedder(format, { contextTokens: 1000, limits });
    const marker = randomUUID();
    const input = Array.from({ length: 20 }, (_, index) => `${marker} ${index} ${"tide ".repeat(200)}`);
    const { status, body } = await embed(caller, { model: caller.modelId, input });
    expect([status, body.error?.code]).toEqual([402, "quota_exceeded"]);
    expect(await provider.findCalls(marker)).toEqual([]);
    expect(await readMetering(sql, caller.userId)).toEqual(untouched);
  });

  test("a provider that fails costs nothing, and the next one is asked", async () => {
    const other = format === "openai" ? "google" : "openai";
    const routes = [route(format, "status=503"), { ...route(other), priority: 1 }];
    const caller = await signUpEmbedder(format, { routes });
    const input = randomUUID();
    const { status, headers, body } = await embed(caller, { model: caller.modelId, input });
    expect([status, body.sluice.provider]).toEqual([200, other]);
    expect(headers.get("x-sluice-attempts")).toBe(String(body.sluice.attempts));
    const calls = await provider.findCalls(input);
    expect(calls.map((call) => call.format).at(-1)).toBe(other);
    expect(calls).toHaveLength(body.sluice.attempts);
    expect((await readMetering(sql, caller.userId)).ledger).toMatchObject([
      { provider: other, outcome: "completed", attempt: body.sluice.attempts },
    ]);
  });

  test("where all providers fail the error says so, and nothing is charged", async () => {
    const caller = await signUpEmbedder(format, { routes: [route(format, "status=400")] });
    const { status, body } = await embed(caller, { model: caller.modelId, input: "Hello" });
    expect([status, body.error.code]).toEqual([400, "provider_refused"]);
    await expect
      .poll(() => readMetering(sql, caller.userId))
      .toMatchObject({
        holds: [{ state: "settled" }],
        ledger: [],
        windows: Array(3).fill({ used: 0, held: 0 }),
      });
  });
});

test("a model without embeddings, and a provider without them, refuse: nothing is charged", async () => {
  const writer = await signUpCaller(sql);
  const refused = await embed(writer, { model: writer.modelId, input: "Hello" });
  expect([refused.status, refused.body.error]).toMatchObject([
    400,
    {
      code: "unsupported_parameter",
      param: "model",
      message: expect.stringMatching(/embed texts.*another model/),
    },
  ]);
  expect(await readMetering(sql, writer.userId)).toEqual(untouched);

  const caller = await signUpEmbedder("openai", {
    routes: [{ provider: "anthropic", upstream: "claude-haiku-4-5" }],
  });
  const { status, body } = await embed(caller, { model: caller.modelId, input: "Hello" });
  expect([status, body.error.code]).toEqual([400, "unsupported_parameter"]);
  await expect.poll(() => readMetering(sql, caller.userId)).toMatchObject({ ledger: [] });
});

test("a model of embeddings refuses to chat, in our words and in OpenAI's", async () => {
  const caller = await signUpEmbedder("openai");
  const messages = [{ role: "user", content: "Hello" }];
  for (const path of ["", "/v1/chat/completions"]) {
    const { status, body } = await chats.request(caller, "POST", path, { model: caller.modelId, messages });
    expect([status, body.error]).toMatchObject([
      400,
      { code: "unsupported_parameter", param: "model", message: expect.stringMatching(/cannot chat/) },
    ]);
  }
  expect(await readMetering(sql, caller.userId)).toEqual(untouched);
});

describe("what cannot be embedded is refused, named, and leaves no trace", () => {
  const half = "a\ud83cb";
  test.each<[what: string, body: Record<string, unknown>, code: string, param: string]>([
    ["nothing", {}, "invalid_request", "input"],
    ["an empty text", { input: "" }, "invalid_request", "input"],
    ["an empty list", { input: [] }, "invalid_request", "input"],
    ["a list with an empty text", { input: ["x", ""] }, "invalid_request", "input.1"],
    ["half a character", { input: ["x", half] }, "invalid_request", "input.1"],
    ["a NUL", { input: "a\u0000b" }, "invalid_request", "input"],
    ["too many texts", { input: Array(2049).fill("x") }, "invalid_request", "input"],
    ["numbers of tokens", { input: [[1, 2], [3]] }, "unsupported_parameter", "input"],
    ["an object", { input: { text: "x" } }, "invalid_request", "input"],
    ["vectors of no length", { input: "x", dimensions: 0 }, "invalid_request", "dimensions"],
    ["vectors of half a number", { input: "x", dimensions: 1.5 }, "invalid_request", "dimensions"],
    ["an unknown encoding", { input: "x", encoding_format: "hex" }, "invalid_request", "encoding_format"],
    ["an unknown field", { input: "x", inputs: ["x"] }, "invalid_request", "inputs"],
  ])("%s", async (_what, body, code, param) => {
    const caller = await signUpEmbedder("openai");
    const { status, body: answer } = await embed(caller, { model: caller.modelId, ...body });
    expect([status, answer.error.code]).toEqual([400, code]);
    expect([param, param.split(".")[0]]).toContain(answer.error.param);
    expect(await readMetering(sql, caller.userId)).toEqual(untouched);
  });

  test("a model that there is not, that the plan has not, and nobody's token", async () => {
    const [caller, other] = await Promise.all([signUpEmbedder("openai"), signUpEmbedder("openai")]);
    const codes = await Promise.all([
      embed(caller, { model: randomUUID(), input: "x" }),
      embed(caller, { model: other.modelId, input: "x" }),
      embed({ ...(await signUp()), token: "none" } as Caller, { model: caller.modelId, input: "x" }),
    ]);
    expect(codes.map(({ status, body }) => [status, body.error.code])).toEqual([
      [404, "model_not_found"],
      [403, "model_not_allowed"],
      [401, "unauthorized"],
    ]);
    expect(await readMetering(sql, caller.userId)).toEqual(untouched);
  });
});
