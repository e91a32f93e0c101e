-- Foundation: the private schema, and one profile per person.
--
-- Invariant: `private` holds, `public` serves. PostgREST exposes `public` alone; money, prices, keys and counters live in
-- `private`. Nothing is granted by default: each object here is followed by the grants it needs and has no others.

create schema private;

revoke all on schema private from public;
grant usage on schema private to service_role;
grant usage on schema public to anon, authenticated, service_role;

-- Tables ------------------------------------------------------------------------------------------------------------

create table public.profiles (
  user_id uuid primary key references auth.users (id) on delete cascade,
  display_name text check (char_length(display_name) between 1 and 100),
  created_at timestamptz not null default now()
);

comment on table public.profiles is 'One row a person, made by trigger at sign-up. Readable and editable by that person.';

alter table public.profiles enable row level security;

revoke all on public.profiles from public, anon, authenticated, service_role;
grant select, update (display_name) on public.profiles to authenticated;

create policy "People read their own profile" on public.profiles
  for select to authenticated
  using (user_id = (select auth.uid()));

create policy "People edit their own profile" on public.profiles
  for update to authenticated
  using (user_id = (select auth.uid()))
  with check (user_id = (select auth.uid()));

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.create_profile() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.profiles (user_id) values (new.id) on conflict do nothing;
  return new;
end;
$$;

comment on function private.create_profile is
  'Definer, because whoever inserts into auth.users (the sign-in service) has no rights here.';

revoke all on function private.create_profile from public;

create trigger create_profile after insert on auth.users
  for each row execute function private.create_profile();

-- People who signed up before Sluice was installed.
insert into public.profiles (user_id) select id from auth.users on conflict do nothing;
