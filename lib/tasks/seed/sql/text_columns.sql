-- Every column of the schemas' tables in which an e-mail address may be written: text of any kind, arrays and JSON too.
with recursive base as (
    select t.oid, t.oid as root, t.typbasetype, t.typelem, t.typtype, t.typcategory from pg_catalog.pg_type t
    union all
    select b.oid, t.oid, t.typbasetype, t.typelem, t.typtype, t.typcategory
    from base b
    join pg_catalog.pg_type t on t.oid = case when b.typtype = 'd' then b.typbasetype when b.typcategory = 'A' then b.typelem end
)
select n.nspname as schema, c.relname as name, array_agg(a.attname order by a.attnum)::text[] as columns
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where a.attnum > 0
  and not a.attisdropped
  and c.relkind = 'r'
  and n.nspname = any (%(schemas)s)
  and exists (
      select from base b
      join pg_catalog.pg_type t on t.oid = b.root
      where b.oid = a.atttypid
        and b.root <> 'pg_catalog.name'::regtype
        and (t.typtype = 'b' and t.typcategory = 'S' or t.typname in ('json', 'jsonb', 'hstore', 'xml') or t.typtype = 'c')
  )
group by n.nspname, c.relname
order by n.nspname, c.relname
