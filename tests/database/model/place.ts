// Whether a request fits into every limit at this moment, and what it takes then.

import { minute } from "./calendar.ts";
import { nameOf } from "./catalogue.ts";
import {
  amountOf,
  type Claim,
  claimsOf,
  concerns,
  longestThatFits,
  openProviders,
  projectClaimsOf,
} from "./claims.ts";
import type { Demand } from "./demand.ts";
import { describeLimit, describeRate } from "./limit-lines.ts";
import { atLeastZero, lesser, micros } from "./numbers.ts";
import { describePaces, type Pace, paceOf } from "./paces.ts";
import { describeRefusals, type Refusal } from "./refusal.ts";
import {
  enter,
  type Hold,
  isBudget,
  isRate,
  limitsOf,
  nextArrival,
  projectCalendar,
  type State,
} from "./state.ts";

export interface Placement {
  hold: Hold | null;
  /** Any of these may be told where several limits are in the way. */
  refusals: Refusal[];
  /** The caller's limits afterwards, as far as they concern the request. */
  limits: string[];
}

/** Fewer tokens than this are of no use, unless so few were asked for. */
const usefulTokens = 64n;
const lifetime = 10 * minute;

/** Places a hold for a request, for as long an answer as fits, or says why not. */
export function place(state: State, demand: Demand): Placement {
  const { now } = state;
  const { caller } = demand;
  const limits = limitsOf(caller, now).filter((limit) => concerns(limit, demand));
  const claims = [...claimsOf(state, caller, limits), ...projectClaimsOf(state, demand)];
  const least = lesser(demand.askedTokens, usefulTokens);
  const longest = longestThatFits(claims, demand, least);
  const output = longest ?? least;
  const open = openProviders(claims, demand, output);
  const mine = claims.filter(({ key }) => key.scope !== "provider" || open.has(key.scopeId));
  const paces = limits.filter(isRate).map((limit) => paceOf(caller, limit, now));
  const isTooFast = paces.some(({ mayComeAt }) => mayComeAt > micros(now));
  if (longest === null || isTooFast) {
    // A rate that has changed is worked out anew once.
    for (const { limit } of paces) {
      const rate = caller.rates.get(nameOf(limit));
      if (rate && rate.limit !== limit.amount)
        caller.rates.set(nameOf(limit), { nextAt: nextArrival(caller, limit, now), limit: limit.amount });
    }
    const refusals = longest === null ? describeRefusals(state, demand, claims, least) : describePaces(paces);
    return { hold: null, refusals, limits: describe(mine, paces, demand, null, now) };
  }
  const described = describe(mine, paces, demand, output, now);
  const hold = take(state, demand, mine, output, open);
  for (const { limit, nextAt } of paces) caller.rates.set(nameOf(limit), { nextAt, limit: limit.amount });
  return { hold, refusals: [], limits: described };
}

/** Takes from each limit what the request can cost at most. */
function take(state: State, demand: Demand, claims: Claim[], output: bigint, open: Set<string>): Hold {
  const { now } = state;
  const { caller } = demand;
  const budget = claims.find(({ key, isOfProject }) => isBudget(key) && !isOfProject);
  const hold: Hold = {
    ...{ id: demand.holdId, caller, service: demand.service, isByok: demand.isByok },
    offers: demand.offers.filter(({ provider }) => open.has(provider)),
    ...{ likelyPromptTokens: demand.likelyPromptTokens, maxOutputTokens: output },
    creditNano: budget ? beyond(budget, amountOf(budget.key, demand, output)) : 0n,
    reservations: claims.flatMap(({ key, isOfProject, limit }) => {
      const amount = amountOf(key, demand, output);
      // A chat that takes nothing from the project never costs it anything; a service may settle for more than it held.
      if (isOfProject && amount === 0n && demand.service === null) return [];
      const counter = isOfProject
        ? enter(state.project, key, projectCalendar, now)
        : enter(caller.counters, key, caller.calendar, now);
      counter.held += amount;
      counter.limit = limit;
      return [{ counter, isOfProject, epoch: counter.epoch, amount, callAmount: amount }];
    }),
    ...{ calls: 1n, state: "pending", createdAt: now, expiresAt: now + lifetime },
    ...{ ledger: [], consumed: [], writtenBytes: 0n, parts: 0 },
  };
  state.holds.push(hold);
  return hold;
}

/** The part of an amount that goes beyond a budget and is not yet paid for. */
function beyond({ standing, limit }: Claim, amount: bigint): bigint {
  return lesser(atLeastZero(standing.used + standing.held + amount - limit - standing.credited), amount);
}

/** The limits as an answer tells them, one line each; `output` is null where nothing is taken. */
function describe(
  claims: Claim[],
  paces: Pace[],
  demand: Demand,
  output: bigint | null,
  now: number,
): string[] {
  return [
    ...claims
      .filter(({ isOfProject }) => !isOfProject)
      .map(({ key, limit, standing }) =>
        describeLimit(key, limit, {
          used: standing.used - standing.credited,
          held: standing.held + (output === null ? 0n : amountOf(key, demand, output)),
          resetsAt: standing.period.end,
        }),
      ),
    ...paces.map(({ limit, nextAt, spacing }) => {
      const wholeAt = output === null ? nextAt - spacing : nextAt;
      return describeLimit(limit, limit.amount, describeRate(limit.amount, wholeAt, now));
    }),
  ].toSorted();
}
