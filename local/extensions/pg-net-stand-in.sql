-- Stands in for the extension pg_net, of which the schedules use `net.http_post`: it queues a request, which is sent once its
-- transaction is committed. Those who send it are local/schedules/. On Supabase every role may do this, here `postgres` alone.

create schema net;

create table net.http_request_queue (
  id bigint generated always as identity primary key,
  method text not null,
  url text not null,
  headers jsonb not null,
  body bytea,
  timeout_milliseconds integer not null
);

create table net._http_response (
  id bigint,
  status_code integer,
  content_type text,
  headers jsonb,
  content text,
  timed_out boolean,
  error_msg text,
  created timestamptz not null default now()
);
create index on net._http_response (created);

create function net._urlencode_string(string text) returns text language sql immutable strict
return (
  select coalesce(string_agg(
    case
      when letter ~ '[A-Za-z0-9_.~-]' then letter
      else regexp_replace(upper(encode(convert_to(letter, 'UTF8'), 'hex')), '(..)', '%\1', 'g')
    end, '' order by place), '')
  from regexp_split_to_table(string, '') with ordinality as letters (letter, place)
);

create function net.http_post(
  url text,
  body jsonb default '{}',
  params jsonb default '{}',
  headers jsonb default '{"Content-Type": "application/json"}',
  timeout_milliseconds integer default 5000
) returns bigint
language plpgsql set search_path = ''
as $$
#variable_conflict use_column
declare
  content_type text := (select value from jsonb_each_text(http_post.headers) where lower(key) = 'content-type' limit 1);
  query text := (
    select string_agg(net._urlencode_string(key) || '=' || net._urlencode_string(value), '&')
    from jsonb_each_text(http_post.params)
  );
  request_id bigint;
begin
  if content_type <> 'application/json' then
    raise exception 'Content-Type header must be "application/json"';
  end if;
  if http_post.body is null then
    raise exception 'body must not be null';
  end if;
  insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
  values (
    'POST',
    http_post.url || coalesce(case when http_post.url like '%?%' then '&' else '?' end || query, ''),
    case when content_type is null then '{"Content-Type": "application/json"}' else '{}'::jsonb end || http_post.headers,
    convert_to(http_post.body::text, 'UTF8'),
    http_post.timeout_milliseconds
  )
  returning id into request_id;
  return request_id;
end;
$$;

grant usage on schema net to postgres;
grant all on all tables in schema net to postgres;
