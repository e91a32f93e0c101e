import { inject } from "vitest";
import { sign } from "../../../local/stripe/webhooks/sign.ts";
import { composeStripeWebhook } from "../../../supabase/functions/stripe-webhook/compose.ts";
import type { Database } from "../../support/open-database.ts";
import type { Expected, Played, Truth } from "./play-story.ts";

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
/** What a sequence's own ids end in. */
const ending = /X(\d+)(?=\W|$)/;

export type Sequence = number[];

/** The events of a story, delivered to somebody new in the order of a sequence. */
export interface SequencePlayer {
  /**
   * Stripe is, at each delivery, what it was at the youngest event that was delivered so far, and no younger: the worst that can be seen.
   * Returns where the plan was another one than Stripe's.
   * @param number another one for each sequence
   */
  play(played: Played, sequence: Sequence, number: number): Promise<string[]>;
}

/** One instance of the function plays all sequences: whose Stripe is asked, the ids say. */
export function createSequencePlayer(sql: Database): SequencePlayer {
  const current = new Map<number, Truth>();
  const deliver = openWebhook((async (input: string | URL | Request) => {
    const { pathname, search } = new URL(String(input));
    const number = Number(ending.exec(pathname + search)?.[1]);
    const truth = current.get(number);
    if (truth === undefined) throw new Error(`nobody's: ${pathname}${search}`);
    const { status, text } = await truth.answer((pathname + search).replaceAll(new RegExp(ending, "g"), ""));
    return new Response(own(text, number), { status, headers: { "content-type": "application/json" } });
  }) as typeof fetch);

  return {
    async play(played, sequence, number) {
      const userId = await makeCustomer(sql, own(played.customer, number));
      const events = played.events.map((event) => own(JSON.stringify(event), number));
      const faults: string[] = [];
      let youngest = -1;
      for (const index of sequence) {
        youngest = Math.max(youngest, index);
        const truth = played.truths[youngest] as Truth;
        current.set(number, truth);
        const status = await deliver(events[index] as string);
        const [plan] = await sql<[Expected]>`
          select plan_id as plan, next_plan_id as next from private.current_accounts where user_id = ${userId}`;
        const { expected } = truth;
        if (status !== 200 || plan.plan !== expected.plan || plan.next !== expected.next)
          faults.push(`${sequence}: after ${index} ${status} ${JSON.stringify({ plan, expected })}`);
      }
      current.delete(number);
      return faults;
    },
  };
}

function own(text: string, number: number): string {
  return text.replaceAll(ids, (id) => `${id}X${number}`);
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
