import Anthropic from "@anthropic-ai/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSimulator } from "../../local/simulator/simulator.ts";
import { rejectionOf } from "./rejection.ts";

let simulator: Awaited<ReturnType<typeof startSimulator>>;
let sdk: Anthropic;

beforeAll(async () => {
  simulator = await startSimulator({ port: 0 });
  sdk = createSdk({});
});
afterAll(() => simulator.stop());

function createSdk(headers: Record<string, string>, apiKey = "sk-ant-test-0123456789abcdef") {
  const baseURL = `${simulator.url}/anthropic`;
  return new Anthropic({ apiKey, baseURL, maxRetries: 0, defaultHeaders: headers });
}

type Params = Anthropic.MessageCreateParamsNonStreaming;

function params(commands: string, more: Partial<Params> = {}): Params {
  const model = commands === "" ? "claude-sonnet-5-5" : `claude-sonnet-5-5;${commands}`;
  return { model, max_tokens: 1000, messages: [{ role: "user", content: "What is a tide?" }], ...more };
}

describe("a refusal", () => {
  const user = { role: "user" as const, content: "Hello" };
  const use = { type: "tool_use" as const, id: "toolu_1", name: "weather", input: {} };
  const result = { type: "tool_result" as const, tool_use_id: "toolu_1", content: "sunny" };

  test.each([
    ["status=400", Anthropic.BadRequestError, "invalid_request_error"],
    ["status=401", Anthropic.AuthenticationError, "authentication_error"],
    ["status=402", Anthropic.APIError, "billing_error"],
    ["status=403", Anthropic.PermissionDeniedError, "permission_error"],
    ["status=404", Anthropic.NotFoundError, "not_found_error"],
    ["status=413", Anthropic.APIError, "request_too_large"],
    ["status=429", Anthropic.RateLimitError, "rate_limit_error"],
    ["status=500", Anthropic.InternalServerError, "api_error"],
    ["status=502", Anthropic.InternalServerError, "api_error"],
    ["status=503", Anthropic.InternalServerError, "api_error"],
    ["status=529", Anthropic.InternalServerError, "overloaded_error"],
  ])("%s is thrown by Anthropic's client as its own error", async (commands, errorClass, type) => {
    const status = Number(commands.slice("status=".length));
    for (const asking of [
      sdk.messages.create(params(commands)),
      sdk.messages.stream(params(commands)).done(),
    ]) {
      const error = await rejectionOf(asking);
      expect(error).toBeInstanceOf(errorClass);
      expect(error).toMatchObject({ status, type, requestID: expect.any(String) });
    }
  });

  test("of a spend limit has a code and no retry-after, one of a rate limit says when to come back", async () => {
    const spent = await rejectionOf(
      sdk.messages.create(params("status=429;code=enforced_spend_limit_reached")),
    );
    expect(spent).toMatchObject({ type: "rate_limit_error", errorCode: "enforced_spend_limit_reached" });
    const limited = await rejectionOf(sdk.messages.create(params("status=429;retryafter=7")));
    const silent = await rejectionOf(sdk.messages.create(params("status=429;retryafter=0")));
    const waits = [spent, limited, silent].map((error) =>
      error instanceof Anthropic.APIError ? error.headers?.get("retry-after") : undefined,
    );
    expect(waits).toEqual([null, "7", null]);
  });

  test("ends a stream as an error event", async () => {
    const error = await rejectionOf(sdk.messages.stream(params("error=3")).done());
    expect(error).toBeInstanceOf(Anthropic.APIError);
    expect(error).toMatchObject({ type: "overloaded_error" });
  });

  test("meets a key that is missing or invalid, and a status that Anthropic does not have", async () => {
    const error = await rejectionOf(createSdk({}, "sk-invalid-1").messages.create(params("")));
    expect(error).toBeInstanceOf(Anthropic.AuthenticationError);
    const bare = await fetch(`${simulator.url}/anthropic/v1/messages`, { method: "POST", body: "{}" });
    expect(bare.status).toBe(401);
    const unknown = await rejectionOf(sdk.messages.create(params("status=422")));
    expect(String(unknown)).toContain("status=422");
  });

  test("of a prefill comes on command, and without it the reply goes on", async () => {
    const messages = [user, { role: "assistant" as const, content: "The" }];
    const error = await rejectionOf(sdk.messages.create(params("prefill=refused", { messages })));
    expect(error).toMatchObject({ status: 400 });
    expect((await sdk.messages.create(params("", { messages }))).stop_reason).toBe("end_turn");
    expect((await sdk.messages.create(params("prefill=refused"))).stop_reason).toBe("end_turn");
  });

  test.each<[string, Record<string, unknown>, string]>([
    ["no max_tokens", { max_tokens: undefined }, "max_tokens: Field required"],
    ["a temperature", { temperature: 1 }, "temperature: Extra inputs are not permitted"],
    ["a field of OpenAI", { max_completion_tokens: 5 }, "max_completion_tokens"],
    ["no messages", { messages: [] }, "at least one message"],
    ["an assistant first", { messages: [{ role: "assistant", content: "Hi" }, user] }, "first message"],
    ["an unknown role", { messages: [{ role: "tool", content: "x" }] }, "messages.0.role"],
    ["an empty message", { messages: [{ role: "user", content: "" }] }, "non-empty"],
    [
      "a prefill with a space",
      { messages: [user, { role: "assistant", content: "So " }] },
      "trailing whitespace",
    ],
    ["an image of OpenAI", { messages: [{ role: "user", content: [{ type: "image_url" }] }] }, "image_url"],
    [
      "a result without a call",
      { messages: [user, { role: "user", content: [result] }] },
      "unexpected `tool_use_id`",
    ],
    [
      "a call without a result",
      { messages: [user, { role: "assistant", content: [use] }, user] },
      "without `tool_result`",
    ],
    [
      "a foreign thought",
      {
        messages: [
          user,
          { role: "assistant", content: [{ type: "thinking", thinking: "x", signature: "y" }] },
        ],
      },
      "Invalid `signature`",
    ],
    ["a tool without a schema", { tools: [{ name: "x" }] }, "input_schema: Field required"],
    [
      "a loose schema",
      { output_config: { format: { type: "json_schema", schema: { type: "object" } } } },
      "additionalProperties",
    ],
    [
      "a budget as large as the limit",
      { thinking: { type: "enabled", budget_tokens: 1024 } },
      "budget_tokens",
    ],
    ["tools commanded and none declared", { model: "claude-sonnet-5-5;tools=1" }, "declares none"],
  ])("meets a request with %s", async (_, more, text) => {
    const error = await rejectionOf(sdk.messages.create(params("", more as Partial<Params>)));
    expect(error).toBeInstanceOf(Anthropic.BadRequestError);
    expect(String(error)).toContain(text);
  });

  test("does not meet a temperature under the first version of the API", async () => {
    const old = createSdk({ "anthropic-version": "2023-06-01" });
    const warm = params("", { temperature: 0.5 } as Partial<Params>);
    expect((await old.messages.create(warm)).stop_reason).toBe("end_turn");
    const unknown = createSdk({ "anthropic-version": "2020-01-01" });
    expect(String(await rejectionOf(unknown.messages.create(params(""))))).toContain("anthropic-version");
  });
});
