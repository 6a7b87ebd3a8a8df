-- One row a check constraint of each table that rows may be made for. Binds: schemas text[].
select
  format('%%I.%%I', n.nspname, c.relname) as display_name,
  k.conname as name,
  pg_catalog.pg_get_expr(k.conbin, k.conrelid) as condition,
  (
    select coalesce(array_agg(a.attname::text order by a.attnum), '{}')
    from pg_catalog.pg_attribute a where a.attrelid = k.conrelid and a.attnum = any (k.conkey)
  ) as columns
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where k.contype = 'c' and n.nspname = any (%(schemas)s::text[])
order by display_name, k.conname
