-- Sets of columns that no two rows may share; indexes over expressions are left out.
select
    format('%I.%I', n.nspname, c.relname) as table,
    array(select a.attname::text from unnest(i.indkey) with ordinality k (attnum, at)
          join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
          where k.at <= i.indnkeyatts order by k.at) as columns
from pg_catalog.pg_index i
join pg_catalog.pg_class c on c.oid = i.indrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where i.indisunique
  and c.relkind in ('r', 'p')
  and not c.relispartition
  and n.nspname not like 'pg\_%'
  and 0 <> all (i.indkey::int2[])
order by 1, 2
