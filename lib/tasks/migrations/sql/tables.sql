-- Every table of the pack's kind but those known, with a column that an update may set to itself. A table without an
-- estimate has a row only where it has a page, or partitions.
select
    c.oid::bigint as oid,
    format('%%I.%%I', n.nspname, c.relname) as name,
    greatest(c.reltuples, 0)::bigint as estimated_rows,
    c.reltuples <= 0 and (c.relkind = 'p' or coalesce(pg_catalog.pg_relation_size(c.oid), 0) > 0) as is_uncounted,
    (select quote_ident(a.attname)
     from pg_catalog.pg_attribute a
     where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       and a.attgenerated = '' and a.attidentity <> 'a'
     order by a.attnum desc limit 1) as column
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm')
  and c.relpersistence <> 't'
  and c.oid <> all (%(known)s::oid[])
  and n.nspname not like 'pg\_%%'
  and n.nspname not in ('information_schema', 'supabase_migrations')
order by 2
