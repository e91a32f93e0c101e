import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StoredMessage } from "../../../shared/database/conversations.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { type Format, formatNames, formats, signUpFor } from "../../support/provider-formats.ts";
import { readMetering } from "../../support/read-metering.ts";

const sql = connectDatabase();
const provider = watchProvider();
let instance: ExtraFunction;
let chats: ReturnType<typeof createChatClient>;

beforeAll(async () => {
  instance = await startExtraFunction();
  chats = createChatClient(instance.url);
});
afterAll(() => instance.stop());

// One pixel.
const pixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const dataUrl = `data:image/png;base64,${pixel}`;
const webUrl = "https://images.example/tide.webp?size=2";

const look = (text: string) => [
  { type: "text", text },
  { type: "image", url: dataUrl },
  { type: "image", url: webUrl },
  { type: "text", text: "Compare them." },
];

function wireMessage(format: Format, text: string): Record<string, unknown> {
  const [first, last] = [
    { type: "text", text },
    { type: "text", text: "Compare them." },
  ];
  if (format === "anthropic") {
    const image = (source: object) => ({ type: "image", source });
    const data = image({ type: "base64", media_type: "image/png", data: pixel });
    return {
      messages: [{ role: "user", content: [first, data, image({ type: "url", url: webUrl }), last] }],
    };
  }
  if (format === "google") {
    const data = { inlineData: { mimeType: "image/png", data: pixel } };
    const file = { fileData: { mimeType: "image/webp", fileUri: webUrl } };
    return { contents: [{ role: "user", parts: [{ text }, data, file, { text: "Compare them." }] }] };
  }
  const image = (url: string) => ({ type: "image_url", image_url: { url } });
  return { messages: [{ role: "user", content: [first, image(dataUrl), image(webUrl), last] }] };
}

describe.each(formatNames)("over %s", (format) => {
  test("images reach the provider, are charged, kept, and go along with what is said next", async () => {
    const caller = await signUpFor(sql, format);
    const [text, next] = [randomUUID(), randomUUID()];
    const { status, result } = await chats.ask(caller, { messages: [{ role: "user", content: look(text) }] });
    expect(status).toBe(200);
    const [call] = await provider.findCalls(text);
    expect(call?.body).toMatchObject(wireMessage(format, text));
    expect(result.usage.inputTokens).toBeGreaterThan(1000);
    expect((await readMetering(sql, caller.userId)).ledger).toMatchObject([
      { input_tokens: result.usage.inputTokens, cost_nano: result.costNano },
    ]);

    const { conversationId } = result;
    const { body } = await chats.request<{ messages: StoredMessage[] }>(
      ...[caller, "GET", `/conversations/${conversationId}`],
    );
    expect(body.messages[0]?.content).toEqual(look(text));
    expect((await chats.ask(caller, { message: next, conversationId })).status).toBe(200);
    const [later] = await provider.findCalls(next);
    const [turns, first] = [later?.body, call?.body].map(
      (sent) => (sent?.messages ?? sent?.contents) as unknown[],
    );
    expect(turns?.[0]).toEqual(first?.[0]);
    expect((await readMetering(sql, caller.userId)).ledger[1]?.input_tokens).toBeGreaterThan(1000);
  });
});

test("an image that Gemini does not take is refused, or goes to a provider that takes it", async () => {
  const gif = [{ type: "image", url: "data:image/gif;base64,R0lGODlhAQABAAAAACw=" }];
  const alone = await signUpFor(sql, "google");
  const refused = await chats.ask(alone, { messages: [{ role: "user", content: gif }] });
  expect([refused.status, refused.error.code, refused.error.param]).toEqual([
    ...[400, "unsupported_parameter", "messages"],
  ]);
  await expect
    .poll(() => readMetering(sql, alone.userId))
    .toMatchObject({ ledger: [], windows: Array(3).fill({ used: 0, held: 0 }) });
  const caller = await signUpFor(sql, "google", {
    routes: [
      { provider: "google", upstream: formats.google },
      { provider: "openai", upstream: formats.openai, priority: 1 },
    ],
  });
  const { result } = await chats.ask(caller, { messages: [{ role: "user", content: gif }] });
  expect(result).toMatchObject({ provider: "openai", attempts: 1 });
});
