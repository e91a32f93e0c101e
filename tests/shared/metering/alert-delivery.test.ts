import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { createAlertDelivery, type DeliveryFailure } from "../../../shared/metering/alert-delivery.ts";
import { startDatabase } from "../database/start-database.ts";
import { startServer } from "../start-server.ts";
import { rejectionOf } from "../thrown-by.ts";

const nowMs = Date.parse("2026-11-20T10:00:07.500Z");

/** An alert as `claim_alerts` hands it out. */
const alertOf = (id: string) => ({
  ...{ id, kind: "limit_threshold", created_at: "2026-11-20T10:00:00+00:00", tries: 2 },
  data: { user_id: null, scope_id: "a_b", resets_at: null, nested_list: [{ used_nano: 1 }] },
});

interface Posted {
  headers: Record<string, unknown>;
  body: string;
}

/** Delivers these alerts to a webhook that answers as the test says. */
async function deliver(ids: string[], answer: (posted: Posted) => { status: number; location?: string }) {
  const waiting = ids.map(alertOf);
  const { database, calls } = await startDatabase(({ name, body }) => {
    if (name === "claim_alerts") return { body: waiting.splice(0, Number(body.most)) };
    const [delivered, failed] = [body.delivered, body.failed] as [string[], string[]];
    return { body: { delivered: delivered.length, failed: failed.length } };
  });
  const posted: Posted[] = [];
  let running = 0;
  let most = 0;
  const url = await startServer(async (request, response) => {
    most = Math.max(most, ++running);
    const one = { headers: request.headers, body: await text(request) };
    posted.push(one);
    const { status, location } = answer(one);
    response.writeHead(status, location === undefined ? {} : { location }).end("What a webhook says.");
    running--;
  });
  const failures: DeliveryFailure[] = [];
  const deliverAlerts = createAlertDelivery({
    database,
    url: new URL(`${url}/hook?token=abc`),
    sign: async ({ id, sentAtMs, body }) => ({ "x-signed": `${id} ${sentAtMs} ${body.length}` }),
    fetch,
    epochMs: () => nowMs,
  });
  const result = await deliverAlerts((failure) => failures.push(failure));
  return { result, posted, failures, calls, mostAtOnce: () => most };
}

test("an alert is posted with its signature, in our spelling, and reported as heard", async () => {
  const { result, posted, failures, calls } = await deliver(["alert-1"], () => ({ status: 204 }));
  expect(result).toEqual({ delivered: 1, failed: 0 });
  expect(failures).toEqual([]);
  expect(posted).toHaveLength(1);
  const { headers, body } = posted[0] as Posted;
  expect(JSON.parse(body)).toEqual({
    type: "limit_threshold",
    timestamp: "2026-11-20T10:00:00.000Z",
    data: { userId: null, scopeId: "a_b", resetsAt: null, nestedList: [{ usedNano: 1 }] },
  });
  expect(headers).toMatchObject({
    "content-type": "application/json",
    "x-signed": `alert-1 ${nowMs} ${body.length}`,
  });
  expect(calls.map(({ name }) => name)).toEqual(["claim_alerts", "report_alerts", "claim_alerts"]);
  expect(calls[1]?.body).toEqual({ delivered: ["alert-1"], failed: [] });
});

test.each([
  [{ status: 500 }, "the webhook answered 500"],
  [{ status: 404 }, "the webhook answered 404"],
  [{ status: 302, location: "/elsewhere" }, "the webhook answered 302"],
  [{ status: 307, location: "/elsewhere" }, "the webhook answered 307"],
])(
  "an alert that is answered with %j is reported as not heard, and followed nowhere",
  async (answer, message) => {
    const { result, posted, failures, calls } = await deliver(["alert-1"], () => answer);
    expect(result).toEqual({ delivered: 0, failed: 1 });
    expect(posted).toHaveLength(1);
    expect(failures).toEqual([
      { alertId: "alert-1", kind: "limit_threshold", tries: 2, error: new Error(message) },
    ]);
    expect(calls[1]?.body).toEqual({ delivered: [], failed: ["alert-1"] });
  },
);

test("one that is not heard does not keep the others", async () => {
  const ids = Array.from({ length: 20 }, (_, at) => `alert-${at}`);
  const { result, posted, failures, mostAtOnce } = await deliver(ids, ({ headers }) => ({
    status: String(headers["x-signed"]).startsWith("alert-3 ") ? 503 : 200,
  }));
  expect(result).toEqual({ delivered: 19, failed: 1 });
  expect(posted).toHaveLength(20);
  expect(failures.map(({ alertId }) => alertId)).toEqual(["alert-3"]);
  expect(mostAtOnce()).toBeLessThanOrEqual(8);
});

test("a webhook that cannot be reached has not heard", async () => {
  const { database } = await startDatabase(({ name, body }) => ({
    body:
      name === "claim_alerts" ? [alertOf("alert-1")] : { delivered: 0, failed: (body.failed as []).length },
  }));
  const failures: DeliveryFailure[] = [];
  const deliverAlerts = createAlertDelivery({
    database,
    url: new URL("http://127.0.0.1:1/"),
    sign: async () => ({}),
    fetch,
    epochMs: () => nowMs,
  });
  // It is claimed again each time here: the end comes all the same.
  expect(await deliverAlerts((failure) => failures.push(failure))).toEqual({ delivered: 0, failed: 8 });
  expect(failures).toHaveLength(8);
});

test("what was heard and could not be recorded is an error: it will be delivered again", async () => {
  let posts = 0;
  const url = await startServer((_request, response) => {
    posts++;
    response.end();
  });
  const { database } = await startDatabase(({ name }) =>
    name === "claim_alerts"
      ? { body: [alertOf("alert-1")] }
      : { status: 503, body: { code: "", message: "" } },
  );
  const sign = async () => ({});
  const deliverAlerts = createAlertDelivery({
    database,
    url: new URL(url),
    sign,
    fetch,
    epochMs: () => nowMs,
  });
  expect((await rejectionOf(deliverAlerts(() => {}))).code).toBe("database_unavailable");
  expect(posts).toBe(1);
});
