import { afterAll, beforeAll, expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { signUp } from "../../support/people.ts";

// Without the gateway, whose buffers would hide most of what goes wrong here.
let instance: ExtraFunction;
let chats: ReturnType<typeof createChatClient>;
const large = JSON.stringify({ message: "x".repeat(3_000_000) });

beforeAll(async () => {
  instance = await startExtraFunction();
  chats = createChatClient(instance.url);
});
afterAll(() => instance.stop());

/** A server that closes with a body unread resets the connection, but not every time. */
const tries = 20;

test.each([
  ["a long body, announced,", 413, () => large],
  ["a long body, not announced,", 413, () => new Blob([large]).stream()],
  ["a bad token", 401, () => large],
])(
  "who is refused for %s sees the refusal, however much they were about to send",
  async (_what, status, body) => {
    const token = status === 401 ? "bad" : (await signUp()).token;
    const statuses: number[] = [];
    for (let at = 0; at < tries; at++) {
      const init = { token, method: "POST", body: body(), duplex: "half" } as RequestInit;
      const response = await chats.send("", init);
      await response.arrayBuffer();
      statuses.push(response.status);
    }
    expect(statuses).toEqual(Array(tries).fill(status));
  },
);
