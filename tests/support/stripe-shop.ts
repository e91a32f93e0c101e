import Stripe from "stripe";
import { inject } from "vitest";
import { startStripe } from "../../local/stripe/stripe.ts";
import { sign } from "../../local/stripe/webhooks/sign.ts";
import { type ExtraFunction, startExtraFunction } from "./extra-function.ts";
import type { Database } from "./open-database.ts";

/** A stand-in for Stripe as tests have it: the official client, its controls, and its pages. */
export interface StripeShop {
  url: string;
  stripe: Stripe;
  control<Result = unknown>(method: string, path: string, body?: unknown): Promise<Result>;
  /** Clicks through the page of a checkout session. */
  pay(pageUrl: string, card?: "succeeds" | "declines" | "requires_action"): Promise<number>;
  /** The newest event of a type. */
  findEvent(type: string): Promise<Stripe.Event>;
}

/** @param url the stack's own stand-in unless another one is given: its clock is not to be moved, because all tests share it */
export function connectShop(url = inject("stack").stripeUrl ?? ""): StripeShop {
  const { hostname, port } = new URL(url);
  const stripe = new Stripe("sk_test_of_tests", {
    ...{ protocol: "http", host: hostname, port: Number(port), maxNetworkRetries: 0 },
    httpClient: Stripe.createFetchHttpClient(),
  });
  return {
    url,
    stripe,
    async control(method, path, body) {
      const response = await fetch(`${url}/_stripe${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
      return response.json() as never;
    },
    async pay(pageUrl, card = "succeeds") {
      const body = new URLSearchParams({ card });
      return (await fetch(pageUrl, { method: "POST", body, redirect: "manual" })).status;
    },
    async findEvent(type) {
      const [event] = (await stripe.events.list({ type, limit: 1 })).data;
      if (event === undefined) throw new Error(`no ${type}`);
      return event;
    },
  };
}

export interface WebhookBench extends StripeShop {
  readonly webhook: ExtraFunction;
  secret: string;
  /** Starts the function anew, after it was killed. */
  restart(): Promise<void>;
  /** Sends a body to the function as Stripe does. */
  send(
    body: string,
    header?: string | null,
  ): Promise<{ status: number; code: string | undefined; text: string }>;
  /** Sends an event, signed. */
  deliver(event: object): Promise<number>;
  /** Somebody new who is a customer. */
  makeCustomer(sql: Database): Promise<{ userId: string; customer: string }>;
  stop(): Promise<void>;
}

/** A stand-in that sends nothing by itself, and one more instance of `stripe-webhook` that reads there. */
export async function openWebhookBench(): Promise<WebhookBench> {
  const stand = await startStripe({ port: 0 });
  const secret = "whsec_of_the_bench";
  const start = () =>
    startExtraFunction(
      {
        STRIPE_SECRET_KEY: "sk_test_bench",
        STRIPE_API_URL: stand.url,
        STRIPE_WEBHOOK_SECRETS: secret,
      },
      "stripe-webhook",
    );
  let webhook = await start();
  const shop = connectShop(stand.url);
  const bench: WebhookBench = {
    ...shop,
    secret,
    get webhook() {
      return webhook;
    },
    async restart() {
      webhook = await start();
    },
    async send(body, header = sign(body, secret, Math.floor(Date.now() / 1000))) {
      const headers = header === null ? {} : { "stripe-signature": header };
      const response = await fetch(webhook.url, { method: "POST", body, headers });
      const text = await response.text();
      return { status: response.status, code: JSON.parse(text).error?.code, text };
    },
    deliver: async (event) => (await bench.send(JSON.stringify(event))).status,
    async makeCustomer(sql) {
      const { id: customer } = await shop.stripe.customers.create({});
      const [{ id: userId }] = await sql<[{ id: string }]>`
        insert into auth.users (email, encrypted_password) values (${`${customer}@example.com`}, '') returning id`;
      await sql`select public.put_stripe_customer(${userId}, ${customer})`;
      return { userId, customer };
    },
    async stop() {
      await Promise.all([webhook.stop(), stand.stop()]);
    },
  };
  return bench;
}
