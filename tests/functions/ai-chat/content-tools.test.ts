import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StoredMessage } from "../../../shared/database/conversations.ts";
import type { ToolCall } from "../../../shared/domain/chat-message.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import type { Caller } from "../../support/people.ts";
import { type Format, formatNames, signUpFor } from "../../support/provider-formats.ts";
import { joinReply, outlineOf } from "../../support/reply-client.ts";
import { watchBodies } from "../../support/sent-body.ts";
import { resultsOf, tools } from "../../support/tool-chats.ts";

const sql = connectDatabase();
const bodyOf = watchBodies();
let instance: ExtraFunction;
let chats: ReturnType<typeof createChatClient>;

beforeAll(async () => {
  instance = await startExtraFunction();
  chats = createChatClient(instance.url);
});
afterAll(() => instance.stop());

async function readMessages(caller: Caller, conversationId: string | null): Promise<StoredMessage[]> {
  const { body } = await chats.request<{ messages: StoredMessage[] }>(
    caller,
    "GET",
    `/conversations/${conversationId}`,
  );
  return body.messages;
}

const argsOf = (call: ToolCall) => JSON.parse(call.arguments);

/** How each format is told of calls and their results, after what the user said. */
function wireTurn(format: Format, calls: ToolCall[], marker: string): Record<string, unknown> {
  if (format === "anthropic")
    return {
      messages: [
        { role: "user" },
        {
          role: "assistant",
          content: calls.map((call) => ({ type: "tool_use", name: call.name, input: argsOf(call) })),
        },
        {
          role: "user",
          content: calls.map(({ id, name }) => ({
            type: "tool_result",
            tool_use_id: id,
            content: `${name}: ${marker}`,
          })),
        },
      ],
    };
  if (format === "google")
    return {
      contents: [
        { role: "user" },
        {
          role: "model",
          parts: calls.map((call) => ({ functionCall: { name: call.name, args: argsOf(call) } })),
        },
        {
          role: "user",
          parts: calls.map(({ name }) => ({
            functionResponse: { name, response: { output: `${name}: ${marker}` } },
          })),
        },
      ],
    };
  return {
    messages: [
      { role: "user" },
      {
        role: "assistant",
        content: null,
        tool_calls: calls.map(({ id, name, arguments: text }) => ({
          id,
          type: "function",
          function: { name, arguments: text },
        })),
      },
      ...calls.map(({ id, name }) => ({ role: "tool", tool_call_id: id, content: `${name}: ${marker}` })),
    ],
  };
}

describe.each(formatNames)("over %s", (format) => {
  test("tools are asked for at once, in one piece and in a stream whose pieces join to the same", async () => {
    const caller = await signUpFor(sql, format, { simulate: "tools=3" });
    const [message, streamed] = ["Go there.", "Go there."];
    const { result } = await chats.ask(caller, { message, options: { tools } });
    expect(result).toMatchObject({ content: "", finishReason: "tool_calls" });
    expect(result.toolCalls.map(({ name }) => name)).toEqual(["look", "wait", "look"]);
    expect(new Set(result.toolCalls.map(({ id }) => id)).size).toBe(3);
    for (const call of result.toolCalls) expect(argsOf(call)).toMatchObject({ city: expect.any(String) });

    const events = await chats.stream(caller, { message: streamed, options: { tools } });
    expect(outlineOf(events)).toEqual(["start", "tool_call", "done"]);
    const joined = joinReply(events).toolCalls;
    expect(joined.map((call) => [call.name, argsOf(call)])).toEqual(
      result.toolCalls.map((call) => [call.name, argsOf(call)]),
    );
    expect(events.at(-1)).toMatchObject({ data: { finishReason: "tool_calls", usage: result.usage } });
  });

  test("their results go back in a conversation, which is kept and can be read", async () => {
    const caller = await signUpFor(sql, format, { simulate: "tools=2" });
    const [message, marker] = [randomUUID(), randomUUID()];
    const { result } = await chats.ask(caller, { message, options: { tools } });
    const { toolCalls, conversationId, continuation } = result;
    const second = await chats.ask(caller, {
      conversationId,
      messages: resultsOf(toolCalls, marker),
      options: { tools },
    });
    expect([second.status, second.result.toolCalls, second.result.finishReason]).toEqual([200, [], "stop"]);
    expect(second.result.content).not.toBe("");
    expect(await bodyOf(marker)).toMatchObject(wireTurn(format, toolCalls, marker));

    const messages = await readMessages(caller, conversationId);
    const empty = { toolCalls: [], toolCallId: null, continuation: null };
    expect(messages).toMatchObject([
      { role: "user", content: message, ...empty },
      {
        role: "assistant",
        content: "",
        toolCalls,
        continuation: continuation ?? null,
        finishReason: "tool_calls",
      },
      ...toolCalls.map(({ id, name }) => ({
        ...{ role: "tool", toolCallId: id, content: `${name}: ${marker}`, toolCalls: [] },
      })),
      { role: "assistant", content: second.result.content, ...empty, finishReason: "stop" },
    ]);
    // And all of it goes along with what comes next.
    const next = randomUUID();
    const third = await chats.stream(caller, { message: next, conversationId, options: { tools } });
    expect(third.at(-1)).toMatchObject({ type: "done", data: { finishReason: "tool_calls" } });
    expect(JSON.stringify(await bodyOf(next))).toContain(marker);
  });

  test("their results go back with all that was said, where the app keeps the conversation itself", async () => {
    const caller = await signUpFor(sql, format, { simulate: "tools=2" });
    const [message, marker] = [randomUUID(), randomUUID()];
    const { result } = await chats.ask(caller, { message, options: { tools } });
    const { toolCalls, continuation } = result;
    const messages = [
      { role: "user", content: message },
      { role: "assistant", toolCalls, ...(continuation && { continuation }) },
      ...resultsOf(toolCalls, marker),
    ];
    const again = await chats.ask(caller, { messages, options: { tools } });
    expect([again.status, again.result.finishReason]).toEqual([200, "stop"]);
    expect(again.result.conversationId).not.toBe(result.conversationId);
    expect(await bodyOf(marker)).toMatchObject(wireTurn(format, toolCalls, marker));
  });

  test("one call at a time is what is got where that is asked for, or a warning", async () => {
    const caller = await signUpFor(sql, format, { simulate: "tools=2" });
    const message = randomUUID();
    const { result } = await chats.ask(caller, {
      message,
      options: { tools, parallelToolCalls: false, toolChoice: "required" },
    });
    const [count, warned] = format === "google" ? [2, ["options.parallelToolCalls"]] : [1, []];
    expect([result.toolCalls.length, result.warnings.map(({ param }) => param)]).toEqual([count, warned]);
    const body = await bodyOf(message);
    const choice = {
      openai: { parallel_tool_calls: false, tool_choice: "required" },
      openrouter: { parallel_tool_calls: false, tool_choice: "required" },
      anthropic: { tool_choice: { type: "any", disable_parallel_tool_use: true } },
      google: { toolConfig: { functionCallingConfig: { mode: "ANY" } } },
    }[format];
    expect(body).toMatchObject(choice);
  });
});
