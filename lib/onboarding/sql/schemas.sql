-- One row a schema in which a project made objects: whether an API role may use it and holds a right on a table in it.
-- Binds: platform text[].
select
  n.nspname::text as name,
  exists (
    select from pg_catalog.pg_class c
    cross join (values ('anon'), ('authenticated')) as r (name)
    where c.relnamespace = n.oid and c.relkind in ('r', 'p')
      and pg_catalog.has_schema_privilege(r.name, n.oid, 'usage')
      and (
        pg_catalog.has_any_column_privilege(r.name, c.oid, 'select, insert, update')
        or pg_catalog.has_table_privilege(r.name, c.oid, 'delete')
      )
  ) as is_used
from pg_catalog.pg_namespace n
where n.nspname <> all (cast(:platform as text[])) and n.nspname not like 'pg\_%'
  and (
    exists (
      select from pg_catalog.pg_class c
      where c.relnamespace = n.oid and not exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
      )
    )
    or exists (
      select from pg_catalog.pg_proc p
      where p.pronamespace = n.oid and not exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
      )
    )
    or exists (
      select from pg_catalog.pg_type t
      where t.typnamespace = n.oid and t.typtype in ('e', 'd') and not exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_type'::regclass and d.objid = t.oid and d.deptype = 'e'
      )
    )
  )
order by n.nspname
