// What the model knows: callers, their limits and windows, holds and what was charged for them.

import { type Calendar, day, floorTo, hour, minute, type Period, periodOf } from "./calendar.ts";
import {
  catalogueLimits,
  type Limit,
  type LimitKey,
  type Model,
  models,
  nameOf,
  type Plan,
  type Price,
  plans,
  type Tier,
} from "./catalogue.ts";
import { lesser, micros } from "./numbers.ts";

/** The counter of a limit, of a caller or of the project: one period after the other, an epoch each. */
export interface Counter {
  key: LimitKey;
  epoch: number;
  period: Period;
  used: bigint;
  held: bigint;
  /** The part of `used` that credits paid for. */
  credited: bigint;
  /** The limit when something was last held. */
  limit: bigint;
}

/** What a hold took from a counter in one epoch of it. */
export interface Reservation {
  counter: Counter;
  isOfProject: boolean;
  epoch: number;
  amount: bigint;
  /** What one provider call can take. */
  callAmount: bigint;
}

export interface Usage {
  input: bigint;
  cacheRead: bigint;
  cacheWrite: bigint;
  output: bigint;
  reasoning: bigint;
}

export interface LedgerEntry {
  attempt: number;
  entry: "charge" | "correction" | "refund";
  provider: string;
  isEstimated: boolean;
  usage: Usage;
  costNano: bigint;
}

/** A route as it was offered to a request, at its price of that moment. */
export interface Offer {
  provider: string;
  priceId: number;
  price: Price;
  tiers: Tier[];
  priority: number;
  /** When it got this price. */
  since: number;
}

export interface Hold {
  id: string;
  caller: Caller;
  /** A service of the app; null for a chat. */
  service: string | null;
  isByok: boolean;
  /** In the order of trying. */
  offers: Offer[];
  likelyPromptTokens: bigint;
  maxOutputTokens: bigint;
  reservations: Reservation[];
  /** The part of the budget held that credits stand for. */
  creditNano: bigint;
  calls: bigint;
  state: "pending" | "settled" | "expired";
  createdAt: number;
  expiresAt: number;
  ledger: LedgerEntry[];
  /** What credits paid for it, the last of it last. */
  consumed: { grant: Grant; nano: bigint }[];
  /** Of its reply, as far as it was written down. */
  writtenBytes: bigint;
  parts: number;
}

export interface Grant {
  id: string;
  source: string;
  amount: bigint;
  left: bigint;
  /** Taken back: what is returned to it later is taken back, too. */
  isRevoked: boolean;
  priority: number;
  /** Infinity for one that never expires. */
  expiresAt: number;
  createdAt: number;
}

export interface Override {
  key: LimitKey;
  /** Null for no limit. */
  amount: bigint | null;
  expiresAt: number;
}

export interface Caller {
  id: string;
  isDeleted: boolean;
  plan: Plan;
  /** A plan of a lower rank, and when it begins. */
  nextPlan: { plan: Plan; at: number } | null;
  calendar: Calendar;
  overrides: Map<string, Override>;
  counters: Map<string, Counter>;
  /** Of each rate the theoretical arrival time, in microseconds since 1970, and for how many a minute it was worked out. */
  rates: Map<string, { nextAt: bigint; limit: bigint }>;
  keys: Map<string, { body: string; holdId: string; at: number }>;
  grants: Grant[];
}

export interface State {
  /** Milliseconds since 1970. */
  now: number;
  callers: Caller[];
  holds: Hold[];
  /** Amounts of the limits of the project. */
  projectLimits: Map<string, Limit>;
  project: Map<string, Counter>;
  /** What each route of a model charges at the moment. */
  offers: Map<string, Offer[]>;
}

/** The plan that counts at this moment. */
export function planOf({ plan, nextPlan }: Caller, now: number): Plan {
  return nextPlan && nextPlan.at <= now ? nextPlan.plan : plan;
}

export function findPlan(id: string): Plan {
  return plans.find((plan) => plan.id === id) as Plan;
}

export function findModel(id: string): Model | undefined {
  return models.find((model) => model.id === id);
}

/** Whether a moment lies in the hours of a tier. */
export function isInHours({ hours: [from, until] }: Tier, at: number): boolean {
  const time = at - floorTo(at, day);
  return from * hour <= time && time < until * hour;
}

export interface EffectiveLimit extends Limit {
  source: "plan" | "override" | "catalogue";
  /** Null for one without end. */
  expiresAt: number | null;
}

/** The limits that count for a caller: an override's before the plan's, the plan's before the catalogue's. */
export function limitsOf(caller: Caller, now: number, plan = planOf(caller, now)): EffectiveLimit[] {
  const limits = new Map<string, EffectiveLimit>();
  for (const limit of catalogueLimits)
    limits.set(nameOf(limit), { ...limit, source: "catalogue", expiresAt: null });
  for (const limit of plan.limits) limits.set(nameOf(limit), { ...limit, source: "plan", expiresAt: null });
  for (const [name, { key, amount, expiresAt }] of caller.overrides) {
    if (expiresAt <= now) continue;
    if (amount === null) limits.delete(name);
    else
      limits.set(name, {
        ...key,
        amount,
        source: "override",
        expiresAt: Number.isFinite(expiresAt) ? expiresAt : null,
      });
  }
  return [...limits.values()];
}

/** Whether a limit is a rate that is spread over its minute. Which provider is called is known too late for that. */
export function isRate({ scope, unit, window }: LimitKey): boolean {
  return unit === "requests" && window === "minute" && scope !== "provider";
}

/** A counter as it stands at a moment: one whose period is over, or that is not there yet, counts as begun anew. */
export function standingOf(
  counter: Counter | undefined,
  key: LimitKey,
  calendar: Calendar,
  now: number,
): Counter {
  if (counter && now < counter.period.end) return counter;
  const [period, epoch] = [periodOf(key.window, calendar, now), (counter?.epoch ?? 0) + 1];
  return { key, epoch, period, used: 0n, held: 0n, credited: 0n, limit: counter?.limit ?? 0n };
}

/** Rolls a counter whose period is over, or makes it; returns it. */
export function enter(
  counters: Map<string, Counter>,
  key: LimitKey,
  calendar: Calendar,
  now: number,
): Counter {
  const name = nameOf(key);
  const counter = counters.get(name);
  const standing = standingOf(counter, key, calendar, now);
  if (!counter) counters.set(name, standing);
  return counter ? Object.assign(counter, standing) : standing;
}

/** Months and days of the project are those of UTC. */
export const projectCalendar: Calendar = {
  ...{ anchor: Date.UTC(2000, 0, 1), paid: null, zone: "UTC", longDay: null },
};

/** What is left of a caller's credits for something new, beside what is held of this month. */
export function creditLeft({ holds, now }: State, caller: Caller): bigint {
  const left = caller.grants.reduce((sum, { left, expiresAt }) => (now < expiresAt ? sum + left : sum), 0n);
  const isOfThisMonth = ({ reservations }: Hold) =>
    reservations.some(
      ({ counter, epoch, isOfProject }) =>
        isBudget(counter.key) && !isOfProject && counter.epoch === epoch && now < counter.period.end,
    );
  const owed = holds
    .filter((hold) => hold.caller === caller && hold.state === "pending" && !isOfThisMonth(hold))
    .reduce((sum, { creditNano }) => sum + creditNano, 0n);
  return left > owed ? left - owed : 0n;
}

/** Whether a limit is the budget that credits go beyond. */
export function isBudget({ scope, unit, window }: LimitKey): boolean {
  return scope === "all" && unit === "nano_usd" && window === "month";
}

export function tokensOf({ input, cacheRead, cacheWrite, output }: Usage): bigint {
  return input + cacheRead + cacheWrite + output;
}

/** The theoretical arrival time of a rate: at another limit as many requests have been used as before. */
export function nextArrival({ rates }: Caller, limit: Limit, now: number): bigint {
  const rate = rates.get(nameOf(limit));
  if (!rate) return 0n;
  const due = rate.nextAt - micros(now);
  if (due <= 0n) return rate.nextAt;
  // No more than a whole minute's requests.
  return micros(now) + lesser((due * rate.limit) / limit.amount, BigInt(minute * 1000));
}
