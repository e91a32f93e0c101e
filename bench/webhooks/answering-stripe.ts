import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Answers what is asked for one event: the subscriptions of a customer, of another plan each time. */
export interface AnsweringStripe {
  url: string;
  /** How often it was asked. */
  asked(): number;
  stop(): Promise<void>;
}

const plans = ["premium", "pro"];

/**
 * Plays the one address of Stripe's that an event leads to, at the cost of a text: so that the bench measures what takes events in, and
 * not the stand-in. Each answer is another state, so that each event is a change that has to be written.
 */
export async function startAnsweringStripe(): Promise<AnsweringStripe> {
  let asked = 0;
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "/", "http://stripe");
    const body = listOf(searchParams.get("customer") ?? "", plans[asked++ % plans.length] as string);
    response.writeHead(200, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    });
    response.end(body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

const start = Math.floor(Date.now() / 1000);
const end = start + 30 * 24 * 60 * 60;

function listOf(customer: string, plan: string): string {
  const price = {
    id: `price_${plan}_month`,
    object: "price",
    active: true,
    created: start,
    currency: "usd",
    metadata: { plan },
    recurring: { interval: "month", interval_count: 1 },
    type: "recurring",
    unit_amount: plan === "pro" ? 2000 : 800,
  };
  const item = {
    id: "si_1",
    object: "subscription_item",
    price,
    quantity: 1,
    current_period_start: start,
    current_period_end: end,
  };
  const subscription = {
    id: `sub_of_${customer}`,
    object: "subscription",
    cancel_at: null,
    cancel_at_period_end: false,
    currency: "usd",
    customer,
    ended_at: null,
    items: { object: "list", data: [item], has_more: false },
    pending_update: null,
    schedule: null,
    start_date: start,
    status: "active",
  };
  return JSON.stringify({ object: "list", url: "/v1/subscriptions", has_more: false, data: [subscription] });
}
