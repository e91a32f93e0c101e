// What a request takes from each limit, and whether it fits.

import { type LimitKey, nameOf } from "./catalogue.ts";
import type { Demand } from "./demand.ts";
import { toNano } from "./numbers.ts";
import {
  type Caller,
  type Counter,
  creditLeft,
  type EffectiveLimit,
  isBudget,
  isRate,
  projectCalendar,
  type State,
  standingOf,
} from "./state.ts";

/** A limit that a request must fit into, and how it stands. */
export interface Claim {
  key: LimitKey;
  isOfProject: boolean;
  limit: bigint;
  /** What used and held may come to: the limit and, for the budget, credits. */
  ceiling: bigint;
  standing: Counter;
}

/** Whether a limit applies to a request. */
export function concerns({ scope, scopeId }: LimitKey, { modelId, offers, service }: Demand): boolean {
  if (scope === "all") return true;
  return scope === "model"
    ? scopeId === modelId
    : scopeId === service || offers.some(({ provider }) => provider === scopeId);
}

/** A caller's limits that are counted, as they stand. */
export function claimsOf(state: State, caller: Caller, limits: EffectiveLimit[]): Claim[] {
  return limits
    .filter((limit) => !isRate(limit))
    .map((limit) => {
      const standing = standingOf(caller.counters.get(nameOf(limit)), limit, caller.calendar, state.now);
      const credit = isBudget(limit) ? standing.credited + creditLeft(state, caller) : 0n;
      return {
        key: limit,
        isOfProject: false,
        limit: limit.amount,
        ceiling: limit.amount + credit,
        standing,
      };
    });
}

export function projectClaimsOf({ project, projectLimits, now }: State, demand: Demand): Claim[] {
  return [...projectLimits.values()]
    .filter((limit) => concerns(limit, demand))
    .map((limit) => {
      const standing = standingOf(project.get(nameOf(limit)), limit, projectCalendar, now);
      return { key: limit, isOfProject: true, limit: limit.amount, ceiling: limit.amount, standing };
    });
}

/** The longest answer, of no more tokens than were asked for, that fits; null where not even the shortest does. */
export function longestThatFits(claims: Claim[], demand: Demand, least: bigint): bigint | null {
  if (!fits(claims, demand, least)) return null;
  let [low, high] = [least, demand.askedTokens];
  while (low < high) {
    const middle = (low + high + 1n) / 2n;
    if (fits(claims, demand, middle)) low = middle;
    else high = middle - 1n;
  }
  return low;
}

/** Whether an answer of so many tokens fits: into all limits but those of providers, and into those of one provider. */
export function fits(claims: Claim[], demand: Demand, output: bigint): boolean {
  const general = claims.filter(({ key }) => key.scope !== "provider");
  return (
    general.every((claim) => !isExhausted(claim, demand, output)) &&
    openProviders(claims, demand, output).size > 0
  );
}

/** The providers whose limits allow an answer of so many tokens. */
export function openProviders(claims: Claim[], demand: Demand, output: bigint): Set<string> {
  const closed = new Set(
    claims
      .filter((claim) => claim.key.scope === "provider" && isExhausted(claim, demand, output))
      .map(({ key }) => key.scopeId),
  );
  const providers =
    demand.service === null ? demand.offers.map(({ provider }) => provider) : [demand.service];
  return new Set(providers.filter((provider) => !closed.has(provider) && !demand.closed.has(provider)));
}

export function isExhausted(claim: Claim, demand: Demand, output: bigint): boolean {
  const amount = amountOf(claim.key, demand, output);
  // What takes nothing from a limit is not refused by it, be it overdrawn.
  return amount > 0n && claim.standing.used + claim.standing.held + amount > claim.ceiling;
}

/** What a request takes from a limit. */
export function amountOf({ unit }: LimitKey, demand: Demand, output: bigint): bigint {
  if (unit === "tokens") return demand.promptTokens + output;
  if (unit === "nano_usd") return toNano(demand.promptPico + output * demand.outputPico);
  return 1n;
}
