import { expect, test } from "vitest";
import { settled, settleRequest, startMetering } from "./start-metering.ts";

const key = { credentialId: "env:openai:0123" };

test("a settlement sends the charges and the messages, and gives what the ledger has", async () => {
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
      charges: [{ attempt: 1, priceId: 3, outcome: "completed", usage, outputBytes: 99, ...key }],
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
    credential_id: "env:openai:0123",
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

test("a settlement names no tokens of a call whose usage is unknown, so that they are estimated", async () => {
  const { metering, calls } = await startMetering((items) => ({ body: items.map(settled) }));
  await metering.settle(
    settleRequest({
      charges: [{ attempt: 1, priceId: 3, outcome: "interrupted", usage: null, outputBytes: 7, ...key }],
    }),
  );
  expect(calls[0]?.[0]?.charges).toEqual([
    {
      ...{ attempt: 1, price_id: 3, outcome: "interrupted", output_bytes: 7 },
      ...{ credential_id: "env:openai:0123" },
    },
  ]);
});

test("a settlement names the prompt's tokens and not the answer's where an answer broke off that told of its prompt alone", async () => {
  const { metering, calls } = await startMetering((items) => ({ body: items.map(settled) }));
  const usage = {
    inputTokens: 10,
    cacheReadTokens: 60,
    cacheWriteTokens: 30,
    outputTokens: null,
    reasoningTokens: 0,
  };
  await metering.settle(
    settleRequest({
      charges: [{ attempt: 2, priceId: 3, outcome: "interrupted", usage, outputBytes: 7, ...key }],
    }),
  );
  expect(calls[0]?.[0]?.charges).toMatchObject([
    { attempt: 2, output_bytes: 7, input_tokens: 10, cache_read_tokens: 60, output_tokens: null },
  ]);
});

test("a settlement sends messages with images, tool calls, their results and what goes back with them", async () => {
  const { metering, calls } = await startMetering((items) => ({ body: items.map(settled) }));
  const parts = [
    { type: "text" as const, text: "What is " },
    { type: "image" as const, url: "https://example.com/a.png" },
    { type: "text" as const, text: "this?" },
  ];
  const toolCalls = [{ id: "call_1", name: "weather", arguments: "{}" }];
  await metering.settle(
    settleRequest({
      messages: [
        { role: "user", content: parts },
        { role: "assistant", content: "", toolCalls, continuation: "signed", finishReason: "tool_calls" },
        { role: "tool", toolCallId: "call_1", content: "Rain" },
      ],
    }),
  );
  expect(calls[0]?.[0]?.messages).toEqual([
    { role: "user", content: "What is this?", parts, finish_reason: null },
    {
      role: "assistant",
      content: "",
      tool_calls: toolCalls,
      continuation: "signed",
      finish_reason: "tool_calls",
    },
    { role: "tool", content: "Rain", tool_call_id: "call_1", finish_reason: null },
  ]);
});

test("a settlement sends the rest of a reply and what was learned of routes and keys", async () => {
  const { metering, calls } = await startMetering((items) => ({ body: items.map(settled) }));
  await metering.settle(
    settleRequest({
      reply: {
        requestId: "hold-1",
        part: 2,
        attempt: 1,
        content: "rest",
        reasoning: "",
        toolCalls: [],
        finishReason: "stop",
      },
      health: {
        failedRoutes: [4],
        reachedRoutes: [5],
        keyReports: [
          { keyId: "key:a", provider: "openai", reason: "rate_limited", waitMs: 2500 },
          { keyId: "key:b", provider: "openai", reason: "credential", waitMs: undefined },
        ],
      },
    }),
  );
  expect(calls[0]?.[0]).toMatchObject({
    reply: {
      hold_id: "hold-1",
      part: 2,
      attempt: 1,
      content: "rest",
      reasoning: "",
      tool_calls: null,
      continuation: null,
      finish_reason: "stop",
    },
    health: {
      failed_routes: [4],
      reached_routes: [5],
      key_reports: [
        { key_id: "key:a", provider: "openai", reason: "rate_limited", wait_ms: 2500 },
        { key_id: "key:b", provider: "openai", reason: "credential", wait_ms: null },
      ],
    },
  });
});

test.each([
  [1100.0000000000002, 1101],
  [0, 0],
  [1e30, 3_600_000],
  [Number.POSITIVE_INFINITY, 3_600_000],
])("a settlement sends a wait of %d ms as a number that Postgres takes", async (waitMs, expected) => {
  const { metering, calls } = await startMetering((items) => ({ body: items.map(settled) }));
  const keyReports = [{ keyId: "key:a", provider: "openai", reason: "rate_limited" as const, waitMs }];
  await metering.settle(settleRequest({ health: { failedRoutes: [], reachedRoutes: [], keyReports } }));
  expect(calls[0]?.[0]?.health).toMatchObject({ key_reports: [{ wait_ms: expected }] });
});

test.each([
  ["its thoughts", { reasoning: "x".repeat(700_000) }],
  ["its tool calls", { toolCalls: [{ id: "call_1", name: "write", arguments: "x".repeat(700_000) }] }],
])("a settlement counts %s where it keeps a call to about a mebibyte", async (_what, given) => {
  const { metering, calls } = await startMetering((items) => ({ body: items.map(settled) }));
  const reply = { part: 1, attempt: 1, content: "", reasoning: "", toolCalls: [], ...given };
  const settle = (holdId: string) =>
    metering.settle(settleRequest({ holdId, reply: { requestId: holdId, ...reply } }));
  await Promise.all(["hold-1", "hold-2"].map(settle));
  expect(calls.map((items) => items.length)).toEqual([1, 1]);
});

test("a settlement never says that less than nothing is left, after an answer that cost more than was held", async () => {
  const { metering } = await startMetering((items) => ({
    body: items.map((item) => ({ ...settled(item), limits: [{ ...settled(item).limits[0], used: 12 }] })),
  }));
  expect((await metering.settle(settleRequest())).limits[0]).toMatchObject({ used: 12, left: 0 });
});
