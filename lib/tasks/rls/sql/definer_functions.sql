-- Security-definer functions outside the schemas of the system and the vendor, and whether their search path is
-- fixed: one row a function. Binds: managed text[].
-- Source: https://www.postgresql.org/docs/current/sql-createfunction.html#SQL-CREATEFUNCTION-SECURITY
select
  n.nspname as schema,
  format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)) as display_name,
  case p.prokind when 'p' then 'procedure' else 'function' end as kind,
  path.setting is not null as is_safe,
  coalesce(path.setting, '') as fact
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
left join lateral (
  select setting from unnest(p.proconfig) as setting where setting like 'search\_path=%'
) as path on true
where p.prosecdef
  and n.nspname <> all (cast(:managed as text[]))
  and not exists (
    select from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
  )
order by n.nspname, p.proname, display_name
