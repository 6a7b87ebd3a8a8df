-- One row a function of the schemas that an API role may call. Binds: schemas text[].
select
  format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)) as display_name,
  p.prosecdef as is_definer,
  exists (select from unnest(p.proconfig) as setting where setting like 'search\_path=%') as fixes_path,
  pg_catalog.has_function_privilege('anon', p.oid, 'execute') as anon_may,
  pg_catalog.has_function_privilege('authenticated', p.oid, 'execute') as users_may,
  p.prorettype in ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype) as is_trigger,
  n.nspname = any (cast(:exposed as text[])) as is_exposed
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where n.nspname = any (cast(:schemas as text[]))
  and not exists (
    select from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
  )
order by n.nspname, p.proname, display_name
