import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { type Caller, signUpCaller } from "../../support/people.ts";
import { joinText } from "../../support/read-events.ts";
import {
  type Script,
  type ScriptedProvider,
  startScriptedProvider,
} from "../../support/scripted-provider.ts";

const sql = connectDatabase();
const scripts = new Map<string, Script>();
let provider: ScriptedProvider;
let instance: ExtraFunction;
let chats: ReturnType<typeof createChatClient>;

beforeAll(async () => {
  provider = await startScriptedProvider(
    (prompt) => scripts.get(prompt) ?? { deltas: [{ content: "Yes." }] },
  );
  instance = await startExtraFunction({ OPENAI_BASE_URL: provider.url });
  chats = createChatClient(instance.url);
});
afterAll(() => Promise.all([instance.stop(), provider.stop()]));

/** A message that the provider answers by this script. */
function messageFor(script: Script): string {
  const message = randomUUID();
  scripts.set(message, script);
  return message;
}

async function readAnswers({ userId }: Caller) {
  const rows = await sql<{ content: string; finish_reason: string }[]>`
    select m.content, m.finish_reason
    from public.messages m join public.conversations c on c.id = m.conversation_id
    where c.user_id = ${userId} and m.role = 'assistant' order by m.created_at`;
  return [...rows];
}

test("options reach the provider under its own names, and nothing else does", async () => {
  const caller = await signUpCaller(sql);
  const message = randomUUID();
  const options = { maxTokens: 600, temperature: 0.3, topP: 0.9, stop: ["END", "\n\n"], seed: 7 };
  await chats.ask(caller, { message, options });
  await chats.ask(caller, { message, options: { maxTokens: 30, stop: "END" } });
  expect(provider.bodies.filter(({ messages }) => messages.at(-1)?.content === message)).toEqual([
    {
      model: "gpt-4o-mini",
      messages: [{ role: "user", content: message }],
      max_completion_tokens: 600,
      temperature: 0.3,
      top_p: 0.9,
      stop: ["END", "\n\n"],
      seed: 7,
      service_tier: "default",
      stream: true,
      stream_options: { include_usage: true, include_obfuscation: false },
    },
    {
      model: "gpt-4o-mini",
      messages: [{ role: "user", content: message }],
      max_completion_tokens: 30,
      stop: ["END"],
      service_tier: "default",
    },
  ]);
});

test("a character that the provider cuts in two arrives and is stored whole", async () => {
  const caller = await signUpCaller(sql);
  const message = messageFor({ deltas: [{ content: "wave \ud83c" }, { content: "\udf0a!" }] });
  const events = await chats.stream(caller, { message });
  expect(joinText(events)).toBe("wave 🌊!");
  expect(await readAnswers(caller)).toEqual([{ content: "wave 🌊!", finish_reason: "stop" }]);
});

test("an answer with NUL or half a character is complete, and stored with a replacement character", async () => {
  const caller = await signUpCaller(sql);
  const message = messageFor({ deltas: [{ content: "nul \u0000, half \ud83c." }] });
  const events = await chats.stream(caller, { message });
  const { result } = await chats.ask(caller, { message });
  expect(events.at(-1)?.type).toBe("done");
  expect(joinText(events)).toBe("nul \u0000, half \ud83c.");
  expect(result.content).toBe("nul \u0000, half \ud83c.");
  const stored = { content: "nul \ufffd, half \ufffd.", finish_reason: "stop" };
  expect(await readAnswers(caller)).toEqual([stored, stored]);
});

test("reasoning comes beside the answer, and is not stored", async () => {
  const caller = await signUpCaller(sql);
  const message = messageFor({ deltas: [{ reasoning_content: "Hm." }, { content: "Yes." }] });
  const events = await chats.stream(caller, { message });
  expect(events.map(({ type }) => type)).toEqual(["start", "reasoning", "chunk", "done"]);
  expect(events[1]?.data).toEqual({ text: "Hm." });
  expect((await chats.ask(caller, { message })).result).toMatchObject({ reasoning: "Hm.", content: "Yes." });
  expect(await readAnswers(caller)).toMatchObject([{ content: "Yes." }, { content: "Yes." }]);
});

test("an answer that the provider's filter cut says so", async () => {
  const caller = await signUpCaller(sql);
  const message = messageFor({ deltas: [{ content: "It is" }], finish: "content_filter" });
  expect((await chats.ask(caller, { message })).result.finishReason).toBe("content_filter");
  expect(await readAnswers(caller)).toEqual([{ content: "It is", finish_reason: "content_filter" }]);
});

test("an answer without a word is complete and charged", async () => {
  const caller = await signUpCaller(sql);
  const message = messageFor({ deltas: [], completionTokens: 0 });
  const { status, result } = await chats.ask(caller, { message });
  expect([status, result.content, result.usage.inputTokens]).toEqual([200, "", 9]);
  const events = await chats.stream(caller, { message });
  expect(events.map(({ type }) => type)).toEqual(["start", "done"]);
});
