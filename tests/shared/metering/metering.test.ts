import { describe, expect, test } from "vitest";
import type { Hold } from "../../../shared/metering/metering.ts";
import { rejectionOf } from "../thrown-by.ts";
import {
  beginRequest,
  placed,
  placedRoute,
  settled,
  settleRequest,
  startExtending,
  startMetering,
} from "./start-metering.ts";

describe("begin", () => {
  test("asks for what the request needs and gives the hold that was placed", async () => {
    const { metering, calls } = await startMetering((items) => ({ body: items.map(placed) }));
    const request = beginRequest({
      model: "openai/gpt-4o-mini",
      provider: "openrouter",
      continues: true,
      prompt: { bytes: 12, messages: 1, images: 2, overheadTokens: 1024 },
      needs: ["tools", "stop"],
      maxOutputTokens: 300,
    });
    expect(await metering.begin(request)).toEqual({
      ...{ userId: "user-1", ownKeys: [], mayFallBack: false },
      model: "openai/gpt-4o-mini",
      routes: [
        {
          id: 7,
          priceId: 3,
          provider: "openai",
          upstreamModel: "gpt-4o-mini",
          rank: 0,
          weight: 1,
          contextTokens: 128_000,
          outage: "none",
        },
      ],
      keys: [],
      coolingKeys: new Map(),
      history: [{ role: "user", content: "Hello" }],
      maxOutputTokens: 256,
      supportedParameters: ["temperature"],
      allowance: [],
      firstTokenMs: null,
      preferences: { temperature: null, systemPrompt: null },
      unavailableDefaultModel: null,
    });
    const item = {
      hold_id: "hold-1",
      user_id: "user-1",
      byok: null,
      falls_back: false,
      model_id: "openai/gpt-4o-mini",
      provider: "openrouter",
      conversation_id: "conversation-1",
      continues: true,
      first_text: "Hello",
      prompt_bytes: 12,
      prompt_messages: 1,
      images: 2,
      overhead_tokens: 1024,
      output_modality: "text",
      needs: ["tools", "stop"],
      takes_preferences: false,
      takes_system_prompt: false,
      max_output_tokens: 300,
    };
    expect(calls).toEqual([[item]]);
  });

  test("leaves to the database what the request does not say", async () => {
    const { metering, calls } = await startMetering((items) => ({ body: items.map(placed) }));
    await metering.begin(beginRequest({ conversationId: null }));
    expect(calls[0]?.[0]).toMatchObject({
      model_id: null,
      provider: null,
      conversation_id: null,
      max_output_tokens: null,
    });
  });

  test("tells which routes and keys are to be left alone, and for how long", async () => {
    const routes = [1, 2, 3].map((id) => ({ ...placedRoute, id }));
    const { metering } = await startMetering((items) => ({
      body: items.map((item) => ({
        ...placed(item),
        routes,
        keys: [{ id: "a", provider: "openai", sealed_key: "v1.k1.AAAA", weight: 2, use_count: 5 }],
        own_keys: [
          { id: "b", provider: "openai", sealed_key: "v1.k1.BBBB", base_url: "https://llm.example.com/v1" },
        ],
        cooling_keys: [
          { id: "key:a", wait_ms: 2500 },
          { id: "env:openai:0123", wait_ms: null },
        ],
        outages: [
          { route_id: 2, state: "failing" },
          { route_id: 3, state: "lasting" },
        ],
        first_token_ms: 60_000,
      })),
    }));
    const hold = (await metering.begin(beginRequest())) as Hold;
    expect(hold.routes.map(({ id, outage }) => [id, outage])).toEqual([
      [1, "none"],
      [2, "failing"],
      [3, "lasting"],
    ]);
    expect(hold).toMatchObject({
      keys: [
        {
          ...{ id: "a", provider: "openai", sealedKey: "v1.k1.AAAA", userId: null, baseUrl: null },
          ...{ weight: 2, useCount: 5 },
        },
      ],
      ownKeys: [
        {
          ...{ id: "b", provider: "openai", sealedKey: "v1.k1.BBBB", userId: "user-1" },
          baseUrl: "https://llm.example.com/v1",
        },
      ],
      mayFallBack: false,
      coolingKeys: new Map([
        ["key:a", 2500],
        ["env:openai:0123", null],
      ]),
      firstTokenMs: 60_000,
    });
  });

  test("gives the history as it was said: images, tool calls, their results and what goes back with them", async () => {
    const parts = [
      { type: "text", text: "What is this?" },
      { type: "image", url: "https://example.com/a.png" },
    ];
    const toolCalls = [{ id: "call_1", name: "weather", arguments: "{}" }];
    const { metering } = await startMetering((items) => ({
      body: items.map((item) => ({
        ...placed(item),
        history: [
          { role: "system", content: "Be brief." },
          { role: "user", content: "What is this?", parts },
          { role: "assistant", content: "", tool_calls: toolCalls, continuation: "signed" },
          { role: "tool", content: "Rain", tool_call_id: "call_1" },
          { role: "assistant", content: "Rain." },
        ],
      })),
    }));
    expect(((await metering.begin(beginRequest())) as Hold).history).toEqual([
      { role: "system", content: "Be brief." },
      { role: "user", content: parts },
      { role: "assistant", content: "", toolCalls, continuation: "signed" },
      { role: "tool", content: "Rain", toolCallId: "call_1" },
      { role: "assistant", content: "Rain." },
    ]);
  });

  test("gives each request its own hold or refusal, in whatever order they are answered", async () => {
    const { metering, calls } = await startMetering((items) => ({
      body: items
        .map((item) =>
          item.hold_id === "hold-2"
            ? { hold_id: item.hold_id, refusal: "SL403", detail: null }
            : { ...placed(item), model_id: `model of ${item.hold_id}` },
        )
        .reverse(),
    }));
    const begin = (holdId: string) => metering.begin(beginRequest({ holdId }));
    const [one, two, three] = await Promise.allSettled(["hold-1", "hold-2", "hold-3"].map(begin));
    expect(calls).toHaveLength(1);
    expect(one).toMatchObject({ status: "fulfilled", value: { model: "model of hold-1" } });
    expect(two).toMatchObject({ status: "rejected", reason: { code: "model_not_allowed" } });
    expect(three).toMatchObject({ status: "fulfilled", value: { model: "model of hold-3" } });
  });

  test.each([
    ["a refusal that it does not know", [{ hold_id: "hold-1", refusal: "SL999" }], "internal_error"],
    ["no answer for its request", [], "internal_error"],
    ["nothing", null, "internal_error"],
  ])("takes %s for no hold", async (_what, body, code) => {
    const { metering } = await startMetering(() => ({ body }));
    expect((await rejectionOf(metering.begin(beginRequest()))).code).toBe(code);
  });
});

describe("extend", () => {
  const extension = { holdId: "hold-1", calls: 3, provider: "openai", providerCalls: 2 };
  test.each([
    [true, true],
    [false, false],
  ])("says whether a limit allows another call: %s", async (body, expected) => {
    const { metering, bodies } = await startExtending(() => ({ body }));
    expect(await metering.extend(extension)).toBe(expected);
    expect(bodies).toEqual([{ hold_id: "hold-1", calls: 3, provider: "openai", provider_calls: 2 }]);
  });

  test("fails where the database is away, so that nothing more is spent", async () => {
    const { metering } = await startExtending(() => ({
      status: 503,
      body: { code: "PGRST001", message: "" },
    }));
    expect((await rejectionOf(metering.extend(extension))).code).toBe("database_unavailable");
  });
});

describe("reopen", () => {
  test("tells which route has begun to answer; that it was not out any more is no failure", async () => {
    for (const body of [true, false]) {
      const { metering, bodies } = await startExtending(() => ({ body }));
      await metering.reopen(7);
      expect(bodies).toEqual([{ route_id: 7 }]);
    }
  });

  test("fails where the database is away", async () => {
    const answer = () => ({ status: 503, body: { code: "PGRST001", message: "" } });
    const { metering } = await startExtending(answer);
    expect((await rejectionOf(metering.reopen(7))).code).toBe("database_unavailable");
  });
});

test("a chat that the database cannot take does not fail its neighbours", async () => {
  const { metering, calls } = await startMetering((items) =>
    items.some((item) => item.hold_id === "hold-2")
      ? { status: 400, body: { code: "22P02", message: "invalid input" } }
      : { body: items.map(settled) },
  );
  const settle = (holdId: string) => metering.settle(settleRequest({ holdId }));
  const outcomes = await Promise.allSettled(["hold-1", "hold-2", "hold-3"].map(settle));
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(calls.map((items) => items.length)).toEqual([3, 2, 1, 1, 1]);
});

test("an outage fails all chats of a call at once, and none is sent twice", async () => {
  const { metering, calls } = await startMetering(() => ({
    status: 503,
    body: { code: "PGRST001", message: "Database client error" },
  }));
  const begin = (holdId: string) => rejectionOf(metering.begin(beginRequest({ holdId })));
  const errors = await Promise.all(["hold-1", "hold-2", "hold-3"].map(begin));
  expect(errors.map(({ code }) => code)).toEqual(Array.from({ length: 3 }, () => "database_unavailable"));
  expect(calls).toHaveLength(1);
});
