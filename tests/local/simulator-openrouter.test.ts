import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSimulator } from "../../local/simulator/simulator.ts";
import { rejectionOf } from "./rejection.ts";

let simulator: Awaited<ReturnType<typeof startSimulator>>;
let sdk: OpenAI;
let baseURL: string;

beforeAll(async () => {
  simulator = await startSimulator({ port: 0 });
  baseURL = `${simulator.url}/openrouter/api/v1`;
  sdk = new OpenAI({ apiKey: "sk-or-test", baseURL, maxRetries: 0 });
});
afterAll(() => simulator.stop());

type Params = OpenAI.ChatCompletionCreateParamsNonStreaming;

function params(commands: string, more: object = {}): Params {
  const model = commands === "" ? "openai/gpt-4o-mini" : `openai/gpt-4o-mini;${commands}`;
  return { model, messages: [{ role: "user", content: "What is a tide?" }], ...more };
}

/** Streams a reply as chunks, with what OpenRouter adds. */
async function stream(asked: Params) {
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  for await (const chunk of await sdk.chat.completions.create({ ...asked, stream: true })) chunks.push(chunk);
  const deltas = chunks.map((chunk) => chunk.choices[0]?.delta as Record<string, unknown> | undefined);
  const join = (name: string) => deltas.map((delta) => delta?.[name] ?? "").join("");
  return { chunks, last: chunks.at(-1), content: join("content"), reasoning: join("reasoning") };
}

async function readGeneration(id: string) {
  const response = await fetch(`${baseURL}/generation?id=${id}`, {
    headers: { authorization: "Bearer sk-or-test" },
  });
  return { status: response.status, ...(await response.json()) };
}

describe("a reply", () => {
  test("tells usage and cost in its last chunk, asked or not, and again as a generation", async () => {
    const completion = await sdk.chat.completions.create(params("tokens=20;cached=4"));
    const costUsd = (7 * 150 + 4 * 75 + 20 * 600) / 1e9;
    expect(completion.usage).toMatchObject({
      prompt_tokens: 11,
      completion_tokens: 20,
      prompt_tokens_details: { cached_tokens: 4 },
      cost: costUsd,
    });
    const { content, chunks, last } = await stream(params("tokens=20;cached=4"));
    expect(content).toBe(completion.choices[0]?.message.content);
    expect(last?.usage).toEqual(completion.usage);
    expect(chunks.filter((chunk) => chunk.usage)).toHaveLength(1);
    expect(last?.choices[0]?.finish_reason).toBe("stop");
    expect(await readGeneration(completion.id)).toMatchObject({
      status: 200,
      data: { total_cost: costUsd, tokens_prompt: 11, tokens_completion: 20, cancelled: false },
    });
  });

  test("shows its thoughts unless they are excluded", async () => {
    const shown = await stream(params("reasoning=4;tokens=2"));
    expect(shown.reasoning).toMatch(/^Hm, /);
    expect(Buffer.byteLength(shown.reasoning)).toBe(16);
    const json = await sdk.chat.completions.create(params("reasoning=4;tokens=2"));
    expect(json.choices[0]?.message).toMatchObject({ reasoning: shown.reasoning });
    const excluded = await stream(params("reasoning=4;tokens=2", { reasoning: { exclude: true } }));
    expect(excluded.reasoning).toBe("");
    expect(excluded.last?.usage?.completion_tokens_details?.reasoning_tokens).toBe(4);
  });

  test("calls tools, the same in a stream", async () => {
    const parameters = { type: "object", properties: { city: { type: "string" } } };
    const tools = [{ type: "function" as const, function: { name: "weather", parameters } }];
    const completion = await sdk.chat.completions.create(params("tools=2", { tools }));
    const calls = completion.choices[0]?.message.tool_calls ?? [];
    const asked = { ...params("tools=2", { tools }), stream: true as const };
    const streamed = await sdk.chat.completions.stream(asked).finalChatCompletion();
    const given = (each: typeof calls) =>
      each.map((call) => call.type === "function" && call.function.arguments);
    expect(given(calls)).toHaveLength(2);
    expect(given(streamed.choices[0]?.message.tool_calls ?? [])).toEqual(given(calls));
  });
});

describe("a refusal", () => {
  test.each([
    [401, OpenAI.AuthenticationError, "authentication"],
    [402, OpenAI.APIError, "payment_required"],
    [403, OpenAI.PermissionDeniedError, "permission_denied"],
    [404, OpenAI.NotFoundError, "not_found"],
    [408, OpenAI.APIError, "timeout"],
    [413, OpenAI.APIError, "payload_too_large"],
    [422, OpenAI.UnprocessableEntityError, "unprocessable"],
    [429, OpenAI.RateLimitError, "rate_limit_exceeded"],
    [500, OpenAI.InternalServerError, "server"],
    [502, OpenAI.InternalServerError, "provider_unavailable"],
    [503, OpenAI.InternalServerError, "provider_unavailable"],
    [529, OpenAI.InternalServerError, "provider_overloaded"],
  ])("status=%i has its status as its code, and names its class", async (status, errorClass, error_type) => {
    const error = await rejectionOf(sdk.chat.completions.create(params(`status=${status}`)));
    expect(error).toBeInstanceOf(errorClass);
    expect(error).toMatchObject({ status, code: status, error: { metadata: { error_type } } });
  });

  test.each(["status=400;code=context_length_exceeded", "status=429;code=insufficient_quota"])(
    "%s names its class",
    async (commands) => {
      const error = await rejectionOf(sdk.chat.completions.create(params(commands)));
      expect(error).toMatchObject({ error: { metadata: { error_type: commands.split("code=")[1] } } });
    },
  );

  test("in the middle of a stream is a chunk with an error and a finish reason", async () => {
    const body = JSON.stringify({ ...params("error=2"), stream: true });
    const headers = { authorization: "Bearer sk-or-test" };
    const response = await fetch(`${baseURL}/chat/completions`, { method: "POST", headers, body });
    expect(response.status).toBe(200);
    const data = (await response.text()).split("\n\n").at(-2) ?? "";
    expect(JSON.parse(data.replace("data: ", ""))).toMatchObject({
      error: { code: 502, message: expect.any(String), metadata: { error_type: expect.any(String) } },
      choices: [{ delta: { content: "" }, finish_reason: "error" }],
    });
  });

  test("meets an unknown generation, a missing key and a request without a model", async () => {
    expect(await readGeneration("gen-none")).toMatchObject({ status: 404, error: { code: 404 } });
    // The catalogue is for everybody.
    expect((await fetch(`${baseURL}/models`)).status).toBe(200);
    const error = await rejectionOf(sdk.chat.completions.create({ ...params(""), model: "" }));
    expect(error).toMatchObject({ status: 400, code: 400 });
  });
});

test("the models have prices as decimal strings", async () => {
  const { data } = await sdk.models.list();
  expect(data).toContainEqual(
    expect.objectContaining({
      id: "openai/gpt-4o-mini",
      pricing: expect.objectContaining({ prompt: "0.00000015" }),
    }),
  );
});
