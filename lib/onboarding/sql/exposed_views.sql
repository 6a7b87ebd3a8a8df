-- One row a view, materialized view or foreign table of the schemas that an API role may read. Binds: schemas text[].
select
  format('%I.%I', n.nspname, c.relname) as display_name,
  case c.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'foreign table' end as kind,
  coalesce(
    (select o.option_value::boolean from pg_catalog.pg_options_to_table(c.reloptions) o where o.option_name = 'security_invoker'),
    false
  ) as is_invoker,
  array(
    select r.name from (values ('anon'), ('authenticated')) as r (name)
    where pg_catalog.has_any_column_privilege(r.name, c.oid, 'select')
  ) as readers
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (cast(:schemas as text[])) and c.relkind in ('v', 'm', 'f')
  and not exists (
    select from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
order by n.nspname, c.relname
