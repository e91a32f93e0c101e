import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { projectRoot } from "../../../local/project.ts";
import { type Stack, startStack } from "../../../local/stack.ts";
import { createChatClient } from "../../support/chat-client.ts";

// A stack of its own, whose parts are ended one after the other.
const directory = join(projectRoot, ".local", "test-outage");
let stack: Stack;
let caller: { token: string };
let chats: ReturnType<typeof createChatClient>;

beforeAll(async () => {
  stack = await startStack({ directory, reset: true, environment: {}, schedules: false });
  caller = { token: await stack.signIn(stack.description.users.pro.email) };
  chats = createChatClient(`${stack.description.apiUrl}/functions/v1/ai-chat`);
});
afterAll(() => stack.stop());

function end(part: string): void {
  const file = readFileSync(join(directory, "processes.json"), "utf8");
  const processes = JSON.parse(file) as { name: string; pid: number; stopSignal: NodeJS.Signals }[];
  const found = processes.find(({ name }) => name === part);
  if (found === undefined) throw new Error(`the stack has no ${part}`);
  process.kill(found.pid, found.stopSignal);
}

async function expectOutage(): Promise<void> {
  const message = randomUUID();
  const answers = [await chats.ask(caller, { message }), await chats.ask(caller, { message, stream: true })];
  for (const { status, headers, error } of answers)
    expect([status, headers.get("retry-after"), error.code]).toEqual([503, "2", "database_unavailable"]);
  const list = await chats.request(caller, "GET", "/conversations");
  expect([list.status, list.body.error.code]).toEqual([503, "database_unavailable"]);
  const calls = await fetch(`${stack.description.simulatorUrl}/_simulator/calls?contains=${message}`);
  expect(await calls.json()).toEqual({ calls: [] });
}

test("without Postgres, and then without PostgREST, a chat is a 503 and the provider is not called", async () => {
  expect((await chats.ask(caller, { message: "Hello" })).status).toBe(200);
  end("Postgres");
  await expect.poll(async () => (await chats.request(caller, "GET", "/conversations")).status).toBe(503);
  await expectOutage();
  end("PostgREST");
  await expectOutage();
});
