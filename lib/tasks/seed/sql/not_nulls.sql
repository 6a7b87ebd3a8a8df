-- Every column of the schemas' tables that may not be null.
select n.nspname as schema, c.relname as name, a.attname as constraint_name
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where a.attnotnull
  and a.attnum > 0
  and not a.attisdropped
  and c.relkind in ('r', 'p')
  -- A partition's own: what its parent says too is counted there.
  and not exists (
      select from pg_catalog.pg_inherits i
      join pg_catalog.pg_attribute p on p.attrelid = i.inhparent and p.attname = a.attname
      where i.inhrelid = c.oid and c.relispartition and p.attnotnull
  )
  and n.nspname = any (%(schemas)s)
order by n.nspname, c.relname, a.attnum
