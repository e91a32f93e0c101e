-- pg_cron where the server has it, set up as in Supabase's image: `postgres` schedules jobs by its functions and reads what they
-- did. The migrations' own `create extension if not exists` then finds it, as on Supabase, where `postgres` may make it.

create extension pg_cron schema pg_catalog;

grant usage on schema cron to postgres with grant option;
grant all on all functions in schema cron to postgres with grant option;
grant all on all tables in schema cron to postgres with grant option;
revoke all on cron.job from postgres;
grant select on cron.job to postgres with grant option;
