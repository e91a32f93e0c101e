import { expect, test } from "vitest";
import { connectDatabase } from "../support/connect-database.ts";
import { readPrivileges } from "../support/read-privileges.ts";
import { expectedPrivileges } from "./privileges.ts";

const sql = connectDatabase();

test("nobody may reach a partition of the ledger but through the ledger", async () => {
  const open = await sql`
    select c.oid::regclass::text, p.grantee::regrole::text from pg_class c cross join lateral aclexplode(c.relacl) p
    where c.relispartition and p.grantee <> c.relowner`;
  expect([...open]).toEqual([]);
});

test("every role may do exactly what privileges.ts says, with every object there is", async () => {
  expect(await readPrivileges(sql)).toEqual(expectedPrivileges);
});

test("no role of the API has the rights of another, or is the owner of anything", async () => {
  const memberships = await sql`
    select member::regrole::text, roleid::regrole::text from pg_auth_members
    where member in ('anon'::regrole, 'authenticated'::regrole, 'service_role'::regrole)`;
  expect([...memberships]).toEqual([]);
  const owned = await sql`
    select relname from pg_class where relowner in ('anon'::regrole, 'authenticated'::regrole, 'service_role'::regrole)`;
  expect([...owned]).toEqual([]);
});

test("every table that people reach has row level security, and no function there runs with its owner's rights", async () => {
  const open = await sql`
    select relname from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relrowsecurity`;
  expect([...open]).toEqual([]);
  const definers = await sql`
    select proname from pg_proc where pronamespace = 'public'::regnamespace and prosecdef`;
  expect([...definers]).toEqual([]);
  const findable = await sql`
    select oid::regprocedure::text as name from pg_proc
    where pronamespace in ('public'::regnamespace, 'private'::regnamespace)
      and not coalesce(proconfig, '{}') @> array['search_path=""']`;
  expect([...findable]).toEqual([]);
});
