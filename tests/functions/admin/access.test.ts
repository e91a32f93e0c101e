import { randomUUID } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { createAdminClient } from "../../support/admin-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type Person, signUp } from "../../support/people.ts";

const sql = connectDatabase();
const admin = createAdminClient();
let person: Person;

beforeAll(async () => {
  person = await signUp();
});

const everyRoute = [
  ["GET", "/models"],
  ["PATCH", "/models"],
  ["GET", "/models/a/b"],
  ["PATCH", "/models/a/b"],
  ["GET", "/syncs"],
  ["POST", "/syncs"],
  ["POST", "/syncs/preview"],
  ["GET", `/syncs/${randomUUID()}`],
  ["GET", "/held-prices"],
  ["POST", "/held-prices/1/accept"],
  ["GET", "/activation-rules"],
  ["POST", "/activation-rules"],
  ["DELETE", "/activation-rules/1"],
  ["GET", "/audit"],
] as const;

test.each(everyRoute)("%s admin%s is for administrators alone", async (method, path) => {
  const body = method === "GET" || method === "DELETE" ? {} : { body: {} };
  const signedIn = await admin(method, path, { token: person.token, ...body });
  expect([signedIn.status, signedIn.body.error.code]).toEqual([403, "administrators_only"]);
  const nobody = await admin(method, path, { token: null, ...body });
  expect([nobody.status, nobody.body.error.code]).toEqual([401, "unauthorized"]);
});

test("who says in the own metadata to be an administrator is none", async () => {
  await sql`update auth.users set raw_user_meta_data = '{"role":"admin"}' where id = ${person.userId}`;
  expect((await admin("GET", "/audit", { token: person.token })).status).toBe(403);
});
