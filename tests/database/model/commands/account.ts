import { expect } from "vitest";
import { addMonths, day, longDayOf, type Period, periodOf } from "../calendar.ts";
import { keyOf, nameOf } from "../catalogue.ts";
import { type Caller, findPlan, planOf, type State } from "../state.ts";
import { type Command, createCommand, pickCaller } from "./command.ts";

const someCaller = (state: State) => pickCaller(state, 0) !== undefined;

/** A plan of a higher rank counts at once, one of a lower rank from the end of the month. */
export function changePlan(input: { caller: number; plan: string }): Command {
  return createCommand("changePlan", input, {
    check: someCaller,
    async run(state, session) {
      const caller = pickCaller(state, input.caller) as Caller;
      const [current, plan] = [planOf(caller, state.now), findPlan(input.plan)];
      const isLower = plan.rank < current.rank;
      caller.plan = isLower ? current : plan;
      caller.nextPlan = isLower ? { plan, at: periodOf("month", caller.calendar, state.now).end } : null;
      await session`select private.change_plan(${caller.id}, ${plan.id})`;
    },
  });
}

/** The payment service tells of a period: a first one, the next, the same again, or that there is none. */
export function setPaidPeriod(input: {
  caller: number;
  kind: "set" | "renewed" | "replayed" | "ended";
  /** How long ago a first one began, and how many months it has; its end is so many days later. */
  agoMs: number;
  months: number;
  days: number;
}): Command {
  return createCommand("setPaidPeriod", input, {
    check: someCaller,
    async run(state, session) {
      const caller = pickCaller(state, input.caller) as Caller;
      const paid = nextPeriod(caller.calendar.paid, state.now, input);
      caller.calendar = { ...caller.calendar, paid };
      // The running month ends with the period and keeps what is used.
      for (const { key, period } of caller.counters.values())
        if (key.window === "month" && state.now < period.end)
          period.end = periodOf("month", caller.calendar, state.now).end;
      await session`
        select private.set_paid_period(${caller.id}, ${toTime(paid?.start)}, ${toTime(paid?.end)})`;
    },
  });
}

function nextPeriod(
  paid: Period | null,
  now: number,
  { kind, agoMs, months, days }: Parameters<typeof setPaidPeriod>[0],
): Period | null {
  if (kind === "ended") return null;
  if (kind === "replayed" && paid) return paid;
  const start = kind === "renewed" && paid ? paid.end : now - agoMs;
  return { start, end: addMonths(start, months) + days * day };
}

/** A caller says where their days begin: once a day. */
export function setTimeZone(input: { caller: number; zone: string }): Command {
  return createCommand("setTimeZone", input, {
    check: someCaller,
    async run(state, session) {
      const caller = pickCaller(state, input.caller) as Caller;
      const sent = Promise.resolve(session<
        [{ answer: { refusal?: string; detail?: { resets_at: string } } }]
      >`
        select public.set_time_zone(${caller.id}, ${input.zone}) as answer`);
      const { calendar } = caller;
      let expected: unknown[] = [undefined, undefined];
      if (calendar.longDay && state.now < calendar.longDay.end && input.zone !== calendar.zone)
        expected = ["SL429", calendar.longDay.end];
      else if (input.zone !== calendar.zone) {
        const longDay = longDayOf(periodOf("day", calendar, state.now), input.zone);
        caller.calendar = { ...calendar, zone: input.zone, longDay };
        for (const { key, period } of caller.counters.values())
          if (key.window === "day" && state.now < period.end) period.end = longDay.end;
      }
      const [{ answer }] = await sent;
      expect([answer.refusal, answer.detail && Date.parse(answer.detail.resets_at)]).toEqual(expected);
    },
  });
}

/** Something is agreed with a caller alone: another amount, or no limit (null), until it ends. */
export function override(input: {
  caller: number;
  key: string;
  amount: number | null;
  /** Null for ever. */
  lastsMs: number | null;
}): Command {
  return createCommand("override", input, {
    check: someCaller,
    async run(state, session) {
      const caller = pickCaller(state, input.caller) as Caller;
      const key = keyOf(input.key);
      const expiresAt = input.lastsMs === null ? Number.POSITIVE_INFINITY : state.now + input.lastsMs;
      const amount = input.amount === null ? null : BigInt(input.amount);
      caller.overrides.set(nameOf(key), { key, amount, expiresAt });
      await session`
        insert into private.limit_overrides (user_id, scope, scope_id, unit, "window", amount, expires_at)
        values (${caller.id}, ${key.scope}, ${key.scopeId}, ${key.unit}, ${key.window}, ${input.amount}, ${toTime(expiresAt)}::text::timestamptz)
        on conflict (user_id, scope, scope_id, unit, "window") do update
        set amount = excluded.amount, expires_at = excluded.expires_at`;
    },
  });
}

/** It is agreed no longer. */
export function removeOverride(input: { caller: number; key: string }): Command {
  return createCommand("removeOverride", input, {
    check: someCaller,
    async run(state, session) {
      const caller = pickCaller(state, input.caller) as Caller;
      const key = keyOf(input.key);
      caller.overrides.delete(nameOf(key));
      await session`
        delete from private.limit_overrides
        where user_id = ${caller.id} and scope = ${key.scope} and scope_id = ${key.scopeId} and unit = ${key.unit}
          and "window" = ${key.window}`;
    },
  });
}

/** The account is deleted; what its chats hold remains. */
export function deleteCaller(caller: number): Command {
  return createCommand("deleteCaller", caller, {
    // One stays, so that there is something to do.
    check: ({ callers }) => callers.filter(({ isDeleted }) => !isDeleted).length > 1,
    async run(state, session) {
      const target = pickCaller(state, caller) as Caller;
      target.isDeleted = true;
      target.keys.clear();
      await session`delete from auth.users where id = ${target.id}`;
    },
  });
}

function toTime(at: number | undefined): string | null {
  if (at === undefined) return null;
  return Number.isFinite(at) ? new Date(at).toISOString() : "infinity";
}
