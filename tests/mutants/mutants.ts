import type { Mutant } from "./mutant.ts";

const migration = (name: string) => `supabase/migrations/20261101${name}.sql`;
const accounts = migration("000250_accounts");
const metering = migration("000400_metering");
const credits = migration("000420_credits");
const projectLimits = migration("000450_project_limits");
const holds = migration("000500_holds");
const requests = migration("000520_hold_requests");
const placement = migration("000550_hold_placement");
const settlement = migration("000650_settlement");
const expiry = migration("000660_expiry");
const idempotency = migration("000690_idempotency");

const model = "tests/database/metering-model.test.ts";
const races = "tests/database/races.test.ts";
const windows = "tests/database/windows.test.ts";
const creditTests = "tests/database/credits.test.ts";
const batches = "tests/database/batches.test.ts";
const extensions = "tests/database/holds.test.ts";
const jobs = "tests/schedules/jobs.test.ts";
const keys = "tests/functions/ai-chat/idempotency.test.ts";

/** Bugs that cost somebody money or deny somebody what is theirs, each of which some test notices. */
export const mutants: Mutant[] = [
  {
    fault: "what fits exactly is refused",
    file: placement,
    from: "where a.amount > 0 and a.used + a.held + a.amount > a.ceiling and",
    to: "where a.amount > 0 and a.used + a.held + a.amount >= a.ceiling and",
    killedBy: [model],
  },
  {
    fault: "what is held does not count when a limit is asked",
    file: placement,
    from: "where a.amount > 0 and a.used + a.held + a.amount > a.ceiling and",
    to: "where a.amount > 0 and a.used + a.amount > a.ceiling and",
    killedBy: [batches],
  },
  {
    fault: "callers are not locked before anything is decided",
    file: accounts,
    from: "perform from private.accounts where user_id = any (user_ids) order by user_id for no key update;",
    to: "perform from private.accounts where user_id = any (user_ids) order by user_id;",
    killedBy: [races, batches],
  },
  {
    fault: "callers are locked in no order",
    file: accounts,
    from: "perform from private.accounts where user_id = any (user_ids) order by user_id for no key update;",
    to: "perform from private.accounts where user_id = any (user_ids) order by md5(user_id::text || clock_timestamp()::text) for no key update;",
    killedBy: [races, batches],
  },
  {
    fault: "a new period keeps what was held in the old one",
    file: placement,
    from: "case when period.is_running then w.held else 0 end,",
    to: "coalesce(w.held, 0),",
    killedBy: [model],
  },
  {
    fault: "a new period has the epoch of the old one",
    file: placement,
    from: "coalesce(w.epoch, 0) + (not period.is_running)::integer,",
    to: "coalesce(w.epoch, 1),",
    killedBy: [model],
  },
  {
    fault: "an answer is never made shorter",
    file: placement,
    from: "greatest(least(c.max_output_tokens, room.output_tokens, room.provider_output_tokens), least(c.max_output_tokens, 64))",
    to: "c.max_output_tokens",
    killedBy: [model],
  },
  {
    fault: "a tier's price is not held for",
    file: requests,
    from: "1e9 * bound.tokens * greatest(priced.dearest_input_usd, tier.dearest_input_usd)",
    to: "1e9 * bound.tokens * priced.dearest_input_usd",
    killedBy: [model],
  },
  {
    fault: "the limit of a provider closes every route",
    file: placement,
    from: "and (a.scope <> 'provider' or c.open_providers = '{}')",
    to: "",
    killedBy: [model],
  },
  {
    fault: "the parts of a project's limit that are given out are not added up",
    file: placement,
    from: "where w.id = any (slots) and r.amount > 0 and w.used + w.held > w.share",
    to: "where false",
    killedBy: [races],
  },
  {
    fault: "what is gathered of a project's limit forgets what is held",
    file: projectLimits,
    from: "l.amount - sum(w.used + w.held) as room",
    to: "l.amount - sum(w.used) as room",
    killedBy: [model],
  },
  {
    fault: "a rate lets two minutes' worth come at once",
    file: placement,
    from: "select interval '1 minute' + f.\"limit\" * interval '1 microsecond' as tolerance",
    to: "select interval '2 minutes' as tolerance",
    killedBy: [batches],
  },
  {
    fault: "a second provider call is made without asking the limits",
    file: holds,
    from: "return not is_beyond_a_limit;",
    to: "return true;",
    killedBy: [extensions],
  },
  {
    fault: "a hold is settled as often as it is reported",
    file: settlement,
    from: "where case h.state when 'pending' then true when 'expired' then s.state = 'settled' end",
    to: "",
    killedBy: [model],
  },
  {
    fault: "what has expired is released again when it is settled late",
    file: settlement,
    from: "sum(case when h.state = 'pending' then r.amount else 0 end) as released",
    to: "sum(r.amount) as released",
    killedBy: [model],
  },
  {
    fault: "a late settlement is charged beside the estimate, not in its place",
    file: settlement,
    from: "where h.state = 'expired'\n",
    to: "where false\n",
    killedBy: [model],
  },
  {
    fault: "a settlement goes into whatever period is running",
    file: settlement,
    from: "join private.usage_windows w on w.id = r.window_id and w.epoch = r.epoch\n    left join private.usage_windows slot",
    to: "join private.usage_windows w on w.id = r.window_id\n    left join private.usage_windows slot",
    killedBy: [model, windows],
  },
  {
    fault: "what a window gets is clamped at zero, so that corrections are lost",
    file: settlement,
    from: "held = w.held - s.released, used = w.used + s.added,",
    to: "held = w.held - s.released, used = w.used + greatest(s.added, 0),",
    killedBy: [model],
  },
  {
    fault: "each provider's limit is charged for all providers",
    file: settlement,
    from: "b.provider = case w.scope when 'provider' then w.scope_id else '' end\n    group by 1",
    to: "b.provider = ''\n    group by 1",
    killedBy: [model],
  },
  {
    fault: "calls with a caller's own key cost money",
    file: settlement,
    from: "when price.id is not null and h.is_byok then 0",
    to: "when false then 0",
    killedBy: [model],
  },
  {
    fault: "costs are rounded down",
    file: settlement,
    from: "else ceil(1e9 * (",
    to: "else floor(1e9 * (",
    killedBy: [model],
  },
  {
    fault: "a tier's price is not charged",
    file: settlement,
    from: "+ c.output_tokens * coalesce(tier.output_usd, price.output_usd)",
    to: "+ c.output_tokens * price.output_usd",
    killedBy: [model],
  },
  {
    fault: "credits pay for what the budget covers",
    file: settlement,
    from: 'else greatest(budget.used - "limit", 0) end - budget.credited;',
    to: "else budget.used end - budget.credited;",
    killedBy: [model],
  },
  {
    fault: "the last credits are consumed first",
    file: credits,
    from: "sum(g.left_nano) over (order by g.priority, g.expires_at, g.created_at, g.id)",
    to: "sum(g.left_nano) over (order by g.priority desc, g.expires_at desc, g.created_at, g.id)",
    killedBy: [creditTests],
  },
  {
    fault: "credits that have expired still count",
    file: credits,
    from: "where left_nano > 0 and expires_at > now()\n",
    to: "where left_nano > 0\n",
    killedBy: [creditTests],
  },
  {
    fault: "an expired hold is charged nothing",
    file: expiry,
    from: "case when h.service is null then array[(",
    to: "case when false then array[(",
    killedBy: [model, extensions],
  },
  {
    fault: "a hold expires as soon as it is placed",
    file: expiry,
    from: "h.state = 'pending' and h.expires_at <= now();",
    to: "h.state = 'pending';",
    killedBy: [model],
  },
  {
    fault: "the sweep waits for callers who are busy",
    file: expiry,
    from: "order by a.user_id for no key update skip locked\n  ) || array(",
    to: "order by a.user_id for no key update\n  ) || array(",
    killedBy: [jobs],
  },
  {
    fault: "months are chained, so that the 31st becomes the 28th",
    file: accounts,
    from: "(anchor + make_interval(months => months + 1)) at time zone 'UTC'",
    to: "(anchor + make_interval(months => months) + interval '1 month') at time zone 'UTC'",
    killedBy: [windows, "tests/database/periods.test.ts"],
  },
  {
    fault: "a plan of a lower rank counts at once",
    file: accounts,
    from: "plan_id = case when is_downgrade then account.plan_id else plan_id end,",
    to: "plan_id = plan_id,",
    killedBy: [model],
  },
  {
    fault: "an override has no end",
    file: metering,
    from: "where o.expires_at > now() and o.amount is not null",
    to: "where o.amount is not null",
    killedBy: [model],
  },
  {
    fault: "a payment begins a new month",
    file: metering,
    from: "update private.usage_windows w set period_end = (private.period_of('month', a.calendar, now())).period_end\n",
    to: "update private.usage_windows w set used = 0, period_end = (private.period_of('month', a.calendar, now())).period_end\n",
    killedBy: [model],
  },
  {
    fault: "another time zone makes the day shorter",
    file: metering,
    from: "case when midnight.period_start = today.period_end then midnight.period_start else midnight.period_end end;",
    to: "greatest(midnight.period_start, now() + interval '1 second');",
    killedBy: [windows],
  },
  {
    fault: "a key stands for every body",
    file: idempotency,
    from: "when coalesce(c.body_hash, k.body_hash) <> i.body_hash then 'SL422'",
    to: "when false then 'SL422'",
    killedBy: [keys],
  },
  {
    fault: "a request that runs is made again under its key",
    file: idempotency,
    from: "where h.id = k.hold_id and (h.state <> 'settled' or (",
    to: "where h.id = k.hold_id and (false or (",
    killedBy: [keys],
  },
  {
    fault: "the gateway calls a second provider whatever the limits say",
    file: "shared/gateway/attempts.ts",
    from: "if (!isAffordable) throw",
    to: "if (isAffordable === null) throw",
    killedBy: ["tests/shared/gateway/attempts.test.ts"],
  },
  {
    fault: "the gateway gives a settlement up that fails once",
    file: "shared/gateway/settle-reliably.ts",
    from: "const isLost = now() + waitMs >= giveUpAt;",
    to: "const isLost = true;",
    killedBy: ["tests/shared/gateway/settle-reliably.test.ts"],
  },
];
