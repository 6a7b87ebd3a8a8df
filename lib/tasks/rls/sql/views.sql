-- Views of the exposed schemas, and whether the policies of their tables apply to the reader: one row a view.
-- A materialized view stores its rows, so it is safe only when no role under policies can read it.
-- Binds: schemas text[], roles text[].
select
  n.nspname as schema,
  format('%I.%I', n.nspname, c.relname) as display_name,
  case c.relkind when 'm' then 'materialized view' else 'view' end as kind,
  case c.relkind
    when 'm' then readers.names = ''
    else coalesce(
      (select o.option_value::boolean from pg_catalog.pg_options_to_table(c.reloptions) o where o.option_name = 'security_invoker'),
      false
    )
  end as is_safe,
  readers.names as fact
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
cross join lateral (
  select coalesce(string_agg(r.rolname, ', ' order by r.rolname), '') as names
  from pg_catalog.pg_roles r
  where r.rolname = any (cast(:roles as text[])) and not r.rolbypassrls and not r.rolsuper
    and pg_catalog.has_any_column_privilege(r.oid, c.oid, 'select')
) as readers
where n.nspname = any (cast(:schemas as text[]))
  and c.relkind in ('v', 'm')
  and not exists (
    select from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
order by n.nspname, c.relname
