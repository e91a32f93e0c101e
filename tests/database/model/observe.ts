// What the database has counted, in the model's terms, and what it may never have.

import { expect } from "vitest";
import type { Database } from "../../support/open-database.ts";
import type { WindowName } from "./calendar.ts";
import { nameOf, type Scope, type Unit } from "./catalogue.ts";
import type { Counter, Hold, State } from "./state.ts";

/** One session of the database, in a transaction. */
export type Session = Awaited<ReturnType<Database["reserve"]>>;

interface WindowRow {
  user_id: string | null;
  scope: Scope;
  scope_id: string;
  unit: Unit;
  window: WindowName;
  epoch: number;
  period: [start: number | null, end: number | null];
  used: number;
  held: number;
  credited: number;
  limit: number;
}

interface Observation {
  windows: WindowRow[];
  project: (Omit<WindowRow, "credited" | "user_id" | "epoch"> & { share: number })[];
  rates: { user_id: string; scope: Scope; scope_id: string; next_at: number; limit: number }[];
  grants: { id: string; left_nano: number }[];
  holds: { id: string; state: string; calls: number; max_output_tokens: number; credit_nano: number }[];
  ledger: string[];
  wrong: unknown[];
}

/** Reads all that is counted, in one statement. */
export function observe(session: Session): PromiseLike<[{ observation: Observation }]> {
  return session<[{ observation: Observation }]>`
    select json_build_object(
      'windows', (
        select coalesce(json_agg(json_build_object(
          'user_id', w.user_id, 'scope', w.scope, 'scope_id', w.scope_id, 'unit', w.unit, 'window', w."window", 'epoch', w.epoch,
          'period', array[extract(epoch from nullif(w.period_start, '-infinity')) * 1000, extract(epoch from nullif(w.period_end, 'infinity')) * 1000],
          'used', w.used, 'held', w.held, 'credited', w.credited, 'limit', w."limit"
        )), '[]')
        from private.usage_windows w where w.user_id is not null
      ),
      'project', (
        select coalesce(json_agg(row_to_json(p)), '[]') from (
          select
            w.scope, w.scope_id, w.unit, w."window", sum(w.used) as used, sum(w.held) as held, sum(w.share) as share,
            max(w."limit") as limit,
            array[extract(epoch from nullif(min(w.period_start), '-infinity')) * 1000, extract(epoch from nullif(max(w.period_end), 'infinity')) * 1000] as period
          from private.usage_windows w where w.user_id is null
          group by 1, 2, 3, 4
        ) p
      ),
      'rates', (
        select coalesce(json_agg(json_build_object(
          'user_id', r.user_id, 'scope', r.scope, 'scope_id', r.scope_id, 'next_at', (extract(epoch from r.next_at) * 1000000)::bigint, 'limit', r."limit"
        )), '[]')
        from private.request_rates r
      ),
      'grants', (select coalesce(json_agg(json_build_object('id', g.id, 'left_nano', g.left_nano)), '[]') from private.credit_grants g),
      'holds', (
        select coalesce(json_agg(json_build_object(
          'id', h.id, 'state', h.state, 'calls', h.calls, 'max_output_tokens', h.max_output_tokens, 'credit_nano', h.credit_nano
        )), '[]')
        from private.holds h
      ),
      'ledger', (
        select coalesce(json_agg(concat_ws(' ',
          l.hold_id, l.attempt, l.entry, l.provider, case when l.estimated then 'estimated' else 'reported' end,
          l.input_tokens, l.cache_read_tokens, l.cache_write_tokens, l.output_tokens, l.reasoning_tokens, l.cost_nano
        )), '[]')
        from private.ledger l
      ),
      'wrong', (
        select coalesce(json_agg(wrong), '[]') from (
          select to_json(d) as wrong from private.metering_drift d
          union all select to_json(d) from private.project_drift d
          union all select to_json(d) from private.credit_drift d
          union all select to_json(l) from private.ledger l where l.is_byok and l.cost_nano <> 0
          union all
          select json_build_object('grant', g.id, 'amount', g.amount_nano, 'left', g.left_nano, 'entries', json_object_agg(e.entry, e.nano))
          from private.credit_grants g
          left join (
            select grant_id, entry, sum(amount_nano) as nano from private.credit_entries group by 1, 2
          ) e on e.grant_id = g.id
          group by g.id
          having g.amount_nano is distinct from sum(e.nano) filter (where e.entry = 'grant')
            or g.amount_nano + coalesce(sum(e.nano) filter (where e.entry <> 'grant'), 0) <> g.left_nano
        ) w
      )
    ) as observation`;
}

/** Holds what was read against the model. */
export function compare(
  state: State,
  { windows, project, rates, grants, holds, ledger, wrong }: Observation,
): void {
  expect(wrong).toEqual([]);
  const living = state.callers.filter(({ isDeleted }) => !isDeleted);
  const nameOfCaller = new Map(state.callers.map(({ id }, index) => [id, `caller ${index}`]));
  const nameOfHold = new Map(state.holds.map(({ id }, index) => [id, `hold ${index}`]));
  const actual = {
    windows: windows.map((row) => {
      const key = nameOf({ ...row, scopeId: row.scope_id });
      const [start, end] = row.period;
      return `${nameOfCaller.get(row.user_id as string)} ${key}: epoch ${row.epoch} ${timesOf(start, end)} ${row.used} + ${row.held} of ${row.limit}, ${row.credited} on credit`;
    }),
    project: project
      .filter(({ period, used, held }) => isRunning(state, period) && used + held > 0)
      .map((row) => `${nameOf({ ...row, scopeId: row.scope_id })}: ${row.used} + ${row.held}`),
    rates: rates.map((row) => {
      const key = nameOf({ scope: row.scope, scopeId: row.scope_id, unit: "requests", window: "minute" });
      return `${nameOfCaller.get(row.user_id)} ${key}: ${row.next_at} at ${row.limit}`;
    }),
    grants: grants.map(({ id, left_nano }) => `${id}: ${left_nano}`),
    holds: holds.map(
      ({ id, state, calls, max_output_tokens, credit_nano }) =>
        `${nameOfHold.get(id)}: ${state}, ${calls} calls of ${max_output_tokens} tokens, ${credit_nano} on credit`,
    ),
    ledger: ledger.map((line) => line.replace(/^\S+/, (id) => nameOfHold.get(id) ?? id)),
  };
  const expected = {
    windows: living.flatMap((caller) =>
      [...caller.counters].map(([key, counter]) => {
        const { epoch, period, used, held, credited, limit } = counter;
        return `${nameOfCaller.get(caller.id)} ${key}: epoch ${epoch} ${timesOf(period.start, period.end)} ${used} + ${held} of ${limit}, ${credited} on credit`;
      }),
    ),
    project: [...state.project]
      .filter(([, { period, used, held }]) => state.now < period.end && used + held > 0n)
      .map(([key, { used, held }]) => `${key}: ${used} + ${held}`),
    rates: living.flatMap((caller) =>
      [...caller.rates].map(
        ([key, { nextAt, limit }]) => `${nameOfCaller.get(caller.id)} ${key}: ${nextAt} at ${limit}`,
      ),
    ),
    grants: living.flatMap(({ grants }) => grants.map(({ id, left }) => `${id}: ${left}`)),
    holds: state.holds.map(
      ({ state, calls, maxOutputTokens, creditNano }, index) =>
        `hold ${index}: ${state}, ${calls} calls of ${maxOutputTokens} tokens, ${creditNano} on credit`,
    ),
    ledger: state.holds.flatMap(ledgerLines),
  };
  expect(sorted(actual)).toEqual(sorted(expected));
  expect(project.filter(({ share, limit }) => share !== limit)).toEqual([]);
}

function ledgerLines({ ledger }: Hold, index: number): string[] {
  return ledger.map(({ attempt, entry, provider, isEstimated, usage, costNano }) =>
    [
      ...[`hold ${index}`, attempt, entry, provider, isEstimated ? "estimated" : "reported"],
      ...[usage.input, usage.cacheRead, usage.cacheWrite, usage.output, usage.reasoning, costNano],
    ].join(" "),
  );
}

function isRunning({ now }: State, [, end]: WindowRow["period"]): boolean {
  return end === null || now < end;
}

function timesOf(start: number | null, end: number | null): string {
  return [start, end]
    .map((at) => (at === null || !Number.isFinite(at) ? "ever" : new Date(at).toISOString()))
    .join("–");
}

function sorted(parts: Record<string, string[]>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(parts).map(([name, lines]) => [name, lines.toSorted()]));
}

export type { Counter };
