-- Extensions of the database, and those that could be created in it (schema is null).
select
    a.name::text as name,
    coalesce(e.extversion, a.default_version)::text as version,
    n.nspname::text as schema
from pg_catalog.pg_available_extensions a
left join pg_catalog.pg_extension e on e.extname = a.name
left join pg_catalog.pg_namespace n on n.oid = e.extnamespace
union
select e.extname::text, e.extversion, n.nspname::text
from pg_catalog.pg_extension e
join pg_catalog.pg_namespace n on n.oid = e.extnamespace
order by 1
