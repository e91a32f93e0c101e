import { createHmac, randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { DeliveryResult } from "../../../shared/metering/alert-delivery.ts";
import { createAccountClient, type OrError } from "../../support/account-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { type LocalServer, startServer } from "../../support/local-server.ts";
import { lockAlerts } from "../../support/lock-alerts.ts";
import type { Lock } from "../../support/lock-row.ts";
import { signUp } from "../../support/people.ts";
import { makeSecret, makeSecretBytes } from "../../support/secrets.ts";

interface Post {
  url: string | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

/** How the webhook answers an alert: with a status, by breaking the connection off, or not at all. */
type Answer = (post: Post) => AnswerKind | Promise<AnswerKind>;
type AnswerKind = number | "broken" | "silent";

const sql = connectDatabase();
const jobSecret = makeSecret("job secret");
const webhookKey = makeSecretBytes("webhook secret");
const addressToken = makeSecret("webhook address");
let webhook: LocalServer;
let instance: ExtraFunction;
let lock: Lock;
let posts: Post[] = [];
let answer: Answer = () => 200;

beforeAll(async () => {
  webhook = await startServer(async (request, response) => {
    const post = { url: request.url, headers: request.headers, body: await text(request) };
    posts.push(post);
    const kind = await answer(post);
    if (kind === "broken") response.destroy();
    else if (kind !== "silent")
      response.writeHead(kind, { location: "/elsewhere" }).end("What a webhook says.");
  });
  instance = await startExtraFunction(
    {
      JOB_SECRET: jobSecret,
      ALERT_WEBHOOK_URL: `${webhook.url}/hook?token=${addressToken}`,
      ALERT_WEBHOOK_SECRET: `whsec_${webhookKey}`,
    },
    "account",
  );
  lock = await lockAlerts(sql);
});
afterEach(() => {
  posts = [];
  answer = () => 200;
});
afterAll(async () => {
  await lock.release();
  await instance.stop();
  await webhook.stop();
});

/** Writes an alert that is due before all others. */
async function writeAlert(data: object = {}): Promise<string> {
  const [row] = await sql<[{ id: string }]>`
    insert into private.alerts (kind, event, data, next_try_at)
    values ('spend_spike', ${randomUUID()}, ${sql.json(data as never)}, '1999-01-01') returning id`;
  return row.id;
}

async function readAlert(id: string) {
  const [row] = await sql<[{ tries: number; isHeard: boolean; isDue: boolean | null; createdAt: Date }]>`
    select tries, delivered_at is not null as "isHeard", next_try_at <= now() as "isDue", created_at as "createdAt"
    from private.alerts where id = ${id}`;
  return row;
}

/** As the job does it. */
const deliver = (secret = jobSecret, url = instance.url) =>
  createAccountClient(url).send<OrError<DeliveryResult>>("POST", "/alerts/deliver", {
    token: secret,
    body: {},
  });

const postsOf = (id: string) => posts.filter(({ headers }) => headers["webhook-id"] === id);

/** The signature of a post, as its receiver would compute it. */
function signatureOf({ headers, body }: Post): string {
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  return `v1,${createHmac("sha256", Buffer.from(webhookKey, "base64")).update(signed).digest("base64")}`;
}

test("an alert is posted once, signed by Standard Webhooks", async () => {
  const id = await writeAlert({ user_id: null, spent_nano: 7, usual_nano: 1 });
  const { createdAt } = await readAlert(id);
  const first = await deliver();
  expect(first.status).toBe(200);
  expect(first.body).toEqual({ delivered: expect.any(Number), failed: 0 });
  expect(first.body.delivered).toBeGreaterThanOrEqual(1);
  await deliver();

  expect(postsOf(id)).toHaveLength(1);
  const [post] = postsOf(id) as [Post];
  expect(post.headers["content-type"]).toBe("application/json");
  expect(JSON.parse(post.body)).toEqual({
    type: "spend_spike",
    timestamp: createdAt.toISOString(),
    data: { userId: null, spentNano: 7, usualNano: 1 },
  });
  expect(post.headers["webhook-signature"]).toBe(signatureOf(post));
  expect(Math.abs(Number(post.headers["webhook-timestamp"]) - Date.now() / 1000)).toBeLessThan(60);
  expect(await readAlert(id)).toMatchObject({ tries: 1, isHeard: true, isDue: null });
});

test("an alert that is not heard is told again when its time has come, until it is", async () => {
  const id = await writeAlert();
  answer = ({ headers }) => (headers["webhook-id"] === id ? 500 : 200);
  expect((await deliver()).body.failed).toBeGreaterThanOrEqual(1);
  expect(await readAlert(id)).toMatchObject({ tries: 1, isHeard: false, isDue: false });
  await deliver();
  expect(postsOf(id)).toHaveLength(1);

  await sql`update private.alerts set next_try_at = '1999-01-01' where id = ${id}`;
  answer = () => 204;
  await deliver();
  expect(postsOf(id)).toHaveLength(2);
  for (const post of postsOf(id)) expect(post.headers["webhook-signature"]).toBe(signatureOf(post));
  expect(postsOf(id)[0]?.body).toBe(postsOf(id)[1]?.body);
  expect(await readAlert(id)).toMatchObject({ tries: 2, isHeard: true });
});

test("an alert that somebody is delivering is given to nobody else", async () => {
  const id = await writeAlert();
  const { promise: isPosted, resolve: notePost } = Promise.withResolvers<void>();
  const { promise: mayAnswer, resolve: letAnswer } = Promise.withResolvers<void>();
  answer = async ({ headers }) => {
    if (headers["webhook-id"] !== id) return 200;
    notePost();
    await mayAnswer;
    return 200;
  };
  const delivering = deliver();
  await isPosted;
  expect((await deliver()).status).toBe(200);
  expect(postsOf(id)).toHaveLength(1);
  letAnswer();
  expect((await delivering).body.delivered).toBeGreaterThanOrEqual(1);
  expect(await readAlert(id)).toMatchObject({ tries: 1, isHeard: true });
});

test("more alerts than are told at once are all told", async () => {
  const ids = await Promise.all(Array.from({ length: 20 }, () => writeAlert()));
  expect((await deliver()).body.delivered).toBeGreaterThanOrEqual(20);
  for (const id of ids) expect(postsOf(id)).toHaveLength(1);
});

describe("a webhook that has not heard", () => {
  test("is followed to no other address", async () => {
    const id = await writeAlert();
    answer = () => 307;
    await deliver();
    expect(posts.map(({ url }) => url)).not.toContain("/elsewhere");
    expect(await readAlert(id)).toMatchObject({ isHeard: false });
  });

  test("because it does not answer holds nobody up for long", async () => {
    const id = await writeAlert();
    answer = ({ headers }) => (headers["webhook-id"] === id ? "silent" : 200);
    const { status, body } = await deliver();
    expect([status, body.failed]).toEqual([200, 1]);
    expect(await readAlert(id)).toMatchObject({ tries: 1, isHeard: false });
  });

  test("has a line in the log, without what is secret of its address", async () => {
    const id = await writeAlert();
    answer = () => 500;
    await deliver();
    const failed = instance.lines.filter((line) => line.includes(id)).map((line) => JSON.parse(line));
    expect(failed).toEqual([
      {
        ...{
          event: "alert_failed",
          requestId: expect.any(String),
          alertId: id,
          kind: "spend_spike",
          tries: 1,
        },
        cause: "Error: the webhook answered 500",
      },
    ]);
    await sql`update private.alerts set next_try_at = '1999-01-01' where id = ${id}`;
    answer = () => "broken";
    await deliver();
    const [, broken] = instance.lines.filter((line) => line.includes(id));
    expect(JSON.parse(String(broken))).toMatchObject({
      alertId: id,
      tries: 2,
      cause: expect.stringMatching(/./),
    });
    const log = instance.lines.join("\n");
    for (const secret of [addressToken, jobSecret, webhookKey.slice(0, 20)])
      expect(log).not.toContain(secret);
  });
});

test.each([
  ["no secret", undefined],
  ["another secret", makeSecret("job secret")],
  ["the beginning of the secret", jobSecret.slice(0, -1)],
  ["more than the secret", `${jobSecret}x`],
  ["a person's token", "token"],
])("%s does not deliver", async (_what, given) => {
  const token = given === "token" ? (await signUp()).token : given;
  const id = await writeAlert();
  const { status, body } = await createAccountClient(instance.url).send("POST", "/alerts/deliver", {
    ...(token === undefined ? {} : { token }),
  });
  expect([status, body.error]).toEqual([
    401,
    {
      type: "authentication_error",
      code: "unauthorized",
      param: null,
      message: "Only jobs may call this: send `Authorization: Bearer <JOB_SECRET>`.",
    },
  ]);
  expect(await readAlert(id)).toMatchObject({ tries: 0 });
  await sql`delete from private.alerts where id = ${id}`;
});

test.each([
  ["JOB_SECRET", {}],
  ["ALERT_WEBHOOK_URL", { JOB_SECRET: jobSecret }],
])("without %s nothing is delivered, and what is missing is named", async (name, settings) => {
  const bare = await startExtraFunction(settings, "account");
  try {
    const id = await writeAlert();
    const { status, headers, body } = await deliver(jobSecret, bare.url);
    expect([status, body.error.type, body.error.code]).toEqual([503, "server_error", "not_configured"]);
    expect(body.error.message).toContain(name);
    expect(headers.get("retry-after")).toBeNull();
    expect(await readAlert(id)).toMatchObject({ tries: 0 });
    await sql`delete from private.alerts where id = ${id}`;
  } finally {
    await bare.stop();
  }
});
