import type { Grants } from "../../support/read-privileges.ts";
import { callable, counted, nobody, readOnly, written } from "./grants.ts";

/** Who may do what with payments, and with the plans that follow from them. */
export const billingPrivileges: Record<string, Grants> = {
  "public.sync_billing_prices(prices jsonb)": callable,
  "public.lease_billing(user_id uuid, lease_id uuid)": callable,
  "public.release_billing(user_id uuid, lease_id uuid)": callable,
  "public.put_stripe_customer(user_id uuid, customer_id text)": callable,
  "public.begin_billing_call(user_id uuid)": callable,
  "public.begin_stripe_sync(customer_id text, endpoint text, event jsonb)": callable,
  "public.apply_stripe_sync(customer_id text, ticket bigint, state jsonb, endpoint text, event_id text)":
    callable,
  "public.list_undone_events(event_ids text[])": callable,
  "public.list_plans()": callable,
  "public.get_billing(user_id uuid)": callable,
  'public.find_offer(user_id uuid, plan_id text, "interval" text, credit_nano bigint)': callable,
  "public.begin_reconciliation(run_id uuid)": callable,
  "public.list_customers_to_reconcile(before timestamp with time zone, most integer)": callable,
  "public.skip_reconciliation(customer_id text)": callable,
  "public.end_reconciliation(run_id uuid, outcome jsonb)": callable,
  "public.list_reconciliations(page_limit integer, before timestamp with time zone)": callable,
  "public.get_revenue(from_at timestamp with time zone, to_at timestamp with time zone)": callable,
  "public.list_margins(from_at timestamp with time zone, to_at timestamp with time zone, page_limit integer, after_margin numeric, after_user uuid)":
    callable,

  "private.billing_prices": counted,
  "private.offered_prices": readOnly,
  "private.put_billing_prices(prices jsonb)": callable,
  "private.stripe_customers": counted,
  "private.stripe_tickets": { service_role: "usage" },
  "private.billing_leases": written,
  "private.billing_calls": counted,
  "private.subscriptions": counted,
  "private.plan_terms": readOnly,
  "private.term_at(user_id uuid, at timestamp with time zone)": callable,
  "private.entitle(user_id uuid)": callable,
  "private.is_subscribed(user_id uuid)": callable,
  "private.change_plan(user_id uuid, plan_id text)": nobody,
  "private.put_subscriptions(customer private.stripe_customers, ticket bigint, subscriptions jsonb, features text[])":
    callable,
  "private.alert_about_subscriptions(customer private.stripe_customers, features text[])": callable,
  "private.payments": counted,
  "private.put_payment(customer private.stripe_customers, ticket bigint, payment jsonb)": callable,
  "private.alert_about_payment(payment_id text)": callable,
  "private.stripe_events": counted,
  "private.held_subscription(user_id uuid)": callable,
  "private.reconciliations": counted,
  "private.request_reconciliation()": nobody,
};
