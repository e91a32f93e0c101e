-- Catalogue changes: by which it is known, without reading the catalogue, whether a list that was made of it is still true.
--
-- Invariant: whatever changes a list that a caller sees adds a row here, in the same transaction.

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.catalogue_changes (
  id bigint generated always as identity primary key,
  changed_at timestamptz not null default now()
);

comment on table private.catalogue_changes is 'One row for each statement that changed the catalogue. Rows of long ago are purged.';
comment on column private.catalogue_changes.changed_at is 'From when on it counts: a price can begin later.';

revoke all on private.catalogue_changes from public, anon, authenticated, service_role;
grant select, insert on private.catalogue_changes to service_role;

insert into private.catalogue_changes default values;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.note_catalogue_change() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- A statement that touched no row changed nothing.
  if tg_op = 'TRUNCATE' then
    insert into private.catalogue_changes default values;
  elsif exists (select from touched) then
    insert into private.catalogue_changes default values;
  end if;
  return null;
end;
$$;

comment on function private.note_catalogue_change is 'Definer, because whoever changes some table of the catalogue need have no right here.';

create function private.note_changes_of(catalogue_table regclass) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  event text;
begin
  foreach event in array array['insert', 'update', 'delete'] loop
    execute format(
      'create trigger note_%s after %1$s on %s referencing %s table as touched for each statement execute function private.note_catalogue_change()',
      event, catalogue_table, case event when 'delete' then 'old' else 'new' end
    );
  end loop;
  execute format(
    'create trigger note_truncate after truncate on %s for each statement execute function private.note_catalogue_change()', catalogue_table
  );
end;
$$;

comment on function private.note_changes_of is 'Has changes of a table be changes of the catalogue.';

create function private.note_price() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into private.catalogue_changes (changed_at) values (new.valid_from);
  return null;
end;
$$;

comment on function private.note_price is 'A price that begins later changes nothing before. Definer for the same reason.';

revoke all on function private.note_catalogue_change, private.note_changes_of, private.note_price from public;

create function private.catalogue_version() returns text
language sql stable security invoker set search_path = ''
-- Both, because changes are not committed in the order of their ids.
return (select count(*) || '.' || max(c.id) from private.catalogue_changes c where c.changed_at <= now());

comment on function private.catalogue_version is 'Differs from every one before whenever the catalogue has changed.';

create function private.purge_catalogue_changes() returns integer
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  purged integer;
begin
  if (select count(*) from private.catalogue_changes) < 100 then
    return 0;
  end if;
  delete from private.catalogue_changes where changed_at < now() - interval '1 hour';
  get diagnostics purged = row_count;
  -- No version may come twice.
  insert into private.catalogue_changes default values;
  return purged;
end;
$$;

comment on function private.purge_catalogue_changes is 'Deletes changes of long ago where there are many. Returns how many.';

revoke all on function private.catalogue_version, private.purge_catalogue_changes from public;
grant execute on function private.catalogue_version to service_role;

-- Triggers ----------------------------------------------------------------------------------------------------------

select private.note_changes_of(name)
from unnest('{private.models, private.model_routes, private.plan_models, private.model_limits, private.plan_limits}'::regclass[]) name;

create trigger note_price after insert on private.route_prices
  for each row execute function private.note_price();
