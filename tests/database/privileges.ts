import type { Grants } from "../support/read-privileges.ts";

const nobody: Grants = {};
const readOnly: Grants = { service_role: "select" };
const counted: Grants = { service_role: "insert, select, update" };
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
  "public.extend_chat(hold_id uuid)": callable,
  "public.reopen_route(route_id bigint)": callable,
  "public.settle_chats(items jsonb)": callable,
  "public.save_reply_parts(items jsonb)": callable,
  "public.find_request(user_id uuid, request_id uuid)": callable,
  "public.list_models(user_id uuid, model_id text)": callable,

  private: { service_role: "usage" },

  // Data that operators write.
  "private.plans": readOnly,
  "private.plan_limits": readOnly,
  "private.models": readOnly,
  "private.plan_models": readOnly,
  "private.model_routes": readOnly,
  "private.model_routes_id_seq": nobody,
  "private.route_prices": readOnly,
  "private.route_prices_id_seq": nobody,
  "private.priced_models": readOnly,
  "private.provider_keys": readOnly,

  // What is counted. Nothing is ever deleted, and the ledger is not changed either.
  "private.accounts": { service_role: "select, update (anchor_at)" },
  "private.request_rates": counted,
  "private.usage_windows": counted,
  "private.usage_window_ids": { service_role: "usage" },
  "private.holds": counted,
  "private.ledger": { service_role: "insert, select" },
  "private.metering_drift": readOnly,

  // What is learned of keys and routes, and replies for those who come back: kept for a while.
  "private.key_cooldowns": counted,
  "private.route_outages": { service_role: "delete, insert, select, update" },
  "private.reply_parts": { service_role: "delete, insert, select, update" },

  // Triggers run without a grant.
  "private.create_profile()": nobody,
  "private.create_account()": nobody,
  "private.refuse_change()": nobody,

  // Called by the functions of the API, with the rights of their caller.
  'private.period_of("window" private.limit_window, anchor_at timestamp with time zone, at timestamp with time zone)':
    callable,
  "private.lock_accounts(user_ids uuid[])": callable,
  "private.find_upgrade(plan_id text, model_id text, claims private.claim[])": callable,
  "private.place_wave(requests private.hold_request[])": callable,
  "private.place_holds(requests private.hold_request[])": callable,
  "private.extend_hold(hold_id uuid)": callable,
  "private.settle_holds(settlements private.hold_settlement[])": callable,
  "private.expire_holds(user_ids uuid[])": callable,
  "private.load_history(conversation_id uuid, max_bytes bigint)": callable,
  "private.append_turns(turns private.turn[])": callable,
  "private.add_reply_parts(items jsonb)": callable,
  "private.probe_routes(routes json, preferred_provider text)": callable,
  "private.report_health(items jsonb)": callable,
};
