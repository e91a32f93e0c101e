import { expect } from "vitest";
import { nameOf } from "../catalogue.ts";
import { inOrder } from "../credits.ts";
import { describeLimit, describeRate } from "../limit-lines.ts";
import { atLeastZero, lesser, micros } from "../numbers.ts";
import {
  type Caller,
  creditLeft,
  isBudget,
  isRate,
  limitsOf,
  nextArrival,
  planOf,
  type State,
  standingOf,
} from "../state.ts";
import { type Command, createCommand, type LimitRow, pickCaller, readLimit } from "./command.ts";

interface Look {
  limits: {
    plan: { id: string };
    next_plan: { id: string; at: string } | null;
    time_zone: string;
    limits: (LimitRow & { source: string; expires_at: string | null })[];
  };
  balance: {
    budget:
      | (Record<"limit_nano" | "used_nano" | "held_nano" | "credited_nano", number> & { resets_at: string })
      | null;
    credits: { left_nano: number; grants: { id: string; left_nano: number }[] };
  };
}

/** A caller asks how their limits and credits stand. */
export function look(caller: number): Command {
  return createCommand("look", caller, {
    check: (state) => pickCaller(state, 0) !== undefined,
    async run(state, session) {
      const target = pickCaller(state, caller) as Caller;
      const [{ limits, balance }] = await session<[Look]>`
        select public.get_limits(${target.id}) as limits, public.get_balance(${target.id}) as balance`;
      expect({
        plan: limits.plan.id,
        next: limits.next_plan && [limits.next_plan.id, Date.parse(limits.next_plan.at)],
        zone: limits.time_zone,
        limits: limits.limits
          .map(
            (row) => `${readLimit(row)}, ${row.source}, ends ${row.expires_at && Date.parse(row.expires_at)}`,
          )
          .toSorted(),
        budget: balance.budget && { ...balance.budget, resets_at: Date.parse(balance.budget.resets_at) },
        left: balance.credits.left_nano,
        grants: balance.credits.grants.map(({ id, left_nano }) => `${id}: ${left_nano}`),
      }).toEqual(seen(state, target));
    },
  });
}

function seen(state: State, caller: Caller) {
  const { now } = state;
  const { nextPlan, calendar, counters } = caller;
  const plan = planOf(caller, now);
  const limits = limitsOf(caller, now).filter(
    ({ source, scopeId }) => source !== "catalogue" || plan.models.includes(scopeId),
  );
  const lines = limits.map((limit) => {
    const { used, held, credited, period } = standingOf(counters.get(nameOf(limit)), limit, calendar, now);
    const wholeAt = nextArrival(caller, limit, now);
    const rate =
      wholeAt > micros(now)
        ? describeRate(limit.amount, wholeAt, now)
        : { used: 0n, held: 0n, resetsAt: null };
    const line = describeLimit(
      limit,
      limit.amount,
      isRate(limit) ? rate : { used: used - credited, held, resetsAt: period.end },
    );
    return `${line}, ${limit.source}, ends ${limit.expiresAt}`;
  });
  const budget = limits.find(isBudget);
  const standing = budget && standingOf(counters.get(nameOf(budget)), budget, calendar, now);
  const heldOnCredit =
    budget && standing
      ? lesser(atLeastZero(standing.used + standing.held - budget.amount - standing.credited), standing.held)
      : 0n;
  return {
    plan: plan.id,
    next: nextPlan && now < nextPlan.at ? [nextPlan.plan.id, nextPlan.at] : null,
    zone: calendar.zone,
    limits: lines.toSorted(),
    budget:
      budget && standing
        ? {
            ...{ limit_nano: Number(budget.amount), used_nano: Number(standing.used) },
            ...{ held_nano: Number(standing.held), credited_nano: Number(standing.credited) },
            resets_at: standing.period.end,
          }
        : null,
    left: Number(atLeastZero(creditLeft(state, caller) - heldOnCredit)),
    grants: caller.grants
      .filter(({ left, expiresAt }) => left > 0n && now < expiresAt)
      .toSorted(inOrder)
      .map(({ id, left }) => `${id}: ${left}`),
  };
}
