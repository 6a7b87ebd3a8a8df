-- One row a role and table of the exposed schemas: its grants, and what of row level security applies to it.
-- A role that does not exist has no row. Binds: schemas text[], also text[] (see probed_tables.sql), roles text[].
select
  r.rolname as role,
  format('%%I.%%I', n.nspname, c.relname) as display_name,
  pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage') as uses_schema,
  pg_catalog.has_table_privilege(r.oid, c.oid, 'select') as reads_all,
  pg_catalog.has_any_column_privilege(r.oid, c.oid, 'select') as "select",
  pg_catalog.has_any_column_privilege(r.oid, c.oid, 'insert') as "insert",
  pg_catalog.has_any_column_privilege(r.oid, c.oid, 'update') as "update",
  pg_catalog.has_table_privilege(r.oid, c.oid, 'delete') as "delete",
  pg_catalog.has_table_privilege(r.oid, c.oid, 'truncate') as "truncate",
  pg_catalog.has_table_privilege(r.oid, c.oid, 'references') as "references",
  pg_catalog.has_table_privilege(r.oid, c.oid, 'trigger') as "trigger",
  case when pg_catalog.current_setting('server_version_num')::int >= 170000
    then pg_catalog.has_table_privilege(r.oid, c.oid, 'maintain') else false end as "maintain",
  (
    select coalesce(jsonb_agg(distinct lower(held.privilege_type)), '[]')
    from pg_catalog.aclexplode(c.relacl) as held where held.grantee = 0
  ) as by_everybody,
  (
    select coalesce(jsonb_object_agg(a.attname, jsonb_build_array(
      pg_catalog.has_column_privilege(r.oid, c.oid, a.attnum, 'select'),
      pg_catalog.has_column_privilege(r.oid, c.oid, a.attnum, 'insert'),
      pg_catalog.has_column_privilege(r.oid, c.oid, a.attnum, 'update')
    )), '{}')
    from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  ) as columns,
  -- Source: check_enable_rls in PostgreSQL's src/backend/utils/misc/rls.c
  c.relrowsecurity and not (r.rolsuper or r.rolbypassrls)
    and (c.relforcerowsecurity or not pg_catalog.pg_has_role(r.oid, c.relowner, 'usage')) as held_by_policies,
  (
    select coalesce(jsonb_agg(distinct verb.name), '[]')
    from pg_catalog.pg_policy p
    cross join (values ('select', 'r'), ('insert', 'a'), ('update', 'w'), ('delete', 'd')) as verb (name, letter)
    where p.polrelid = c.oid and p.polpermissive and p.polcmd::text in ('*', verb.letter)
      and exists (
        select from unnest(p.polroles) as holder (oid)
        where holder.oid = 0 or pg_catalog.pg_has_role(r.oid, holder.oid, 'usage')
      )
  ) as permitted_verbs,
  (
    select coalesce(jsonb_agg(format('%%I.%%I', sn.nspname, s.relname) order by sn.nspname, s.relname), '[]')
    from pg_catalog.pg_depend d
    join pg_catalog.pg_class s on s.oid = d.objid
    join pg_catalog.pg_namespace sn on sn.oid = s.relnamespace
    where d.classid = 'pg_catalog.pg_class'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass
      and d.refobjid = c.oid and d.deptype = 'a'
      -- A case, because the planner may ask for the privilege before it knows that it is a sequence.
      and case when s.relkind = 'S' then not pg_catalog.has_sequence_privilege(r.oid, s.oid, 'usage') end
  ) as closed_sequences
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
cross join pg_catalog.pg_roles r
where (
    n.nspname = any (cast(%(schemas)s as text[]))
    or n.nspname in ('auth', 'realtime', 'storage') and not c.relispartition and (
      format('%%I.%%I', n.nspname, c.relname) = any (cast(%(also)s as text[]))
      or exists (select from pg_catalog.pg_policy p where p.polrelid = c.oid) and exists (
        select from pg_catalog.pg_roles r
        where r.rolname in ('anon', 'authenticated') and pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage')
          and pg_catalog.has_table_privilege(r.oid, c.oid, 'select, insert, update, delete')
      )
    )
  )
  and r.rolname = any (cast(%(roles)s as text[]))
  and c.relkind in ('r', 'p')
  and not exists (
    select from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
order by n.nspname, c.relname, r.rolname
