-- The roles that policies name, one a row. Binds: schemas text[].
select distinct r.rolname::text as name
from pg_catalog.pg_policy p
join pg_catalog.pg_class c on c.oid = p.polrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
cross join lateral unnest(p.polroles) as holder (oid)
join pg_catalog.pg_roles r on r.oid = holder.oid
where n.nspname = any (cast(:schemas as text[]))
order by name
