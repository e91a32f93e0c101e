import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { StoredMessage } from "../../../shared/database/conversations.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { type Format, signUpFor } from "../../support/provider-formats.ts";
import { readMetering } from "../../support/read-metering.ts";
import { createReplyClient } from "../../support/reply-client.ts";
import { type ScriptedProvider, startScriptedProvider } from "../../support/scripted-provider.ts";

const sql = connectDatabase();
let model: ScriptedProvider;
let instance: ExtraFunction;
let chats: ReturnType<typeof createChatClient>;

const half = "\ud83c";
/** What no database stores and no parser likes, in every place that a model writes. */
const worst = {
  reasoning_content: `a\u0000${half}b`,
  content: `c\u0000${half}d`,
  tool_calls: [
    {
      index: 0,
      id: `id\u0000${half}`,
      type: "function",
      function: { name: `na\u0000${half}me`, arguments: `{"a":\u0000${half}` },
    },
  ],
};

beforeAll(async () => {
  const deltas = Object.entries(worst).map(([name, value]) => ({ [name]: value }));
  model = await startScriptedProvider(() => ({ deltas: deltas as never, finish: "tool_calls" }));
  instance = await startExtraFunction({
    OPENAI_BASE_URL: `${model.url}/v1`,
    OPENROUTER_BASE_URL: `${model.url}/v1`,
  });
  chats = createChatClient(instance.url);
});
afterAll(async () => {
  await instance.stop();
  await model.stop();
});

const tools = [{ name: "look" }];

test.each<[format: Format, stream: boolean]>([
  ["openai", false],
  ["openai", true],
  ["openrouter", true],
])(
  "whatever a model writes is charged, kept and can be gone on from: %s, streamed: %j",
  async (format, stream) => {
    const caller = await signUpFor(sql, format);
    const { status, headers } = await chats
      .send("", {
        token: caller.token,
        method: "POST",
        body: JSON.stringify({ message: randomUUID(), stream, options: { tools } }),
      })
      .then(async (response) => ({
        status: response.status,
        headers: response.headers,
        text: await response.text(),
      }));
    expect(status).toBe(200);
    expect((await readMetering(sql, caller.userId)).ledger).toMatchObject([
      { outcome: "completed", estimated: false, input_tokens: 9, output_tokens: 9 },
    ]);
    const { body } = await createReplyClient().find(caller, headers.get("x-request-id") ?? "");
    expect(body).toMatchObject({ state: "completed", content: "c\ufffd\ufffdd" });
    const { conversationId } = body;
    const { body: kept } = await chats.request<{ messages: StoredMessage[] }>(
      ...[caller, "GET", `/conversations/${conversationId}`],
    );
    expect(kept.messages).toMatchObject([
      { role: "user" },
      { role: "assistant", content: "c\ufffd\ufffdd", toolCalls: [{ arguments: '{"a":\ufffd\ufffd' }] },
    ]);
    const id = kept.messages[1]?.toolCalls[0]?.id;
    const results = [{ role: "tool", toolCallId: id, content: "It is there." }];
    const next = await chats.ask(caller, { conversationId, messages: results, options: { tools } });
    expect(next.status).toBe(200);
  },
);
