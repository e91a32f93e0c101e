import { describe, expect, test } from "vitest";
import { rejectionOf } from "../thrown-by.ts";
import { beginRequest, placed, settled, settleRequest, startMetering } from "./start-metering.ts";

describe("begin", () => {
  test("asks for what the request needs and gives the hold that was placed", async () => {
    const { metering, calls } = await startMetering((items) => ({ body: items.map(placed) }));
    const request = beginRequest({ model: "openai/gpt-4o-mini", continues: true, maxOutputTokens: 300 });
    expect(await metering.begin(request)).toEqual({
      model: "openai/gpt-4o-mini",
      routes: [{ priceId: 3, provider: "openai", upstreamModel: "gpt-4o-mini" }],
      history: [{ role: "user", content: "Hello" }],
      maxOutputTokens: 256,
    });
    const item = {
      hold_id: "hold-1",
      user_id: "user-1",
      model_id: "openai/gpt-4o-mini",
      conversation_id: "conversation-1",
      continues: true,
      first_text: "Hello",
      prompt_bytes: 12,
      prompt_messages: 1,
      max_output_tokens: 300,
    };
    expect(calls).toEqual([[item]]);
  });

  test("leaves to the database what the request does not say", async () => {
    const { metering, calls } = await startMetering((items) => ({ body: items.map(placed) }));
    await metering.begin(beginRequest());
    expect(calls[0]?.[0]).toMatchObject({ model_id: null, max_output_tokens: null });
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

describe("settle", () => {
  test("sends the charges and the messages, and gives what the ledger has", async () => {
    const { metering, calls } = await startMetering((items) => ({ body: items.map(settled) }));
    const usage = {
      inputTokens: 10,
      cacheReadTokens: 60,
      cacheWriteTokens: 30,
      outputTokens: 40,
      reasoningTokens: 25,
    };
    const settlement = await metering.settle(
      settleRequest({
        charges: [{ attempt: 1, priceId: 3, outcome: "completed", usage, outputBytes: 99 }],
        messages: [
          { role: "user", content: "Why?" },
          { role: "assistant", content: "Light.", finishReason: "stop" },
        ],
      }),
    );
    expect(settlement).toEqual({
      isKnown: true,
      isStored: true,
      usage,
      costNano: 1234,
      estimated: false,
      limits: [
        {
          scope: "all",
          scopeId: "",
          unit: "requests",
          window: "day",
          limit: 10,
          used: 7,
          held: 1,
          left: 2,
          resetsAt: "2026-11-21T00:00:00.000Z",
        },
      ],
    });
    const charge = {
      attempt: 1,
      price_id: 3,
      outcome: "completed",
      output_bytes: 99,
      input_tokens: 10,
      cache_read_tokens: 60,
      cache_write_tokens: 30,
      output_tokens: 40,
      reasoning_tokens: 25,
    };
    const messages = [
      { role: "user", content: "Why?", finish_reason: null },
      { role: "assistant", content: "Light.", finish_reason: "stop" },
    ];
    const item = {
      hold_id: "hold-1",
      charges: [charge],
      messages,
    };
    expect(calls).toEqual([[item]]);
  });

  test("names no tokens of a call whose usage is unknown, so that they are estimated", async () => {
    const { metering, calls } = await startMetering((items) => ({ body: items.map(settled) }));
    await metering.settle(
      settleRequest({
        charges: [{ attempt: 1, priceId: 3, outcome: "interrupted", usage: null, outputBytes: 7 }],
      }),
    );
    expect(calls[0]?.[0]?.charges).toEqual([
      { attempt: 1, price_id: 3, outcome: "interrupted", output_bytes: 7 },
    ]);
  });

  test("never says that less than nothing is left, after an answer that cost more than was held", async () => {
    const { metering } = await startMetering((items) => ({
      body: items.map((item) => ({ ...settled(item), limits: [{ ...settled(item).limits[0], used: 12 }] })),
    }));
    expect((await metering.settle(settleRequest())).limits[0]).toMatchObject({ used: 12, left: 0 });
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
