import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import Stripe from "stripe";
import { onTestFinished } from "vitest";
import { type StripeOptions, startStripe } from "../../../local/stripe/stripe.ts";

export const secret = "whsec_of_the_test";
export const thinSecret = "whsec_of_the_thin_test";

export const daySeconds = 86_400;

/** The stand-in as a test has it: the official client, and its controls. */
export interface StandIn {
  url: string;
  stripe: Stripe;
  control<Result = Record<string, never>>(method: string, path: string, body?: unknown): Promise<Result>;
  /** Lets that many days pass. */
  pass(days: number): Promise<void>;
  /** Lets time pass until an instant, in seconds. */
  passUntil(instant: number): Promise<void>;
  /** The types of the events so far, oldest first. */
  eventTypes(): Promise<string[]>;
  stop(): Promise<void>;
}

/** Starts a stand-in whose clock begins on 15 January 2026, and that ends with the test. */
export async function openStandIn(options: Partial<StripeOptions> = {}): Promise<StandIn> {
  const { url, stop } = await startStripe({ port: 0, epochMs: Date.UTC(2026, 0, 15), ...options });
  onTestFinished(stop);
  const stripe = new Stripe("sk_test_of_the_test", {
    host: "127.0.0.1",
    port: Number(new URL(url).port),
    protocol: "http",
    httpClient: Stripe.createFetchHttpClient(),
    maxNetworkRetries: 0,
  });
  const control: StandIn["control"] = async (method, path, body) => {
    const response = await fetch(`${url}/_stripe${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    return response.json() as Promise<never>;
  };
  return {
    url,
    stripe,
    control,
    pass: async (days) => void (await control("POST", "/clock", { advanceSeconds: days * daySeconds })),
    passUntil: async (instant) =>
      void (await control("POST", "/clock", { advanceTo: new Date(instant * 1000).toISOString() })),
    eventTypes: async () => (await stripe.events.list({ limit: 100 })).data.map(({ type }) => type).reverse(),
    stop,
  };
}

/** A customer with a subscription to a price. */
export async function subscribe(
  { stripe }: StandIn,
  price = "price_premium_month",
  more: Partial<Stripe.SubscriptionCreateParams> = {},
) {
  const customer = await stripe.customers.create({ email: "reader@example.com" });
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price }],
    ...more,
  });
  return { customer, subscription, item: subscription.items.data[0] as Stripe.SubscriptionItem };
}

/** The invoices of a subscription, oldest first: why, whether they are paid, and the amount in cents. */
export async function listInvoices({ stripe }: StandIn, subscription: string) {
  const { data } = await stripe.invoices.list({ subscription });
  return data.map(({ billing_reason, status, total }) => [billing_reason, status, total]).reverse();
}

/** What an endpoint was sent. */
export interface Received {
  body: string;
  signature: string;
}

/** An endpoint for events, which answers 200 unless `answer` does something else. */
export async function openEndpoint(answer?: (received: Received, response: ServerResponse) => void) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const one = {
      body: Buffer.concat(chunks).toString(),
      signature: String(request.headers["stripe-signature"]),
    };
    received.push(one);
    if (answer) answer(one, response);
    if (!response.writableEnded) response.end();
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    /** The types of what was received, in that order. */
    types: () => received.map(({ body }) => (JSON.parse(body) as { type: string }).type),
  };
}
