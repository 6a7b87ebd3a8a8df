-- Every check constraint of the schemas' tables, its condition with all names qualified.
select
    n.nspname as schema,
    c.relname as name,
    k.conname as constraint_name,
    k.convalidated as validated,
    pg_catalog.pg_get_expr(k.conbin, k.conrelid) as condition
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where k.contype = 'c'
  and c.relkind in ('r', 'p')
  and k.coninhcount = 0
  and n.nspname = any (%(schemas)s)
order by n.nspname, c.relname, k.conname
