-- Every foreign key of the schemas' tables, with what a query needs to verify it against the rows.
select
    n.nspname as schema,
    c.relname as name,
    k.conname as constraint_name,
    pn.nspname as parent_schema,
    p.relname as parent_name,
    k.convalidated as validated,
    k.confmatchtype::text as match_type,
    array(
        select a.attname from unnest(k.conkey) with ordinality as u (attnum, place)
        join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.attnum
        order by u.place
    )::text[] as columns,
    array(
        select a.attname from unnest(k.confkey) with ordinality as u (attnum, place)
        join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.attnum
        order by u.place
    )::text[] as parent_columns,
    array(
        select format('operator(%%I.%%s)', ns.nspname, o.oprname) from unnest(k.conpfeqop) with ordinality as u (op, place)
        join pg_catalog.pg_operator o on o.oid = u.op
        join pg_catalog.pg_namespace ns on ns.oid = o.oprnamespace
        order by u.place
    )::text[] as operators
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_class p on p.oid = k.confrelid
join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
where k.contype = 'f'
  and k.conparentid = 0
  and n.nspname = any (%(schemas)s)
order by n.nspname, c.relname, k.conname
