import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { errorTable } from "../../../shared/domain/error-table.ts";
import { createAccountClient } from "../../support/account-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { signUp } from "../../support/people.ts";
import { readMetering } from "../../support/read-metering.ts";
import { makeSecret } from "../../support/secrets.ts";

const sql = connectDatabase();
const { secretKey, publishableKey } = inject("stack");
const otherKey = `sb_secret_${makeSecret("secret key")}`;
let instance: ExtraFunction;
let account: ReturnType<typeof createAccountClient>;

beforeAll(async () => {
  instance = await startExtraFunction(
    { SUPABASE_SECRET_KEYS: JSON.stringify({ default: secretKey, images: otherKey }) },
    "account",
  );
  account = createAccountClient(instance.url);
});
afterAll(() => instance.stop());

const routesOfPeople = [
  ["GET", "/usage"],
  ["GET", "/limits"],
  ["GET", "/balance"],
  ["PATCH", ""],
] as const;

describe.each(routesOfPeople)("%s account%s is for people:", (method, path) => {
  test.each([
    ["nothing", {}],
    ["a secret key", { apikey: secretKey }],
    ["a secret key in the place of a token", { token: secretKey }],
    ["garbage", { token: "a.b.c" }],
  ])("%s is a 401", async (_what, sent) => {
    const { status, body } = await account.send(method, path, sent);
    expect([status, body.error.code, body.error.message]).toEqual([
      401,
      "unauthorized",
      errorTable.unauthorized.message,
    ]);
  });
});

test("somebody who was deleted has no limits, however long their token is good", async () => {
  const { userId, token } = await signUp();
  await sql`delete from auth.users where id = ${userId}`;
  for (const [method, path] of routesOfPeople.slice(1)) {
    const body = method === "PATCH" ? { timeZone: "Europe/Berlin" } : undefined;
    const answer = await account.send(method, path, { token, ...(body && { body }) });
    expect([path, answer.status, answer.body.error.code]).toEqual([path, 401, "unauthorized"]);
  }
});

describe("holds are for services, and a person", () => {
  test.each([
    ["without a key", (token: string) => ({ token })],
    ["with the publishable key", (token: string) => ({ token, apikey: publishableKey })],
    ["with their token for a key", (token: string) => ({ apikey: token })],
    ["with a key that is none", (token: string) => ({ token, apikey: `${secretKey}x` })],
    ["with a secret key in the wrong place", () => ({ token: secretKey })],
    ["who is nobody", () => ({})],
  ])("%s neither holds nor settles nor releases, and is told which key is needed", async (_what, show) => {
    const { userId, token } = await signUp();
    const { id } = (await createAccountClient().placeHold({ userId, tokens: 10 })).body;
    const before = await readMetering(sql, userId);
    for (const [method, path, body] of [
      ["POST", "/holds", { userId, service: "images" }],
      ["POST", `/holds/${id}/settle`, { costNano: 0 }],
      ["DELETE", `/holds/${id}`, undefined],
    ] as const) {
      const answer = await account.send(method, path, { ...show(token), ...(body && { body }) });
      expect([answer.status, answer.body.error]).toEqual([
        401,
        {
          type: "authentication_error",
          code: "unauthorized",
          param: null,
          message:
            "Only services of the app may call this: send a secret key of the project in the header apikey.",
        },
      ]);
    }
    expect(await readMetering(sql, userId)).toEqual(before);
  });

  test("learns nothing of whether there is a hold", async () => {
    const { token } = await signUp();
    for (const id of [randomUUID(), "1"])
      expect((await account.send("DELETE", `/holds/${id}`, { token })).status).toBe(401);
  });
});

test("every secret key of the project is a service's, whatever its name", async () => {
  const { userId } = await signUp();
  const { status, body } = await account.send<{ id: string }>("POST", "/holds", {
    apikey: otherKey,
    body: { userId, service: "images" },
  });
  expect(status).toBe(201);
  expect((await account.send("DELETE", `/holds/${body.id}`, { apikey: secretKey })).status).toBe(200);
});

test.each([
  ["GET", "", "PATCH"],
  ["POST", "/usage", "GET"],
  ["PATCH", "/limits", "GET"],
  ["DELETE", "/balance", "GET"],
  ["GET", "/holds", "POST"],
  ["GET", `/holds/${randomUUID()}`, "DELETE"],
  ["PUT", `/holds/${randomUUID()}/settle`, "POST"],
  ["GET", "/alerts/deliver", "POST"],
])("%s account%s is a 405 that names what it takes", async (method, path, allowed) => {
  const { status, headers, body } = await account.send(method, path);
  expect([status, headers.get("allow"), body.error]).toEqual([
    405,
    allowed,
    {
      type: "invalid_request_error",
      code: "method_not_allowed",
      param: null,
      message: `This address takes ${allowed} only.`,
    },
  ]);
});

test.each(["/plans", "/holds/1/settle/now", "/usage/day"])("account%s is nowhere", async (path) => {
  const { status, body } = await account.send("GET", path);
  expect([status, body.error.code]).toEqual([404, "not_found"]);
});

test.each(["/limits?userId=1", "/balance?limit=3"])("account%s takes no question", async (path) => {
  const { token } = await signUp();
  const { status, body } = await account.send("GET", path, { token });
  expect([status, body.error.code, body.error.param]).toEqual([
    400,
    "invalid_request",
    path.replace(/.*\?(.*)=.*/, "$1"),
  ]);
});

test("a request is one line of the log, with whose it was, and without what was shown", async () => {
  const { userId, token } = await signUp();
  const answers = [
    await account.send("GET", "/limits", { token }),
    await account.send("POST", "/holds", { apikey: secretKey, body: { userId, service: "images" } }),
  ];
  for (const { status, headers } of answers) {
    const requestId = String(headers.get("x-request-id"));
    const find = () => instance.lines.filter((line) => line.includes(requestId));
    await expect.poll(find).toHaveLength(1);
    expect(JSON.parse(String(find()[0]))).toMatchObject({ event: "request", requestId, userId, status });
  }
  const log = instance.lines.join("\n");
  for (const shown of [token, secretKey, otherKey]) expect(log).not.toContain(shown);
});

test("while the database is away it is said to be away, and when to come back", async () => {
  const lost = await startExtraFunction(
    { SUPABASE_URL: "http://127.0.0.1:1", SUPABASE_SECRET_KEYS: JSON.stringify({ default: secretKey }) },
    "account",
  );
  try {
    const { userId, token } = await signUp();
    const there = createAccountClient(lost.url);
    for (const { status, headers, body } of [
      await there.send("GET", "/usage", { token }),
      await there.send("GET", "/limits", { token }),
      await there.send("PATCH", "", { token, body: { timeZone: "UTC" } }),
      await there.placeHold({ userId }),
      await there.settleHold(randomUUID(), { costNano: 1 }),
    ]) {
      expect([status, body.error.code]).toEqual([503, "database_unavailable"]);
      expect(headers.get("retry-after")).toBe("2");
    }
  } finally {
    await lost.stop();
  }
});
