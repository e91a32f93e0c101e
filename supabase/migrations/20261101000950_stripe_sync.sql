-- Stripe sync: events that Stripe sends, and what was read at Stripe because of them.
--
-- Invariants
--   An event is done when what it led to is committed, in the same transaction; until then Stripe sends it again.
--   Nothing that an event says is believed, but that something happened: what counts is what Stripe answers afterwards.

-- Tables ------------------------------------------------------------------------------------------------------------

create type private.stripe_payload as enum ('snapshot', 'thin');

comment on type private.stripe_payload is 'What an endpoint of ours is sent: whole events, or thin notices of API v2.';

create table private.stripe_events (
  endpoint private.stripe_payload not null,
  id text not null check (char_length(id) between 1 and 255),
  type text not null check (char_length(type) between 1 and 100),
  created_at timestamptz not null,
  received_at timestamptz not null default now(),
  deliveries integer not null default 1,
  done_at timestamptz,
  primary key (endpoint, id)
);

comment on table private.stripe_events is 'Events by their ids, without what they say.';
comment on column private.stripe_events.created_at is 'At Stripe, in whole seconds: it says nothing about the order.';
comment on column private.stripe_events.deliveries is 'How often it was received, up to its being done.';
comment on column private.stripe_events.done_at is 'Null until what it led to is committed.';

create index stripe_events_received on private.stripe_events (received_at);

revoke all on private.stripe_events from public, anon, authenticated, service_role;
grant select, insert, update on private.stripe_events to service_role;

-- API ---------------------------------------------------------------------------------------------------------------

create function public.begin_stripe_sync(customer_id text default null, endpoint text default null, event jsonb default null) returns jsonb
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  is_done boolean := false;
begin
  if event is not null then
    insert into private.stripe_events as e (endpoint, id, type, created_at, done_at)
    values (
      endpoint::private.stripe_payload, event ->> 'id', event ->> 'type', (event ->> 'created_at')::timestamptz,
      case when event @> '{"is_ignored": true}' then now() end
    )
    on conflict on constraint stripe_events_pkey do update set deliveries = e.deliveries + case when e.done_at is null then 1 else 0 end
    returning e.done_at is not null into is_done;
  end if;
  return jsonb_build_object(
    'is_done', is_done,
    'ticket', nextval('private.stripe_tickets'),
    'is_known', exists (select from private.stripe_customers c where c.id = customer_id),
    'payments', case when event is null then (
      select coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'refunded', p.refunded, 'disputed', p.disputed)), '[]')
      from private.stripe_customers c
      join private.payments p on p.user_id = c.user_id and p.customer_id = c.id and p.paid_at > now() - interval '40 days'
      -- Of which it is not known what they bought, are looked at again.
      where c.id = customer_id and (p.credit_nano > 0 or p.subscription_id is not null)
    ) end
  );
end;
$$;

comment on function public.begin_stripe_sync is
  'To be called before Stripe is read: takes the event down that led to it, if one did, and draws the ticket that says what is newer. Answers with whether the event is done already, with the ticket, with whether the customer is one of ours, and, without an event, with what is known of their payments of the last 40 days that bought something.';

create function public.apply_stripe_sync(customer_id text, ticket bigint, state jsonb, endpoint text default null, event_id text default null)
returns boolean
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '3s'
as $$
#variable_conflict use_variable
declare
  customer private.stripe_customers;
  payment jsonb;
  changes boolean := false;
begin
  select c.* into customer from private.stripe_customers c where c.id = customer_id;
  if found then
    perform private.lock_accounts(array[customer.user_id]);
    select c.* into customer from private.stripe_customers c where c.id = customer_id for no key update;
  end if;
  if customer.id is not null then
    perform private.put_billing_prices(coalesce(state -> 'prices', '[]'));
    if state ? 'subscriptions' and customer.ticket < ticket then
      changes := private.put_subscriptions(
        customer, ticket, state -> 'subscriptions', array(select jsonb_array_elements_text(coalesce(state -> 'features', '[]')))
      );
    end if;
    for payment in select value from jsonb_array_elements(coalesce(state -> 'payments', '[]')) order by value ->> 'id' loop
      changes := private.put_payment(customer, ticket, payment) or changes;
    end loop;
    update private.stripe_customers c set
      deleted_at = case when state @> '{"is_deleted": true}' then coalesce(c.deleted_at, now()) else c.deleted_at end,
      reconciled_at = case when state @> '{"is_reconciliation": true}' then now() else c.reconciled_at end
    where c.id = customer_id and state ?| array['is_deleted', 'is_reconciliation'];
  end if;
  update private.stripe_events e set done_at = now()
  where e.endpoint = endpoint::private.stripe_payload and e.id = event_id and e.done_at is null;
  return changes;
end;
$$;

comment on function public.apply_stripe_sync is
  'Takes over what was read at Stripe after this ticket was drawn, unless something newer was taken over already, and ends the event that led to it: all of it or nothing. A customer that is nobody''s changes nothing. Returns whether anything differed from what was known.';

create function public.list_undone_events(event_ids text[]) returns setof text
language sql stable security invoker set search_path = ''
as $$
  select given.id
  from unnest(event_ids) given (id)
  where not exists (
    select from private.stripe_events e where e.endpoint = 'snapshot' and e.id = given.id and e.done_at is not null
  );
$$;

comment on function public.list_undone_events is 'Which of these events nothing has come of yet.';

revoke all on function public.begin_stripe_sync, public.apply_stripe_sync, public.list_undone_events from public, anon, authenticated;
grant execute on function public.begin_stripe_sync, public.apply_stripe_sync, public.list_undone_events to service_role;
