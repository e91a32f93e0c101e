import { randomUUID } from "node:crypto";
import type { RequestListener } from "node:http";
import { describe, expect, inject, type TestContext, test } from "vitest";
import { freePort } from "../../../local/ports.ts";
import { errorTable } from "../../../shared/domain/error-table.ts";
import type { ErrorBody } from "../../../shared/domain/errors.ts";
import { type Answer, createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { startDatabaseProxy } from "../../support/database-proxy.ts";
import { startExtraFunction } from "../../support/extra-function.ts";
import { type LocalServer, startServer } from "../../support/local-server.ts";
import { lockAccount } from "../../support/lock-account.ts";
import { signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { readMetering, untouched } from "../../support/read-metering.ts";

const sql = connectDatabase();
const provider = watchProvider();

/** Starts an instance that finds its database at `url`, for one test. */
async function startAt(url: string, { onTestFinished }: TestContext) {
  const instance = await startExtraFunction({ SUPABASE_URL: url });
  onTestFinished(() => instance.stop());
  return { instance, chats: createChatClient(instance.url) };
}

function forThisTest(server: LocalServer, { onTestFinished }: TestContext): LocalServer {
  onTestFinished(() => server.stop());
  return server;
}

const absences: [what: string, answer: RequestListener][] = [
  ["breaks connections off", ({ socket }) => socket.destroy()],
  ["never answers", () => {}],
  ["answers that it is overloaded", (_request, response) => response.writeHead(503).end("no server")],
];

describe.concurrent("when the database fails", () => {
  test.for(absences)(
    "a database that %s is a 503 with Retry-After after one try, and the provider is not called",
    async ([, answer], context) => {
      const tries: string[] = [];
      const server = await startServer((request, response) => {
        tries.push(`${request.method} ${request.url?.split("?")[0]}`);
        answer(request, response);
      });
      const { chats } = await startAt(forThisTest(server, context).url, context);
      const caller = await signUpCaller(sql);
      const marker = randomUUID();
      const answers = await Promise.all([
        chats.ask(caller, { message: marker }),
        chats.ask(caller, { message: marker, stream: true }),
        readError(chats.send("/conversations", caller)),
        readError(chats.send(`/conversations/${randomUUID()}`, { token: caller.token, method: "DELETE" })),
      ]);
      for (const each of answers) expectUnavailable(each);
      expect(await provider.findCalls(marker)).toEqual([]);
      expect(await readMetering(sql, caller.userId)).toEqual(untouched);
      // A try may take 4 s, and the promise is 5 s.
      const count = (method: string) =>
        tries.filter((each) => each === `${method} /rest/v1/conversations`).length;
      expect([count("GET"), count("DELETE")]).toEqual([1, 1]);
    },
  );

  test("a database that is down is a 503 with Retry-After, and the provider is not called", async (context) => {
    const { chats } = await startAt(`http://127.0.0.1:${await freePort()}`, context);
    const caller = await signUpCaller(sql);
    const marker = randomUUID();
    expectUnavailable(await chats.ask(caller, { message: marker }));
    expectUnavailable(await readError(chats.send("/conversations", caller)));
    expect(await provider.findCalls(marker)).toEqual([]);
  });

  test("who comes while the database does not answer need not wait for those before them to be refused", async (context) => {
    let begins = 0;
    const server = forThisTest(
      await startServer(({ url }) => {
        if (url?.endsWith("/begin_chats")) begins++;
      }),
      context,
    );
    const { chats } = await startAt(server.url, context);
    const caller = await signUpCaller(sql);
    let isFirstRefused = false;
    const first = chats.ask(caller, { message: "Hello" }).finally(() => (isFirstRefused = true));
    await context.expect.poll(() => begins, { timeout: 10_000 }).toBe(1);
    const second = chats.ask(caller, { message: "Hello" });
    await context.expect.poll(() => begins, { timeout: 10_000 }).toBe(2);
    expect(isFirstRefused).toBe(false);
    for (const answer of await Promise.all([first, second])) expectUnavailable(answer);
  });

  test("a hold whose confirmation got lost is released again, and the provider is not called", async (context) => {
    let isLost = false;
    const proxy = forThisTest(
      await startDatabaseProxy(async ({ name }, forward) => {
        const answer = await forward();
        if (name !== "begin_chats" || isLost) return answer;
        isLost = true;
        return null;
      }),
      context,
    );
    const { chats } = await startAt(proxy.url, context);
    const caller = await signUpCaller(sql);
    const marker = randomUUID();
    const { status, error } = await chats.ask(caller, { message: marker });
    expect([status, error.code]).toEqual([503, "database_unavailable"]);
    await context.expect
      .poll(() => readMetering(sql, caller.userId))
      .toMatchObject({
        holds: [{ state: "settled" }],
        ledger: [],
        windows: [
          { used: 0, held: 0 },
          { used: 0, held: 0 },
          { used: 0, held: 0 },
        ],
      });
    expect(await provider.findCalls(marker)).toEqual([]);
    expect((await chats.ask(caller, { message: marker })).status).toBe(200);
  });

  test("a hold that a slow database places when its caller was refused already is released, and the provider is not called", async (context) => {
    const late = Promise.withResolvers<void>();
    let looks = 0;
    const proxy = forThisTest(
      await startDatabaseProxy(async ({ name }, forward) => {
        if (name === "begin_chats") await late.promise;
        const answer = await forward();
        if (name === "settle_chats") looks++;
        return answer;
      }),
      context,
    );
    const { chats } = await startAt(proxy.url, context);
    const caller = await signUpCaller(sql);
    const marker = randomUUID();
    expectUnavailable(await chats.ask(caller, { message: marker }));
    await context.expect.poll(() => looks).toBeGreaterThan(0);
    expect(await readMetering(sql, caller.userId)).toEqual(untouched);
    late.resolve();
    await context.expect
      .poll(() => readMetering(sql, caller.userId), { timeout: 10_000 })
      .toMatchObject({
        holds: [{ state: "settled" }],
        ledger: [],
        windows: [{ used: 0, held: 0 }, { held: 0 }, { used: 0, held: 0 }],
      });
    expect(await provider.findCalls(marker)).toEqual([]);
  });

  test("a settlement whose confirmation got lost is sent again, and charged once", async (context) => {
    let calls = 0;
    const proxy = forThisTest(
      await startDatabaseProxy(async ({ name }, forward) => {
        const answer = await forward();
        return name === "settle_chats" && ++calls < 3 ? null : answer;
      }),
      context,
    );
    const { chats, instance } = await startAt(proxy.url, context);
    const caller = await signUpCaller(sql);
    const { status, result } = await chats.ask(caller, { message: "Hello" });
    expect([status, calls]).toEqual([200, 3]);
    const { ledger, windows } = await readMetering(sql, caller.userId);
    expect(ledger).toMatchObject([{ hold_id: result.id, cost_nano: result.costNano }]);
    expect(windows).toMatchObject([{ used: 1, held: 0 }, { held: 0 }, { used: result.costNano, held: 0 }]);
    expect(await sql`select from public.messages where request_id = ${result.id}`).toHaveLength(2);

    // Should the instance die before it succeeds, an operator finds here what to post.
    const failures = instance.lines
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event === "settlement_failed");
    expect(failures).toHaveLength(2);
    expect(failures[0]).toMatchObject({
      requestId: result.id,
      isLost: false,
      charges: [{ attempt: 1, outcome: "completed", usage: result.usage }],
    });
  });

  test("an answer that cannot be recorded for long is a 503 that says so, and is charged and stored later", async (context) => {
    const { chats } = await startAt(inject("stack").apiUrl, context);
    const hold = randomUUID();
    const caller = await signUpCaller(sql, { simulate: `hold=${hold}` });
    const marker = randomUUID();
    const asking = chats.ask(caller, { message: marker });
    await provider.waitForCall(marker, "running");
    const lock = await lockAccount(sql, caller.userId);
    await provider.release(hold);
    const { status, headers, error } = await asking;
    expect([status, headers.get("retry-after"), error.code]).toEqual([503, null, "settlement_pending"]);

    await lock.release();
    await context.expect
      .poll(() => readMetering(sql, caller.userId), { timeout: 10_000 })
      .toMatchObject({ holds: [{ state: "settled" }], ledger: [{ outcome: "completed", estimated: false }] });
    const { body } = await chats.request<{ conversations: unknown[] }>(caller, "GET", "/conversations");
    expect(body.conversations).toMatchObject([{ title: marker, messageCount: 2 }]);
  });
});

function expectUnavailable({ status, headers, error }: Pick<Answer, "status" | "headers" | "error">): void {
  expect([status, headers.get("retry-after")]).toEqual([503, "2"]);
  expect(error).toEqual({
    type: "server_error",
    code: "database_unavailable",
    param: null,
    message: errorTable.database_unavailable.message,
  });
}

async function readError(sending: Promise<Response>): Promise<Pick<Answer, "status" | "headers" | "error">> {
  const response = await sending;
  const { error } = (await response.json()) as ErrorBody;
  return { status: response.status, headers: response.headers, error };
}
