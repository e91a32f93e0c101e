import type Stripe from "stripe";
import type { MemoryStripe } from "./memory-stripe.ts";

/** What somebody does at Stripe, step by step, and which five events of that are delivered. */
export interface Story {
  name: string;
  steps: ((tools: StoryTools) => Promise<unknown>)[];
  events: [string, string, string, string, string];
}

export interface StoryTools {
  stand: MemoryStripe;
  stripe: Stripe;
  customer: string;
  /** The subscription that was made last. */
  subscription(): Promise<Stripe.Subscription>;
}

const day = 24 * 60 * 60;
const month = 31 * day;

const subscribe =
  (price: string) =>
  async ({ stand, stripe, customer }: StoryTools) => {
    const session = await stripe.checkout.sessions.create({
      ...{
        customer,
        mode: "subscription",
        success_url: "https://app.example/",
        cancel_url: "https://app.example/",
      },
      line_items: [{ price, quantity: 1 }],
    });
    await stand.pay(session.id);
  };
const change =
  (price: string) =>
  async ({ stripe, subscription }: StoryTools) => {
    const { id, items } = await subscription();
    const [item] = items.data;
    await stripe.subscriptions.update(id, {
      items: [{ id: item?.id ?? "", price }],
      proration_behavior: "always_invoice",
    });
  };
const update =
  (fields: Stripe.SubscriptionUpdateParams) =>
  async ({ stripe, subscription }: StoryTools) =>
    stripe.subscriptions.update((await subscription()).id, fields);
const pass =
  (seconds: number) =>
  ({ stand }: StoryTools) =>
    stand.control("POST", "/clock", { advanceSeconds: seconds });
const card =
  (behaviour: string) =>
  ({ stand, customer }: StoryTools) =>
    stand.control("POST", `/customers/${customer}/card`, { behaviour });

async function scheduleDowngrade({ stripe, subscription }: StoryTools): Promise<void> {
  const { id, items } = await subscription();
  const [item] = items.data;
  if (item === undefined) throw new Error("no item");
  const schedule = await stripe.subscriptionSchedules.create({ from_subscription: id });
  await stripe.subscriptionSchedules.update(schedule.id, {
    end_behavior: "release",
    phases: [
      {
        items: [{ price: item.price.id }],
        start_date: item.current_period_start,
        end_date: item.current_period_end,
      },
      { items: [{ price: "price_premium_month" }], duration: { interval: "month", interval_count: 1 } },
    ],
  });
}

async function payOpenInvoice({ stripe, subscription }: StoryTools): Promise<void> {
  const { latest_invoice: invoice } = await subscription();
  await stripe.invoices.pay(typeof invoice === "string" ? invoice : (invoice?.id ?? ""));
}

const [created, updated, deleted] = ["created", "updated", "deleted"].map(
  (what) => `customer.subscription.${what}`,
) as [string, string, string];

/** The six stories of the design. They end, but for one, while the subscription lives. */
export const stories: Story[] = [
  {
    name: "checkout",
    steps: [subscribe("price_pro_month"), update({ metadata: { seen: "1" } }), pass(month)],
    events: [created, "invoice.paid", "checkout.session.completed", updated, "invoice.paid"],
  },
  {
    name: "upgrade",
    steps: [subscribe("price_premium_month"), change("price_pro_month"), change("price_enterprise_month")],
    events: [created, updated, "invoice.paid", updated, "invoice.paid"],
  },
  {
    name: "scheduled downgrade",
    steps: [subscribe("price_enterprise_month"), change("price_pro_month"), scheduleDowngrade, pass(month)],
    events: [created, updated, updated, updated, "invoice.paid"],
  },
  {
    name: "past_due and recovered within a second",
    steps: [subscribe("price_pro_month"), card("declines"), pass(month), card("succeeds"), payOpenInvoice],
    events: [created, "invoice.payment_failed", updated, "invoice.paid", updated],
  },
  {
    name: "cancel by cancel_at, then subscribe again",
    steps: [
      subscribe("price_pro_month"),
      update({ cancel_at: "min_period_end" }),
      pass(month),
      subscribe("price_premium_month"),
    ],
    events: [created, updated, deleted, created, "checkout.session.completed"],
  },
  {
    name: "pause and resume",
    steps: [
      subscribe("price_pro_month"),
      async ({ stripe, subscription }) => stripe.subscriptions.pause((await subscription()).id),
      async ({ stripe, subscription }) => stripe.subscriptions.resume((await subscription()).id),
      update({ cancel_at_period_end: true }),
    ],
    events: [created, "customer.subscription.paused", updated, "customer.subscription.resumed", updated],
  },
];
