-- The schemas asked for that exist.
select 'schema' as kind, quote_ident(n.nspname) as name, 'exists' as definition
from pg_catalog.pg_namespace n
where n.nspname = any (%(schemas)s::text[])
order by 1, 2
