-- Extensions of the database, and those that could be created in it (schema is null). stand_in: whether only its SQL face is
-- there, as the comment of its control file says.
select
    a.name::text as name,
    coalesce(e.extversion, a.default_version)::text as version,
    n.nspname::text as schema,
    coalesce(a.comment, '') like 'stand-in for %' as stand_in
from pg_catalog.pg_available_extensions a
left join pg_catalog.pg_extension e on e.extname = a.name
left join pg_catalog.pg_namespace n on n.oid = e.extnamespace
union
select e.extname::text, e.extversion, n.nspname::text, false
from pg_catalog.pg_extension e
join pg_catalog.pg_namespace n on n.oid = e.extnamespace
where not exists (select from pg_catalog.pg_available_extensions a where a.name = e.extname)
order by 1
