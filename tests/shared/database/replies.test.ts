import { describe, expect, test } from "vitest";
import { createReplies, type ReplyPart } from "../../../shared/database/replies.ts";
import { rejectionOf } from "../thrown-by.ts";
import { type Call, startDatabase } from "./start-database.ts";

const part = (given: Partial<ReplyPart> = {}): ReplyPart => ({
  requestId: "request-1",
  part: 1,
  attempt: 1,
  content: "Because",
  reasoning: "",
  toolCalls: [],
  ...given,
});
const itemsOf = ({ body }: Call) => body.items as { hold_id: string }[];
const ids = (call: Call) => itemsOf(call).map((item) => item.hold_id);

describe("a part of a reply", () => {
  test("is written with all that came", async () => {
    const { database, calls } = await startDatabase((call) => ({ body: ids(call) }));
    const toolCalls = [{ id: "call_1", name: "weather", arguments: "{}" }];
    const given = part({ reasoning: "Hm.", toolCalls, continuation: "signed", finishReason: "tool_calls" });
    expect(await createReplies(database).save(given)).toBeUndefined();
    const item = {
      hold_id: "request-1",
      part: 1,
      attempt: 1,
      content: "Because",
      reasoning: "Hm.",
      tool_calls: toolCalls,
      continuation: "signed",
      finish_reason: "tool_calls",
    };
    expect(calls).toEqual([{ name: "save_reply_parts", body: { items: [item] } }]);
  });

  test("has nothing in the place of what there is not", async () => {
    const { database, calls } = await startDatabase((call) => ({ body: ids(call) }));
    await createReplies(database).save(part());
    expect(calls.map(itemsOf)[0]).toMatchObject([
      { tool_calls: null, continuation: null, finish_reason: null },
    ]);
  });

  test("shares its call with those of other replies", async () => {
    const { database, calls } = await startDatabase((call) => ({ body: ids(call) }));
    const replies = createReplies(database);
    await Promise.all(["a", "b", "c"].map((requestId) => replies.save(part({ requestId }))));
    expect(calls.map(ids)).toEqual([["a", "b", "c"]]);
  });

  test.each([
    ["words", { content: "x".repeat(700_000) }],
    ["thoughts", { reasoning: "x".repeat(700_000) }],
    ["tool calls", { toolCalls: [{ id: "call_1", name: "a", arguments: "x".repeat(700_000) }] }],
  ])("goes alone where it is long, by its %s", async (_what, long) => {
    const { database, calls } = await startDatabase((call) => ({ body: ids(call) }));
    const replies = createReplies(database);
    await Promise.all(["a", "b"].map((requestId) => replies.save(part({ requestId, ...long }))));
    expect(calls.map(ids)).toEqual([["a"], ["b"]]);
  });

  test("that the database cannot take does not fail its neighbours", async () => {
    const { database } = await startDatabase((call) =>
      ids(call).includes("b")
        ? { status: 400, body: { code: "22P02", message: "invalid input" } }
        : { body: ids(call) },
    );
    const replies = createReplies(database);
    const outcomes = await Promise.allSettled(
      ["a", "b", "c"].map((requestId) => replies.save(part({ requestId }))),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  test("that does not reach the database is told, so that it goes again", async () => {
    const { database } = await startDatabase(() => ({
      status: 503,
      body: { code: "PGRST001", message: "" },
    }));
    expect((await rejectionOf(createReplies(database).save(part()))).code).toBe("database_unavailable");
  });
});

describe("a request", () => {
  const running = {
    id: "request-1",
    state: "running",
    conversation_id: null,
    model: "openai/gpt-4o-mini",
    created_at: "2026-11-20T11:00:00+00:00",
    attempt: null,
    provider: null,
    content: "",
    reasoning: "",
    tool_calls: [],
    continuation: null,
    finish_reason: null,
    usage: null,
    cost_nano: null,
    estimated: null,
  };

  test("is found for the person who made it, as far as it is", async () => {
    const { database, calls } = await startDatabase(() => ({ body: running }));
    expect(await createReplies(database).find("user-1", "request-1")).toEqual({
      id: "request-1",
      state: "running",
      conversationId: null,
      model: "openai/gpt-4o-mini",
      createdAt: "2026-11-20T11:00:00+00:00",
      attempts: null,
      provider: null,
      content: "",
      reasoning: "",
      toolCalls: [],
      continuation: null,
      finishReason: null,
      usage: null,
      costNano: null,
      estimated: null,
    });
    expect(calls).toEqual([{ name: "find_request", body: { user_id: "user-1", request_id: "request-1" } }]);
  });

  test("that is over is found with its reply and what it cost", async () => {
    const toolCalls = [{ id: "call_1", name: "weather", arguments: "{}" }];
    const over = {
      ...running,
      state: "completed",
      conversation_id: "conversation-1",
      attempt: 2,
      provider: "openai",
      content: "Because.",
      reasoning: "Hm.",
      tool_calls: toolCalls,
      continuation: "signed",
      finish_reason: "tool_calls",
      usage: {
        input_tokens: 1,
        cache_read_tokens: 2,
        cache_write_tokens: 3,
        output_tokens: 4,
        reasoning_tokens: 1,
      },
      cost_nano: 0,
      estimated: false,
    };
    const { database } = await startDatabase(() => ({ body: over }));
    expect(await createReplies(database).find("user-1", "request-1")).toMatchObject({
      state: "completed",
      conversationId: "conversation-1",
      attempts: 2,
      provider: "openai",
      content: "Because.",
      reasoning: "Hm.",
      toolCalls,
      continuation: "signed",
      finishReason: "tool_calls",
      usage: { inputTokens: 1, cacheReadTokens: 2, cacheWriteTokens: 3, outputTokens: 4, reasoningTokens: 1 },
      costNano: 0,
      estimated: false,
    });
  });

  test("that there is not, or that is another person's, is not found", async () => {
    const { database } = await startDatabase(() => ({ body: null }));
    const error = await rejectionOf(createReplies(database).find("user-1", "request-1"));
    expect(error).toMatchObject({ code: "request_not_found", status: 404 });
  });

  test.each([
    [503, "PGRST001", "database_unavailable"],
    [400, "22P02", "internal_error"],
  ])("is not said to be missing where the database fails with %i %s", async (status, code, expected) => {
    const { database } = await startDatabase(() => ({ status, body: { code, message: "" } }));
    expect((await rejectionOf(createReplies(database).find("user-1", "request-1"))).code).toBe(expected);
  });
});
