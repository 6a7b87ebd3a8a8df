-- Every extension of the database, with its schema and version.
select
    'extension' as kind,
    quote_ident(e.extname) as name,
    'schema ' || quote_ident(n.nspname) || ', version ' || e.extversion as definition
from pg_catalog.pg_extension e
join pg_catalog.pg_namespace n on n.oid = e.extnamespace
order by 1, 2
