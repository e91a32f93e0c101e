import { describe, expect, test } from "vitest";
import type { RequestState } from "../../../shared/database/replies.ts";
import type { AnswerPart } from "../../../shared/domain/chat-event.ts";
import { SluiceError } from "../../../shared/domain/errors.ts";
import { replayChat } from "../../../shared/gateway/replay-chat.ts";
import { rejectionOf } from "../thrown-by.ts";
import { usage } from "./start-gateway.ts";

/** A chat that was answered, as the database tells it, but for what is given. */
const answered = (given: Partial<RequestState> = {}): RequestState => ({
  id: "hold-1",
  state: "completed",
  conversationId: "conversation-1",
  model: "openai/gpt-4o-mini",
  provider: "openai",
  attempts: 2,
  content: "Because of the air.",
  reasoning: "Hm.",
  toolCalls: [{ id: "call-1", name: "look", arguments: '{"up":true}' }],
  continuation: "signed",
  finishReason: "tool_calls",
  usage,
  costNano: 4711,
  estimated: false,
  createdAt: "2026-11-20T10:00:00.000Z",
  ...given,
});

/** Replays what the database tells, or the error that it throws. */
function replay(found: RequestState | Error) {
  const find = async () => {
    if (found instanceof Error) throw found;
    return found;
  };
  return replayChat("user-1", "hold-1", { find });
}

describe("an answer that was given before", () => {
  test("is asked for by its caller and its request", async () => {
    const asked: string[][] = [];
    const find = async (...names: string[]) => {
      asked.push(names);
      return answered();
    };
    await replayChat("user-1", "hold-1", { find });
    expect(asked).toEqual([["user-1", "hold-1"]]);
  });

  test("is told again with all that is known of it; of its limits and its warnings nothing is", async () => {
    const chat = await replay(answered());
    const start = {
      id: "hold-1",
      conversationId: "conversation-1",
      model: "openai/gpt-4o-mini",
      provider: "openai",
      attempts: 2,
      warnings: [],
    };
    expect(chat).toMatchObject({ isReplay: true, allowance: [] });
    expect(chat.start).toEqual(start);
    expect(await chat.pump({ onParts() {} })).toEqual({
      ...start,
      content: "Because of the air.",
      reasoning: "Hm.",
      toolCalls: [{ id: "call-1", name: "look", arguments: '{"up":true}' }],
      continuation: "signed",
      finishReason: "tool_calls",
      usage,
      costNano: 4711,
      estimated: false,
      limits: [],
    });
  });

  test("comes to a stream in whole parts: thoughts, text and calls of tools", async () => {
    const told: AnswerPart[] = [];
    await (await replay(answered())).pump({ onParts: (parts) => void told.push(...parts) });
    expect(told).toEqual([
      { type: "reasoning", text: "Hm." },
      { type: "chunk", text: "Because of the air." },
      { type: "tool_call", index: 0, id: "call-1", name: "look", arguments: '{"up":true}' },
    ]);
  });

  test("has no part for what it did not have, and no continuation", async () => {
    const plain = { conversationId: null, reasoning: "", toolCalls: [], continuation: null } as const;
    const chat = await replay(answered({ ...plain, toolCalls: [], finishReason: "stop", estimated: true }));
    const told: AnswerPart[] = [];
    const result = await chat.pump({ onParts: (parts) => void told.push(...parts) });
    expect(told).toEqual([{ type: "chunk", text: "Because of the air." }]);
    expect(result).toMatchObject({ conversationId: null, estimated: true });
    expect(result).not.toHaveProperty("continuation");
  });
});

describe("what cannot be told again", () => {
  const charge = { usage, costNano: 4711, estimated: true };

  test("because it broke off says so, with what it cost", async () => {
    for (const finishReason of ["interrupted", null] as const) {
      const error = await rejectionOf(replay(answered({ state: "interrupted", finishReason, ...charge })));
      expect(error.toBody().error).toEqual({
        type: "provider_error",
        code: "provider_interrupted",
        param: null,
        message: expect.stringMatching(/this Idempotency-Key broke off.* Take a new key to ask again\.$/),
        requestId: "hold-1",
        ...charge,
      });
    }
  });

  test("because nothing is charged for it any more says that it may be asked again", async () => {
    const nothing = { usage: null, costNano: null, estimated: null, finishReason: null };
    const { code, message } = await rejectionOf(replay(answered({ state: "failed", ...nothing })));
    expect([code, message]).toEqual(["provider_failed", expect.stringMatching(/cost nothing: ask again\.$/)]);
  });

  test.each([
    ["it is gone", new SluiceError("request_not_found")],
    ["its text could never be stored", answered({ content: "", finishReason: null })],
  ])("because %s says so, and not that it broke off", async (_why, found) => {
    const error = await rejectionOf(replay(found));
    expect(error.toBody().error).toEqual({
      type: "not_found_error",
      code: "request_not_found",
      param: "Idempotency-Key",
      message: expect.stringMatching(/no longer kept: take a new key\.$/),
    });
  });

  test("because the database is away is not taken for gone", async () => {
    const away = new SluiceError("database_unavailable");
    expect(await rejectionOf(replay(away))).toBe(away);
    await expect(replay(new TypeError("no object"))).rejects.toThrow("no object");
  });
});
