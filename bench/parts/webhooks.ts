import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { functionEnvironment } from "../../local/function-environment.ts";
import { startFunction } from "../../local/functions.ts";
import { projectRoot } from "../../local/project.ts";
import { startStack } from "../../local/stack.ts";
import { sign } from "../../local/stripe/webhooks/sign.ts";
import { openConnection } from "../http-connection.ts";
import { measureInTurns, medianOfPairs } from "../in-turns.ts";
import { type LoadFigures, loadColumns } from "../load-columns.ts";
import { percentile } from "../percentile.ts";
import { type Column, format, type Goal, tableHead, tableRow } from "../table.ts";
import { startAnsweringStripe } from "../webhooks/answering-stripe.ts";
import type { Part } from "./part.ts";

const customers = 256;
const rounds = 5;
const secret = "whsec_of_the_bench";
const directory = join(projectRoot, ".local", "bench-webhooks");
/** So many events a round, over so many connections. */
const loads = [
  [1, 200],
  [16, 1500],
  [64, 1500],
] as const;

interface Row {
  connections: number;
  what: string;
  results: LoadFigures[];
  ratio: number;
}

const columns: readonly Column<Row>[] = [
  ["connections", 11, ({ connections }) => String(connections)],
  ["events", 20, ({ what }) => what],
  ...loadColumns("events"),
  ["× new", 7, ({ ratio }) => format(ratio, 2)],
];

/** What Stripe's events cost, from the request to an entitlement that is committed. */
export const webhooks: Part = {
  name: "webhooks",
  title: `Events of ${customers} customers, each of them a change of plan, from the signed request until the entitlement is committed and
acknowledged; and the same events once more, which lead to nothing. Stripe is played by a server that answers at once.`,

  async run() {
    const stack = await startStack({ directory, reset: true, environment: {}, schedules: false });
    const sql = postgres(stack.description.dbUrl, { max: 1, onnotice: () => {} });
    const stripe = await startAnsweringStripe();
    const keySet = { keys: [] };
    const webhook = await startFunction("stripe-webhook", {
      env: functionEnvironment(stack.description, keySet, {
        STRIPE_SECRET_KEY: "sk_test_bench",
        STRIPE_API_URL: stripe.url,
        STRIPE_WEBHOOK_SECRETS: secret,
      }),
      logFile: join(directory, "logs", "measured-stripe-webhook.log"),
    });
    try {
      await makeCustomers(sql);
      const port = Number(new URL(webhook.url).port);
      // The runtime and the database warm up.
      await send(port, 64, makeEvents(500));
      console.log(tableHead(columns));
      for (const [connections, count] of loads) await measureLoad(port, connections, count);
      await checkAll(sql, stripe.asked());
      return [] satisfies Goal[];
    } finally {
      await Promise.all([webhook.stop(), stripe.stop(), sql.end({ timeout: 1 })]);
      await stack.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

async function measureLoad(port: number, connections: number, count: number): Promise<void> {
  let events: string[] = [];
  const [fresh = [], again = []] = await measureInTurns(["new", "again"] as const, rounds, (what) => {
    if (what === "new") events = makeEvents(count);
    return send(port, connections, events);
  });
  const beside = (results: LoadFigures[]) =>
    medianOfPairs(results, fresh, (a, b) => a.requestsPerSecond / b.requestsPerSecond);
  console.log(tableRow(columns, { connections, what: "new", results: fresh, ratio: 1 }));
  console.log(tableRow(columns, { connections, what: "done before", results: again, ratio: beside(again) }));
}

function makeEvents(count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    JSON.stringify({
      id: `evt_${randomUUID()}`,
      object: "event",
      type: "customer.subscription.updated",
      created: Math.floor(Date.now() / 1000),
      livemode: false,
      data: { object: { id: "sub_1", customer: `cus_${index % customers}` } },
    }),
  );
}

/** Sends each event once, as many at a time as there are connections. */
async function send(port: number, connections: number, events: string[]): Promise<LoadFigures> {
  const latencies: number[] = [];
  let next = 0;
  const worker = async () => {
    const connection = await openConnection(port);
    for (let event = events[next++]; event !== undefined; event = events[next++]) {
      const signature = sign(event, secret, Math.floor(Date.now() / 1000));
      const head = `POST /stripe-webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nStripe-Signature: ${signature}\r\nContent-Length: ${Buffer.byteLength(event)}\r\n\r\n`;
      const sentMs = performance.now();
      const { status, body } = await connection.exchange(Buffer.from(head + event));
      if (status !== 200) throw new Error(`${status} ${body}`);
      latencies.push(performance.now() - sentMs);
    }
    connection.close();
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: connections }, worker));
  const durationMs = performance.now() - startedMs;
  const sorted = Float64Array.from(latencies).sort();
  return {
    requestsPerSecond: (events.length * 1000) / durationMs,
    medianMs: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
  };
}

async function makeCustomers(sql: Sql): Promise<void> {
  await sql`
    insert into auth.users (email, encrypted_password)
    select 'bench-' || number || '@sluice.local', '' from generate_series(0, ${customers - 1}::integer) number`;
  await sql`
    select public.put_stripe_customer(id, 'cus_' || split_part(split_part(email, '@', 1), '-', 2))
    from auth.users where email like 'bench-%@sluice.local' and split_part(email, '@', 1) ~ '^bench-[0-9]+$'`;
}

/** Every event is done, everybody has a plan that was bought, and Stripe was asked once for each event and not for one that was done. */
async function checkAll(sql: Sql, asked: number): Promise<void> {
  const [row] = await sql<[{ events: number; undone: number; unpaid: number }]>`
    select
      (select count(*)::int from private.stripe_events) as events,
      (select count(*)::int from private.stripe_events where done_at is null) as undone,
      (select count(*)::int from private.stripe_customers c join private.current_accounts a using (user_id)
        where a.plan_id not in ('premium', 'pro')) as unpaid`;
  if (row.undone > 0 || row.unpaid > 0 || row.events !== asked)
    throw new Error(
      `events: ${row.events}, asked: ${asked}, undone: ${row.undone}, without a plan: ${row.unpaid}`,
    );
}
