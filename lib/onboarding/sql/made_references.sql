-- One row a foreign key of each table that rows may be made for. Binds: schemas text[].
select
  format('%%I.%%I', n.nspname, c.relname) as display_name,
  format('%%I.%%I', fn.nspname, f.relname) as parent,
  (
    select array_agg(a.attname::text order by place.number)
    from unnest(k.conkey) with ordinality as place (attnum, number)
    join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = place.attnum
  ) as columns,
  (
    select array_agg(a.attname::text order by place.number)
    from unnest(k.confkey) with ordinality as place (attnum, number)
    join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = place.attnum
  ) as keys
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_class f on f.oid = k.confrelid
join pg_catalog.pg_namespace fn on fn.oid = f.relnamespace
where k.contype = 'f' and n.nspname = any (%(schemas)s::text[]) and k.conparentid = 0
order by display_name, k.conname
