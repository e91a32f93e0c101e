-- Stands in for the extension pg_cron where the server lacks it: its tables, and of its functions those that name a job. Who
-- may do what is as in Supabase's image. The jobs are run by local/schedules/.

create schema cron;

create table cron.job (
  jobid bigint generated always as identity primary key,
  schedule text not null,
  command text not null,
  nodename text not null default 'localhost',
  nodeport integer not null default inet_server_port(),
  database text not null default current_database(),
  username text not null default current_user,
  active boolean not null default true,
  jobname text,
  constraint jobname_username_uniq unique (jobname, username)
);
alter table cron.job enable row level security;
create policy cron_job_policy on cron.job using (username = current_user);

create table cron.job_run_details (
  jobid bigint,
  runid bigint generated always as identity primary key,
  job_pid integer,
  database text,
  username text,
  command text,
  status text,
  return_message text,
  start_time timestamptz,
  end_time timestamptz
);
alter table cron.job_run_details enable row level security;
create policy cron_job_run_details_policy on cron.job_run_details using (username = current_user);

-- The functions know their caller; these two, which know nobody, write the table that nobody else may.
create function cron._put_job(job_name text, schedule text, command text, owner text) returns bigint
language plpgsql security definer set search_path = ''
as $$
declare
  job_id bigint;
begin
  if schedule !~ '^\s*\S+(\s+\S+){4}\s*$' then
    raise invalid_parameter_value using message = format('invalid schedule: %s', schedule);
  end if;
  insert into cron.job (jobname, schedule, command, username) values (job_name, schedule, command, owner)
  on conflict on constraint jobname_username_uniq do update
  set schedule = excluded.schedule, command = excluded.command
  returning jobid into job_id;
  return job_id;
end;
$$;

create function cron._remove_job(job_name text, owner text) returns boolean
language plpgsql security definer set search_path = ''
as $$
begin
  delete from cron.job where jobname = job_name and username = owner;
  if not found then
    raise exception 'could not find valid entry for job ''%''', job_name;
  end if;
  return true;
end;
$$;

create function cron.schedule(job_name text, schedule text, command text) returns bigint language sql
return cron._put_job(job_name, schedule, command, current_user);

create function cron.unschedule(job_name text) returns boolean language sql
return cron._remove_job(job_name, current_user);

grant usage on schema cron to postgres with grant option;
grant select on cron.job to postgres with grant option;
grant all on cron.job_run_details to postgres with grant option;
