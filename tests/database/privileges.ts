import type { Grants } from "../support/read-privileges.ts";

const nobody: Grants = {};
const readOnly: Grants = { service_role: "select" };
const counted: Grants = { service_role: "insert, select, update" };
const written: Grants = { service_role: "delete, insert, select, update" };
const callable: Grants = { service_role: "execute" };

/** Who may do what: each schema, table, view, sequence and function. One that is not here is one that nobody thought about. */
export const expectedPrivileges: Record<string, Grants> = {
  // What people reach with their token: row level security decides about rows.
  public: { public: "usage", anon: "usage", authenticated: "usage", service_role: "usage" },
  "public.profiles": { authenticated: "select, update (display_name)" },
  "public.conversations": { authenticated: "select", service_role: "delete, insert, select, update" },
  "public.messages": { authenticated: "select", service_role: "insert, select" },

  // The API of the functions.
  "public.begin_chats(items jsonb)": callable,
  "public.extend_chat(hold_id uuid, calls integer, provider text, provider_calls integer)": callable,
  "public.reopen_route(route_id bigint)": callable,
  "public.settle_chats(items jsonb)": callable,
  "public.save_reply_parts(items jsonb)": callable,
  "public.find_request(user_id uuid, request_id uuid)": callable,
  "public.find_model_lists(user_ids uuid[])": callable,
  "public.make_model_list(plan_id text, query jsonb)": callable,
  "public.get_preferences(user_id uuid)": callable,
  "public.patch_preferences(user_id uuid, patch jsonb)": callable,
  "public.begin_model_sync(run_id uuid, sources text[], actor_id uuid)": callable,
  "public.apply_model_feed(run_id uuid, source text, feed jsonb)": callable,
  "public.fail_model_sync(run_id uuid, source text, error text)": callable,
  "public.preview_model_feed(source text, feed jsonb)": callable,
  "public.list_all_models(query jsonb, page_limit integer, page_cursor text)": callable,
  "public.change_models(actor_id uuid, model_ids text[], change jsonb)": callable,
  "public.list_held_prices()": callable,
  "public.accept_held_price(actor_id uuid, route_id bigint, run_id uuid)": callable,
  "public.list_activation_rules()": callable,
  "public.add_activation_rule(actor_id uuid, rule jsonb)": callable,
  "public.remove_activation_rule(actor_id uuid, rule_id bigint)": callable,
  "public.list_model_syncs(page_limit integer, after_start timestamp with time zone, after_source text, run_id uuid)":
    callable,
  "public.list_audit(page_limit integer, page_cursor uuid, target text)": callable,
  "public.get_usage(user_id uuid, from_at timestamp with time zone, to_at timestamp with time zone, group_by text, page_limit integer, page_cursor text)":
    callable,
  "public.get_limits(user_id uuid)": callable,
  "public.get_balance(user_id uuid)": callable,
  "public.set_time_zone(user_id uuid, time_zone text)": callable,
  "public.place_hold(item jsonb)": callable,
  "public.settle_hold(item jsonb)": callable,
  "public.release_hold(hold_id uuid)": callable,
  "public.claim_alerts(most integer)": callable,
  "public.report_alerts(delivered uuid[], failed uuid[])": callable,

  private: { service_role: "usage" },

  // Data that operators write.
  "private.plans": readOnly,
  "private.plan_limits": readOnly,
  "private.limit_overrides": readOnly,
  "private.project_limits": readOnly,
  "private.applies_at(tier private.route_price_tiers, at timestamp with time zone)": callable,
  "private.priced_models": readOnly,
  "private.activation_rules": { service_role: "delete, insert, select" },
  "private.activation_rules_id_seq": nobody,
  "private.provider_keys": readOnly,
  "private.alert_thresholds": readOnly,
  "private.spend_rules": nobody,
  "private.retention": nobody,

  // The catalogue, which syncs and administrators write. Prices are added, never changed.
  "private.models": counted,
  "private.plan_models": written,
  "private.model_limits": written,
  "private.model_routes": counted,
  "private.model_routes_id_seq": nobody,
  "private.route_prices": { service_role: "insert, select" },
  "private.route_prices_id_seq": nobody,
  "private.route_price_tiers": { service_role: "insert, select" },
  "private.held_prices": written,
  "private.catalogue_changes": { service_role: "insert, select" },
  "private.catalogue_changes_id_seq": nobody,
  "private.note_catalogue_change()": nobody,
  "private.note_changes_of(catalogue_table regclass)": nobody,
  "private.note_price()": nobody,
  "private.catalogue_version()": callable,
  "private.purge_catalogue_changes()": nobody,
  "private.model_ratings": readOnly,
  "private.rate_models()": nobody,
  "private.usable_models": readOnly,
  "private.describe_models(plan_id text, query jsonb)": callable,
  "private.default_model(user_id uuid, plan_id text)": callable,
  "private.usable_default(user_id uuid, plan_id text, OUT usable_id text, OUT unavailable text)": callable,
  "private.preferences": counted,
  "private.merge_patch(target jsonb, patch jsonb)": callable,
  "private.model_sync_log": counted,
  "private.audit_log": { service_role: "insert, select" },
  "private.time_ordered_id()": callable,
  "private.audit(actor_id uuid, action text, target text, change jsonb, before jsonb)": callable,
  "private.describe_model(model private.models)": callable,
  "private.change_route(model_id text, route jsonb)": callable,
  "private.change_model(model_id text, change jsonb)": callable,
  "private.price_of(route_id bigint)": callable,
  "private.is_free(price private.price)": callable,
  "private.describe_held_price(held private.held_prices)": callable,
  "private.add_price(route_id bigint, price private.price)": callable,
  "private.tier_at(price private.price, min_prompt_tokens bigint, utc time without time zone)": callable,
  "private.is_leap(old private.price, new private.price)": callable,
  "private.describe_price(price private.price)": callable,
  "private.change_prices(run_id uuid, provider text, routes private.feed_route[], OUT changed jsonb, OUT held jsonb)":
    callable,
  "private.match_key(model text)": callable,
  "private.change_models(models private.feed_model[])": callable,
  "private.add_models(models private.feed_model[], free_ids text[])": callable,
  "private.list_routes(provider text, routes private.feed_route[], unread text[], seen_at timestamp with time zone, OUT moved text[], OUT changed text[])":
    callable,
  "private.add_routes(provider text, routes private.feed_route[])": callable,
  "private.follow_routes(model_ids text[], OUT inactivated text[], OUT returned text[])": callable,
  "private.apply_feed(run_id uuid, provider text, feed jsonb, seen_at timestamp with time zone)": callable,
  "private.fail_sync(run_id uuid, source text, error text)": callable,
  "private.fail_lost_syncs()": callable,
  "private.describe_sync(sync private.model_sync_log)": callable,

  // What is counted. The functions delete nothing, and do not change the ledger either.
  "private.accounts": {
    service_role: "select, update (long_day_end), update (long_day_start), update (time_zone)",
  },
  "private.current_accounts": readOnly,
  "private.caller_limits": readOnly,
  "private.credit_grants": { service_role: "select, update (left_nano)" },
  "private.credit_entries": { service_role: "insert, select" },
  "private.credit_entries_id_seq": nobody,
  "private.credit_left": readOnly,
  "private.idempotency_keys": counted,
  "private.alerts": {
    service_role: "insert, select, update (delivered_at), update (next_try_at), update (tries)",
  },
  "private.request_rates": counted,
  "private.usage_windows": counted,
  "private.usage_window_ids": { service_role: "usage" },
  "private.holds": counted,
  "private.ledger": { service_role: "insert, select" },
  "private.billed_holds": readOnly,
  "private.metering_drift": readOnly,
  "private.project_drift": readOnly,
  "private.credit_drift": readOnly,
  "private.overdue_holds": readOnly,

  // What is learned of keys and routes, and replies for those who come back: kept for a while.
  "private.key_cooldowns": counted,
  "private.route_outages": written,
  "private.reply_parts": written,

  // Triggers run without a grant.
  "private.create_profile()": nobody,
  "private.create_account()": nobody,
  "private.refuse_change()": nobody,

  // Called by the functions of the API, with the rights of their caller.
  "private.lock_accounts(user_ids uuid[])": callable,
  "private.month_of(anchor_at timestamp with time zone, at timestamp with time zone)": callable,
  "private.day_of(time_zone text, at timestamp with time zone)": callable,
  'private.period_of("window" private.limit_window, calendar private.calendar, at timestamp with time zone)':
    callable,
  "private.set_time_zone(user_id uuid, time_zone text)": callable,
  "private.take_credit(user_id uuid, hold_id uuid, held_at timestamp with time zone, amount_nano bigint)":
    callable,
  "private.return_credit(hold_id uuid, amount_nano bigint)": callable,
  'private.take_slot(scope private.limit_scope, scope_id text, unit private.limit_unit, "window" private.limit_window, with_room boolean)':
    callable,
  "private.pick_slots(scope_ids text[], OUT slots bigint[], OUT shared bigint[])": callable,
  "private.gather_slots(scope_ids text[], targets bigint[])": callable,
  "private.scatter_slots()": callable,
  "private.bound_prompt(request private.hold_request)": callable,
  "private.price_requests(requests private.hold_request[], slots bigint[], shared bigint[])": callable,
  "private.find_upgrade(user_id uuid, plan_id text, model_id text, providers text[], tokens bigint, nano bigint)":
    callable,
  "private.place_wave(requests private.hold_request[], slots bigint[], shared bigint[])": callable,
  "private.place_in_turn(requests private.hold_request[], slots bigint[], shared bigint[], one_by_one boolean)":
    callable,
  "private.place_holds(requests private.hold_request[])": callable,
  "private.extend_hold(hold_id uuid, calls smallint, provider text, provider_calls smallint)": callable,
  "private.ensure_ledger_partition()": callable,
  "private.create_ledger_partition(at timestamp with time zone)": callable,
  "private.settle_holds(settlements private.hold_settlement[])": callable,
  "private.follow_with_credits(hold_id uuid, posted_nano bigint)": callable,
  "private.expire_holds(user_ids uuid[])": callable,
  "private.claim_keys(items jsonb)": callable,
  "private.describe_holds(hold_ids uuid[])": callable,
  "private.describe_hold(hold_id uuid)": callable,
  "private.close_service_hold(hold_id uuid, charges private.charge[])": callable,

  // Called by operators, payments and schedules, as the owner.
  "private.change_plan(user_id uuid, plan_id text)": nobody,
  "private.set_paid_period(user_id uuid, paid_from timestamp with time zone, paid_until timestamp with time zone)":
    nobody,
  "private.grant_credit(user_id uuid, source_kind text, source_id text, amount_nano bigint, priority smallint, expires_at timestamp with time zone)":
    nobody,
  "private.revoke_credit(source_kind text, source_id text)": nobody,
  "private.refund_charge(hold_id uuid, attempt smallint, amount_nano bigint)": nobody,
  "private.sweep_holds(most integer)": nobody,
  "private.roll_windows(most integer)": nobody,
  "private.roll_slots()": nobody,
  'private.next_arrival(rate private.request_rates, "limit" bigint)': callable,
  "private.expire_credits(most integer)": nobody,
  "private.check_ledger(since timestamp with time zone)": nobody,
  "private.check_spending()": nobody,
  "private.purge(most integer)": nobody,
  "private.detach_ledger_partitions(before timestamp with time zone)": nobody,
  "private.keep_ledger_partitions()": nobody,
  "private.call_function(path text, timeout_ms integer)": nobody,
  "private.request_delivery()": nobody,
  "private.request_sync()": nobody,

  "private.load_history(conversation_id uuid, max_bytes bigint)": callable,
  "private.append_turns(turns private.turn[])": callable,
  "private.add_reply_parts(items jsonb)": callable,
  "private.probe_routes(routes json, preferred_provider text)": callable,
  "private.report_health(items jsonb)": callable,
};
