import { describe, expect, test } from "vitest";
import type { AccountLimits } from "../../../shared/metering/accounts.ts";
import { createAccountClient, type OrError } from "../../support/account-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { signUp, signUpCaller } from "../../support/people.ts";

const sql = connectDatabase();
const account = createAccountClient();

const change = ({ token }: { token: string }, body: unknown) =>
  account.send<OrError<AccountLimits>>("PATCH", "", { token, body });

test("days begin at midnight of the zone that a person chose, and none gets shorter", async () => {
  const caller = await signUpCaller(sql, { limits: [{ unit: "requests", window: "day", amount: 5 }] });
  const before = await account.get<AccountLimits>(caller, "/limits");
  const { status, body } = await change(caller, { timeZone: "Pacific/Kiritimati" });
  expect([status, body.timeZone, body.plan.id]).toEqual([200, "Pacific/Kiritimati", caller.planId]);
  const [wasReset, isReset] = [before.body, body].map(({ limits }) => Date.parse(limits[0]?.resetsAt ?? ""));
  // Its midnights are at ten o'clock in UTC.
  expect(new Date(isReset ?? 0).toISOString()).toMatch(/T10:00:00\.000Z$/);
  expect(isReset).toBeGreaterThanOrEqual(wasReset ?? Number.NaN);
  expect((await account.get<AccountLimits>(caller, "/limits")).body).toEqual(body);
});

test("a zone is changed once a day, and the same zone again is no change", async () => {
  const caller = await signUpCaller(sql);
  expect((await change(caller, { timeZone: "Europe/Berlin" })).status).toBe(200);
  expect((await change(caller, { timeZone: "Europe/Berlin" })).status).toBe(200);
  const { status, headers, body } = await change(caller, { timeZone: "America/New_York" });
  expect(status).toBe(429);
  const seconds = Number(headers.get("retry-after"));
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(48 * 3600);
  expect(body.error).toEqual({
    type: "rate_limit_error",
    code: "rate_limited",
    param: "timeZone",
    message: `timeZone: was changed within a day. It can be changed again at ${body.error.resetsAt}.`,
    resetsAt: expect.stringMatching(/Z$/),
  });
  expect((await account.get<AccountLimits>(caller, "/limits")).body.timeZone).toBe("Europe/Berlin");

  // As if that day were over.
  await sql`
    update private.accounts set
      long_day_start = long_day_start - interval '3 days', long_day_end = long_day_end - interval '3 days'
    where user_id = ${caller.userId}`;
  expect((await change(caller, { timeZone: "America/New_York" })).body.timeZone).toBe("America/New_York");
});

describe("what is no zone is a 400 that names the field and the remedy:", () => {
  test.each([
    "Mars/Olympus",
    "berlin",
    "+02:00",
    "UTC+2",
    "A/B+23",
    "PDT",
    "Europe/Berlin ",
    "../etc/passwd",
    "'; drop table",
    "Z\u0000",
    "\ud800",
    "",
    "x".repeat(65),
    7,
    null,
    ["UTC"],
  ])("%j", async (timeZone) => {
    const { status, body } = await change(await signUp(), { timeZone });
    expect([status, body.error]).toEqual([
      400,
      {
        type: "invalid_request_error",
        code: "invalid_request",
        param: "timeZone",
        message: expect.stringMatching(/^timeZone: [\S ]{4,200}\.$/),
      },
    ]);
  });

  test.each([
    ["{}", "invalid_request", "timeZone"],
    ['{"timeZone":"UTC","plan":"max"}', "invalid_request", "plan"],
    ["[]", "invalid_request", null],
    ["null", "invalid_request", null],
    ["", "invalid_json", null],
    ["{", "invalid_json", null],
    ["[".repeat(40), "body_too_deep", null],
  ])("a body such as %s", async (text, code, param) => {
    const { token } = await signUp();
    const { status, body } = await account.send("PATCH", "", { token, body: text });
    expect([status, body.error.code, body.error.param]).toEqual([400, code, param]);
  });

  test("a body that is too large", async () => {
    const { token } = await signUp();
    const { status, body } = await account.send("PATCH", "", {
      token,
      body: JSON.stringify({ timeZone: "x".repeat(1024 * 1024) }),
    });
    expect([status, body.error.code]).toEqual([413, "body_too_large"]);
  });
});
