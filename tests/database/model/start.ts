import { randomUUID } from "node:crypto";
import { models, nameOf, projectLimits } from "./catalogue.ts";
import type { Session } from "./observe.ts";
import { readOffers } from "./offers.ts";
import { type Caller, findPlan, type State } from "./state.ts";

export interface Start {
  /** Milliseconds since 1970. */
  at: number;
  /** Plans of the callers, and how long they have been there. */
  callers: { plan: string; sinceMs: number }[];
}

/** Signs callers up, in the model and in the database. */
export async function begin(session: Session, { at, callers }: Start): Promise<State> {
  const made = callers.map(({ plan, sinceMs }) => ({ id: randomUUID(), plan, anchor: at - sinceMs }));
  await session`select set_config('test.now', ${new Date(at).toISOString()}, true)`;
  await session`
    insert into auth.users ${session(made.map(({ id }) => ({ id, email: `${id}@example.com`, encrypted_password: "" })))}`;
  await session`
    update private.accounts a set plan_id = m.plan, anchor_at = to_timestamp(m.anchor / 1000.0)
    from jsonb_to_recordset(${session.json(made)}) m (id uuid, plan text, anchor numeric) where a.user_id = m.id`;
  // So that their own keys can be asked for on every route.
  const providers = new Set(models.flatMap(({ routes }) => routes.map(({ provider }) => provider)));
  await session`
    insert into private.byok_keys (id, user_id, provider, name, sealed_key, fingerprint, status, is_preferred)
    select gen_random_uuid(), u.id, p.name, 'default', 'v1.' || gen_random_uuid(), '', 'valid', true
    from unnest(${made.map(({ id }) => id)}::uuid[]) u (id) cross join unnest(${[...providers]}::text[]) p (name)`;
  return {
    now: at,
    callers: made.map(({ id, plan, anchor }) => newCaller(id, plan, anchor)),
    holds: [],
    projectLimits: new Map(projectLimits.map((limit) => [nameOf(limit), limit])),
    project: new Map(),
    offers: await readOffers(session),
  };
}

function newCaller(id: string, plan: string, anchor: number): Caller {
  return {
    ...{ id, isDeleted: false, plan: findPlan(plan), nextPlan: null },
    calendar: { anchor, paid: null, zone: "UTC", longDay: null },
    ...{ overrides: new Map(), counters: new Map(), rates: new Map(), keys: new Map(), grants: [] },
  };
}
