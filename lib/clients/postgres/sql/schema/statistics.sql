-- Extended statistics objects.
select
    'statistics' as kind,
    quote_ident(n.nspname) || '.' || quote_ident(s.stxname) as name,
    pg_catalog.pg_get_statisticsobjdef(s.oid) as definition
from pg_catalog.pg_statistic_ext s
join pg_catalog.pg_namespace n on n.oid = s.stxnamespace
where n.nspname = any (%(schemas)s::text[])
order by 1, 2
