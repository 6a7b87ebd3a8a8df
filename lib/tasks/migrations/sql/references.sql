-- Which column must hold a value of which other: foreign keys, a row a column pair.
select
    format('%I.%I', n.nspname, c.relname) as table,
    a.attname::text as column,
    format('%I.%I', pn.nspname, pc.relname) as parent_table,
    pa.attname::text as parent_column
from pg_catalog.pg_constraint o
join pg_catalog.pg_class c on c.oid = o.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_class pc on pc.oid = o.confrelid
join pg_catalog.pg_namespace pn on pn.oid = pc.relnamespace
cross join lateral unnest(o.conkey, o.confkey) as k (attnum, parent_attnum)
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
join pg_catalog.pg_attribute pa on pa.attrelid = pc.oid and pa.attnum = k.parent_attnum
where o.contype = 'f' and o.conparentid = 0
order by 1, 2, 3, 4
