import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createAccountClient } from "../../support/account-client.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { signUp, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { readMetering, untouched } from "../../support/read-metering.ts";

const sql = connectDatabase();
const account = createAccountClient();
const chats = createChatClient();
const provider = watchProvider();

describe("there is no such", () => {
  test("user, and nothing is held", async () => {
    const { status, body } = await account.placeHold({ userId: randomUUID() });
    expect([status, body.error]).toEqual([
      404,
      {
        type: "not_found_error",
        code: "user_not_found",
        param: "userId",
        message: expect.stringMatching(/^There is no such user: /),
      },
    ]);
  });

  test("hold, whatever the id", async () => {
    for (const id of [randomUUID(), "1", "not-a-uuid", "%00", `${randomUUID()}x`])
      for (const { status, body } of [
        await account.settleHold(id, { costNano: 1 }),
        await account.releaseHold(id),
      ])
        expect([id, status, body.error.code]).toEqual([id, 404, "hold_not_found"]);
  });

  test("hold of a service: a chat's is out of reach, while it runs and after it", async () => {
    const hold = randomUUID();
    const caller = await signUpCaller(sql, { simulate: `hold=${hold}` });
    const message = randomUUID();
    const asking = chats.ask(caller, { message });
    await provider.waitForCall(message, "running");
    const [{ id } = { id: "" }] = (await readMetering(sql, caller.userId)).holds;
    const attack = async () => {
      for (const { status, body } of [
        await account.settleHold(id, { costNano: 0 }),
        await account.releaseHold(id),
      ])
        expect([status, body.error.code]).toEqual([404, "hold_not_found"]);
    };
    await attack();
    await provider.release(hold);
    const { result } = await asking;
    expect(result.id).toBe(id);
    await attack();
    expect((await readMetering(sql, caller.userId)).ledger).toMatchObject([{ cost_nano: result.costNano }]);
  });
});

test.each([
  [{}, "userId"],
  [{ userId: "1" }, "userId"],
  [{ userId: null }, "userId"],
  [{ service: "" }, "service"],
  [{ service: "Images" }, "service"],
  [{ service: "x".repeat(41) }, "service"],
  [{ service: "a\u0000b" }, "service"],
  [{ service: 7 }, "service"],
  [{ tokens: -1 }, "tokens"],
  [{ tokens: 1.5 }, "tokens"],
  [{ tokens: "5" }, "tokens"],
  [{ tokens: 1_000_000_001 }, "tokens"],
  [{ tokens: null }, "tokens"],
  [{ costNano: -1 }, "costNano"],
  [{ costNano: 0.5 }, "costNano"],
  [{ costNano: 1e15 + 1 }, "costNano"],
  [{ costNano: 1e300 }, "costNano"],
  [{ plan: "max" }, "plan"],
])("a hold that cannot be, %j, is a 400 that names the field and the remedy", async (wrong, param) => {
  const person = await signUp();
  const right = { userId: person.userId, tokens: 1 };
  const fields = param === "userId" ? { tokens: 1, ...wrong } : { ...right, ...wrong };
  const { status, body } = await account.placeHold(fields as typeof right);
  expect([status, body.error]).toEqual([
    400,
    {
      type: "invalid_request_error",
      code: "invalid_request",
      param,
      message: expect.stringMatching(`^${param}: [\\S ]{4,200}\\.$`),
    },
  ]);
  expect(await readMetering(sql, person.userId)).toEqual(untouched);
});

test.each([
  [{}, "costNano"],
  [{ costNano: -1 }, "costNano"],
  [{ costNano: 1e15 + 1 }, "costNano"],
  [{ costNano: "7" }, "costNano"],
  [{ costNano: 1, usage: null }, "usage"],
  [{ costNano: 1, usage: 7 }, "usage"],
  [{ costNano: 1, usage: { inputTokens: -1 } }, "usage.inputTokens"],
  [{ costNano: 1, usage: { cacheReadTokens: 0.5 } }, "usage.cacheReadTokens"],
  [{ costNano: 1, usage: { cacheWriteTokens: "1" } }, "usage.cacheWriteTokens"],
  [{ costNano: 1, usage: { outputTokens: 1_000_000_001 } }, "usage.outputTokens"],
  [{ costNano: 1, usage: { outputTokens: 4, reasoningTokens: 5 } }, "usage.reasoningTokens"],
  [{ costNano: 1, usage: { totalTokens: 5 } }, "usage.totalTokens"],
  [{ costNano: 1, state: "settled" }, "state"],
])(
  "a settlement that cannot be, %j, is a 400 that names the field, and settles nothing",
  async (wrong, param) => {
    const person = await signUp();
    const { id } = (await account.placeHold({ userId: person.userId, tokens: 1 })).body;
    const { status, body } = await account.settleHold(id, wrong);
    expect([status, body.error]).toEqual([
      400,
      {
        type: "invalid_request_error",
        code: "invalid_request",
        param,
        message: expect.stringMatching(`^${param}: [\\S ]{4,200}\\.$`),
      },
    ]);
    expect((await readMetering(sql, person.userId)).holds).toMatchObject([{ id, state: "pending" }]);
  },
);
