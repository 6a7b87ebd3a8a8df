-- One row a function of the project's schemas whose body may be read as one query. Binds: schemas text[].
select
  p.oid::bigint as oid,
  format('%%I.%%I', n.nspname, p.proname) as display_name,
  quote_ident(p.proname) as name,
  p.proretset as returns_set,
  p.pronargs as arguments,
  p.pronargs - p.pronargdefaults as required,
  coalesce(p.proargnames[1:p.pronargs], '{}') as argument_names,
  pg_catalog.pg_get_function_arguments(p.oid) as declared,
  pg_catalog.pg_get_function_result(p.oid) as result,
  l.lanname as language,
  p.prosrc as body,
  pg_catalog.pg_get_function_sqlbody(p.oid) as parsed,
  coalesce((select substr(setting, 13) from unnest(p.proconfig) as setting where setting like 'search\_path=%%'), '') as path,
  exists (select from unnest(p.proconfig) as setting where setting like 'search\_path=%%') as has_path,
  (
    select coalesce(array_agg(pg_catalog.pg_get_function_arg_default(p.oid, n) order by n), '{}')
    from generate_series(1, p.pronargs) as n
  ) as defaults
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_language l on l.oid = p.prolang
where n.nspname = any (%(schemas)s::text[])
  and p.prokind = 'f' and l.lanname in ('sql', 'plpgsql')
  and coalesce(p.proargmodes, '{}') <@ array['i', 't']::"char"[]
  and p.prorettype not in ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype)
order by n.nspname, p.proname, p.oid
