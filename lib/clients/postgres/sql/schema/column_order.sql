-- The order of a table's columns, which `insert` without names and `select *` use.
select
    'column_order' as kind,
    c.oid::regclass::text as name,
    string_agg(quote_ident(a.attname), ', ' order by a.attnum) as definition
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (%(schemas)s::text[])
  and c.relkind in ('r', 'p', 'f', 'c')
  and a.attnum > 0
  and not a.attisdropped
  and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
group by c.oid
order by 1, 2
