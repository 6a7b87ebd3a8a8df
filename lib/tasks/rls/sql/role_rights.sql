-- What a role of the API can become or is: one row a role and each role it is or is a member of, directly or through others.
-- Binds: roles text[], schemas text[], also text[] (tables of the platform that are exposed).
with recursive reached as (
  select r.oid as role, r.oid as becomes, array[r.oid] as path
  from pg_catalog.pg_roles r
  where r.rolname = any (cast(:roles as text[]))
  union all
  select reached.role, m.roleid, reached.path || m.roleid
  from reached
  join pg_catalog.pg_auth_members m on m.member = reached.becomes
  where m.roleid <> all (reached.path)
)
select
  pg_catalog.pg_get_userbyid(one.role)::text as role,
  b.rolname::text as becomes,
  array(
    select pg_catalog.pg_get_userbyid(step)::text
    from unnest(one.path) with ordinality as step (step, at) where at > 1 and at < cardinality(one.path) order by at
  ) as through,
  b.rolsuper as is_superuser,
  b.rolbypassrls as bypasses,
  b.rolcreaterole as makes_roles,
  b.rolname in (
    'pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program'
  ) as reads_all,
  array(
    select format('%I.%I', n.nspname, c.relname)
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relowner = b.oid and c.relkind in ('r', 'p')
      and (n.nspname = any (cast(:schemas as text[])) or format('%I.%I', n.nspname, c.relname) = any (cast(:also as text[])))
    order by 1
  ) as owns
from (select distinct on (role, becomes) * from reached order by role, becomes, cardinality(path)) as one
join pg_catalog.pg_roles b on b.oid = one.becomes
order by 1, 2
