import { expect, test } from "vitest";
import { createConversations } from "../../../shared/database/conversations.ts";
import { createDatabase } from "../../../shared/database/database.ts";
import { createSecret } from "../../../shared/domain/secret.ts";
import { startServer } from "../start-server.ts";

const conversation = {
  id: "6f1de8b1-6f3c-4b68-9a4e-0d4b4f3f2a10",
  title: "The sky",
  message_count: 3,
  created_at: "2026-11-20T11:00:00+00:00",
  updated_at: "2026-11-20T11:00:00+00:00",
};
const message = {
  parts: null,
  tool_calls: null,
  tool_call_id: null,
  continuation: null,
  finish_reason: null,
  model_id: null,
  request_id: "3d2c1b0a-0000-4000-8000-000000000001",
  created_at: "2026-11-20T11:00:00+00:00",
};
const parts = [{ type: "image", url: "https://example.com/a.png" }];
const toolCalls = [{ id: "call_1", name: "weather", arguments: "{}" }];
/** Newest first, as they are asked for. */
const messages = [
  { ...message, position: 3, role: "tool", content: "Rain", tool_call_id: "call_1" },
  {
    ...message,
    position: 2,
    role: "assistant",
    content: "",
    tool_calls: toolCalls,
    continuation: "signed",
    finish_reason: "tool_calls",
    model_id: "openai/gpt-4o-mini",
  },
  { ...message, position: 1, role: "user", content: "", parts },
];

test("messages are read as they were said: images, tool calls and their results", async () => {
  const url = await startServer((request, response) => {
    const rows = request.url?.startsWith("/rest/v1/messages") ? messages : [conversation];
    response.setHeader("content-type", "application/json").end(JSON.stringify(rows));
  });
  const database = createDatabase({ url, secretKey: createSecret("sb_secret_test"), fetch });
  const page = { limit: 50, cursor: undefined };
  const read = await createConversations(database).read("user-1", conversation.id, page);
  const common = {
    toolCalls: [],
    toolCallId: null,
    continuation: null,
    finishReason: null,
    model: null,
    requestId: message.request_id,
    createdAt: message.created_at,
  };
  expect(read.messages).toEqual([
    { ...common, position: 1, role: "user", content: parts },
    {
      ...common,
      position: 2,
      role: "assistant",
      content: "",
      toolCalls,
      continuation: "signed",
      finishReason: "tool_calls",
      model: "openai/gpt-4o-mini",
    },
    { ...common, position: 3, role: "tool", content: "Rain", toolCallId: "call_1" },
  ]);
  expect(read.nextCursor).toBeNull();
});
