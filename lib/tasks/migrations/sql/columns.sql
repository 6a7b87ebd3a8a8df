-- Columns of every table that rows can be put into, or of those named; partitions are reached through their parent.
select
    format('%%I.%%I', n.nspname, c.relname) as table,
    a.attname::text as column,
    b.typname::text as type,
    a.attgenerated <> '' as generated,
    pg_catalog.pg_get_serial_sequence(format('%%I.%%I', n.nspname, c.relname), a.attname) as sequence
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_type t on t.oid = a.atttypid
join pg_catalog.pg_type b on b.oid = case t.typtype when 'd' then t.typbasetype else t.oid end
where c.relkind in ('r', 'p')
  and not c.relispartition
  and n.nspname not like 'pg\_%%'
  and n.nspname not in ('information_schema', 'supabase_migrations', 'extensions', 'vault')
  and (%(named)s::text[] is null or c.oid in (select pg_catalog.to_regclass(name) from unnest(%(named)s::text[]) as name))
  and a.attnum > 0
  and not a.attisdropped
order by 1, a.attnum
