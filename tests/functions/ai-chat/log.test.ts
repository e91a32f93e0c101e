import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { signUpCaller } from "../../support/people.ts";
import { joinText } from "../../support/read-events.ts";
import { simulateMoreProviders } from "../../support/simulated-providers.ts";

const sql = connectDatabase();
// Of the last nobody waits for what the provider asks to wait.
const endings = ["tokens=50", "cut=9", "error=9", "status=400", "status=401", "status=429;retryafter=30"];
let instance: ExtraFunction;
let chats: ReturnType<typeof createChatClient>;

beforeAll(async () => {
  instance = await startExtraFunction(simulateMoreProviders(endings.length));
  chats = createChatClient(instance.url);
});
afterAll(() => instance.stop());

/** The one line of a request, which a stream writes when it is over. */
async function readLine(requestId: string | null): Promise<string> {
  const find = () => instance.lines.filter((line) => line.includes(String(requestId)));
  await expect.poll(find).toHaveLength(1);
  return find()[0] as string;
}

const ms = expect.any(Number);

test("each chat is one line with who, what, how much and how long", async () => {
  const caller = await signUpCaller(sql, { simulate: "tokens=5" });
  const { result } = await chats.ask(caller, { message: "Hello" });
  const events = await chats.stream(caller, { message: "Hello" });
  const done = events.at(-1);
  const streamed = done?.type === "done" ? done.data : undefined;

  for (const [stream, answer] of [
    [false, result],
    [true, streamed],
  ] as const) {
    expect(JSON.parse(await readLine(answer?.id ?? null))).toEqual({
      event: "request",
      requestId: answer?.id,
      method: "POST",
      path: "/ai-chat",
      status: 200,
      userId: caller.userId,
      model: caller.modelId,
      provider: "openai",
      credential: "environment",
      attempts: 1,
      stream,
      usage: answer?.usage,
      costNano: answer?.costNano,
      estimated: false,
      ...(stream ? { clientLeft: false } : {}),
      timesMs: { auth: ms, begin: ms, first_token: ms, settle: ms, total: ms },
    });
  }
});

test("a refusal is one line with its code", async () => {
  const caller = await signUpCaller(sql, { limits: [{ unit: "requests", window: "day", amount: 0 }] });
  const { headers } = await chats.ask(caller, { message: "Hello" });
  expect(JSON.parse(await readLine(headers.get("x-request-id")))).toEqual({
    event: "request",
    requestId: headers.get("x-request-id"),
    method: "POST",
    path: "/ai-chat",
    status: 402,
    code: "quota_exceeded",
    userId: caller.userId,
    stream: false,
    timesMs: { auth: ms, begin: ms, total: ms },
  });
});

test("no line holds a prompt, an answer, a token or a key, whatever happens", async () => {
  const canary = `canary-${randomUUID()}`;
  const told: string[] = [];
  const tokens: string[] = [];
  for (const [index, simulate] of endings.entries()) {
    const caller = await signUpCaller(sql, { routes: [{ provider: `extra-${index}`, simulate }] });
    tokens.push(caller.token);
    const events = await chats.send("", {
      token: caller.token,
      method: "POST",
      body: JSON.stringify({
        messages: [
          { role: "system", content: canary },
          { role: "user", content: canary },
        ],
        stream: true,
      }),
    });
    told.push(await events.text());
    const { result } = await chats.ask(caller, { message: canary, options: { stop: canary } });
    told.push(result.content ?? "");
    await chats.ask(caller, { message: canary, [canary]: canary });
    await chats.send("", { token: caller.token, method: "POST", body: `{"message":"${canary}` });
    await chats.send(`/conversations?cursor=${canary}`, { token: caller.token });
    await chats.send("", { token: `${caller.token}x`, method: "POST", body: "{}" });
  }
  const last = await chats.stream(await signUpCaller(sql), { message: canary });
  const start = last[0];
  await readLine(start?.type === "start" ? start.data.id : null);

  const log = instance.lines.join("\n");
  expect(instance.lines.length).toBeGreaterThanOrEqual(6 * endings.length + 1);
  expect(joinText(last)).toContain("You said: canary");
  expect(log).not.toContain("canary");
  expect(log).not.toContain("You said");
  for (const token of tokens) expect(log).not.toContain(token.split(".")[2]);
  expect(log).not.toMatch(/sk-sim|sb_secret|eyJ/);
  expect(told.some((text) => text.includes(canary))).toBe(true);
});
