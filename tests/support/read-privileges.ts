import type { Database } from "./open-database.ts";

/** What the roles of the API may do with an object; a role that may do nothing is left out. */
export type Grants = Partial<Record<"anon" | "authenticated" | "service_role" | "public", string>>;

/**
 * The privileges of every schema, table, view, sequence and function in `public` and `private`, as the catalogue has them:
 * those of a column with its name, and those of everybody under `public`. Of a partitioned table the table itself.
 */
export async function readPrivileges(sql: Database): Promise<Record<string, Grants>> {
  const rows = await sql<{ object: string; grants: Grants }[]>`
    with object as (
      select n.nspname::text as name, coalesce(n.nspacl, acldefault('n', n.nspowner)) as acl, null::text as part
      from pg_namespace n
      where n.nspname in ('public', 'private')
      union all
      select
        format('%I.%I', n.nspname, c.relname),
        coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's'::"char" else 'r' end, c.relowner)), null
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('public', 'private') and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and not c.relispartition
      union all
      select format('%I.%I', n.nspname, c.relname), a.attacl, a.attname::text
      from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('public', 'private') and a.attacl is not null and not a.attisdropped
      union all
      select
        format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
        coalesce(p.proacl, acldefault('f', p.proowner)), null
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname in ('public', 'private')
    ),
    granted as (
      select
        o.name, coalesce(r.rolname::text, 'public') as role,
        string_agg(
          lower(p.privilege_type) || coalesce(' (' || o.part || ')', '') || case when p.is_grantable then '*' else '' end,
          ', ' order by p.privilege_type, o.part
        ) as privileges
      from object o
      cross join lateral aclexplode(o.acl) p
      left join pg_roles r on r.oid = p.grantee
      where p.grantee = 0 or r.rolname in ('anon', 'authenticated', 'service_role')
      group by 1, 2
    )
    select o.name as object, coalesce(jsonb_object_agg(g.role, g.privileges) filter (where g.role is not null), '{}') as grants
    from (select distinct name from object) o
    left join granted g on g.name = o.name
    group by o.name
    order by o.name`;
  return Object.fromEntries(rows.map(({ object, grants }) => [object, grants]));
}
