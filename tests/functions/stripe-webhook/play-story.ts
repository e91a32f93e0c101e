import type Stripe from "stripe";
import { handledEventTypes } from "../../../shared/billing/event-subject.ts";
import { type MemoryStripe, openMemoryStripe } from "./memory-stripe.ts";
import type { Story, StoryTools } from "./stories.ts";

/** What Stripe was when one of a story's events had just been sent. */
export interface Truth {
  /** What it answers, the same each time. */
  answer(pathAndQuery: string): Promise<{ status: number; text: string }>;
  expected: Expected;
}

export interface Expected {
  plan: string;
  /** What follows by itself; null for nothing. */
  next: string | null;
}

export interface Played {
  customer: string;
  events: Stripe.Event[];
  /** After each event: Stripe as it was then. */
  truths: Truth[];
}

const ranks = ["free", "byok", "premium", "pro", "enterprise"];
const live = ["active", "trialing", "past_due"];

/** Plays a story once, and keeps what Stripe was after each of its five events. */
export async function playStory(story: Story): Promise<Played> {
  const stand = openMemoryStripe();
  const { stripe } = stand;
  const { id: customer } = await stripe.customers.create({});
  const tools: StoryTools = {
    ...{ stand, stripe, customer },
    subscription: async () => {
      const { data } = await stripe.subscriptions.list({ customer, status: "all", limit: 1 });
      return data[0] as Stripe.Subscription;
    },
  };
  const sent: { event: Stripe.Event; frozen: string }[] = [];
  for (const step of story.steps) {
    const before = stand.events().length;
    await step(tools);
    const frozen = stand.freeze();
    sent.push(
      ...stand
        .events()
        .slice(before)
        .map((event) => ({ event, frozen })),
    );
  }
  const chosen = choose(story, sent);
  const truths = chosen.map(async ({ frozen }) => {
    const then = openMemoryStripe(frozen);
    return { answer: createAnswers(then), expected: await readTruth(then.stripe, customer) };
  });
  return { customer, events: chosen.map(({ event }) => event), truths: await Promise.all(truths) };
}

/** Nothing changes there any more: what was asked once is not worked out again. */
function createAnswers(stand: MemoryStripe): Truth["answer"] {
  const known = new Map<string, ReturnType<Truth["answer"]>>();
  const ask = async (path: string) => {
    const response = await stand.fetch(`http://stripe.invalid${path}`, {
      headers: { authorization: "Bearer sk_test_sequences" },
    });
    return { status: response.status, text: await response.text() };
  };
  return (path) => {
    const answer = known.get(path) ?? ask(path);
    known.set(path, answer);
    return answer;
  };
}

/** The story's events, in the order in which they were sent: each the next one of its type. */
function choose(story: Story, sent: { event: Stripe.Event; frozen: string }[]) {
  let from = 0;
  return story.events.map((type) => {
    const index = sent.findIndex(({ event }, at) => at >= from && event.type === type);
    const found = sent[index];
    if (found === undefined) {
      const types = sent.map(({ event }) => event.type).filter((each) => handledEventTypes.includes(each));
      throw new Error(`${story.name}: no ${type} after ${from}: ${types.join(", ")}`);
    }
    from = index + 1;
    return found;
  });
}

/** Which plan Stripe's objects give, and which follows: worked out anew, and not as the code does it. */
async function readTruth(stripe: Stripe, customer: string): Promise<Expected> {
  const { data } = await stripe.subscriptions.list({ customer, status: "all", expand: ["data.schedule"] });
  const alive = data.filter(({ status }) => live.includes(status));
  const planOf = ({ items }: Stripe.Subscription) => items.data[0]?.price.metadata.plan ?? "";
  const [best] = alive.toSorted((a, b) => ranks.indexOf(planOf(b)) - ranks.indexOf(planOf(a)));
  if (best === undefined) return { plan: "free", next: null };
  const ends = best.cancel_at !== null || best.cancel_at_period_end || best.status === "past_due";
  return { plan: planOf(best), next: ends ? "free" : await readNext(stripe, best) };
}

async function readNext(stripe: Stripe, { schedule, items }: Stripe.Subscription): Promise<string | null> {
  if (schedule === null || typeof schedule === "string") return null;
  const now = schedule.current_phase?.start_date ?? 0;
  const next = schedule.phases.find(({ start_date: start }) => start > now)?.items[0]?.price;
  if (typeof next !== "string" || next === items.data[0]?.price.id) return null;
  return (await stripe.prices.retrieve(next)).metadata.plan ?? null;
}
