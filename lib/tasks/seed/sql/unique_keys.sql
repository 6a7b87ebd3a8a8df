-- Every unique and primary key of the schemas' tables. Binds: schemas text[].
select n.nspname as schema, c.relname as name, k.conname as constraint_name
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where k.contype in ('p', 'u', 'x')
  and c.relkind in ('r', 'p')
  and n.nspname = any (cast(:schemas as text[]))
order by n.nspname, c.relname, k.conname
