import { inject } from "vitest";
import { sign } from "../../../local/stripe/webhooks/sign.ts";
import { composeStripeWebhook } from "../../../supabase/functions/stripe-webhook/compose.ts";
import type { Database } from "../../support/open-database.ts";
import type { Expected, Played } from "./play-story.ts";

const secret = "whsec_of_the_sequences";
const stripeAddress = "http://127.0.0.1:9";

/** An instance of the function in this process: its database is the stack's, what it reads at Stripe is what `stripeFetch` answers. */
export function openWebhook(stripeFetch: typeof fetch) {
  const { apiUrl, secretKey } = inject("stack");
  const settings: Record<string, string> = {
    SUPABASE_URL: apiUrl,
    SUPABASE_SECRET_KEY: secretKey,
    STRIPE_SECRET_KEY: "sk_test_sequences",
    STRIPE_API_URL: stripeAddress,
    STRIPE_WEBHOOK_SECRETS: secret,
  };
  const app = composeStripeWebhook({
    setting: (name) => settings[name],
    fetch: ((input: string | URL | Request, init?: RequestInit) =>
      String(input instanceof Request ? input.url : input).startsWith(stripeAddress)
        ? stripeFetch(input, init)
        : fetch(input, init)) as typeof fetch,
    epochMs: Date.now,
    now: () => performance.now(),
    newId: () => crypto.randomUUID(),
    writeLog: () => {},
  });
  return async (event: string): Promise<number> => {
    const header = sign(event, secret, Math.floor(Date.now() / 1000));
    const response = await app.request("/stripe-webhook", {
      method: "POST",
      body: event,
      headers: { "stripe-signature": header },
    });
    return response.status;
  };
}

const ids = /\b(?:cus|sub|sub_sched|si|evt|in|inpay|pi|ch|cs_test|il)_[A-Za-z0-9]+/g;

export type Sequence = number[];

/**
 * Delivers the events of a story to somebody new in the order of a sequence. Stripe is, at each delivery, what it was at the youngest
 * event that was delivered so far, and no younger: the worst that can be seen. Returns where the plan was another one than Stripe's.
 */
export async function playSequence(
  sql: Database,
  played: Played,
  sequence: Sequence,
  number: number,
): Promise<string[]> {
  const own = (text: string) => text.replaceAll(ids, (id) => `${id}X${number}`);
  const common = (text: string) => text.replaceAll(/X\d+(?=\W|$)/g, "");
  let youngest = -1;
  const deliver = openWebhook((async (input: string | URL | Request, init?: RequestInit) => {
    const stand = played.truths[youngest]?.stand;
    if (stand === undefined) throw new Error("asked before anything was delivered");
    const answer = await stand.fetch(common(String(input)), init);
    return new Response(own(await answer.text()), { status: answer.status, headers: answer.headers });
  }) as typeof fetch);
  const userId = await makeCustomer(sql, own(played.customer));
  const faults: string[] = [];
  for (const index of sequence) {
    youngest = Math.max(youngest, index);
    const status = await deliver(own(JSON.stringify(played.events[index])));
    const expected = played.truths[youngest]?.expected as Expected;
    const [plan] = await sql<[Expected]>`
      select plan_id as plan, next_plan_id as next from private.current_accounts where user_id = ${userId}`;
    if (status !== 200 || plan.plan !== expected.plan || plan.next !== expected.next)
      faults.push(`${sequence}: after ${index} ${status} ${JSON.stringify({ plan, expected })}`);
  }
  return faults;
}

/** Somebody new, who is this customer. */
export async function makeCustomer(sql: Database, customerId: string): Promise<string> {
  const [{ id }] = await sql<[{ id: string }]>`
    insert into auth.users (email, encrypted_password) values (${`${customerId}@example.com`}, '') returning id`;
  await sql`select public.put_stripe_customer(${id}, ${customerId})`;
  return id;
}

/** Every order of five events, each with every way to send some of them twice: the second time when all were sent. */
export function listSequences(): Sequence[] {
  const orders = permute([0, 1, 2, 3, 4]);
  return orders.flatMap((order) =>
    Array.from({ length: 31 }, (_, index) => [...order, ...order.filter((_, at) => ((index + 1) >> at) & 1)]),
  );
}

function permute(items: number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) =>
    permute(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
  );
}
