-- Every table of the schemas, partitions and partitioned parents alike, with what digesting it needs.
-- Views, foreign tables and materialized views hold no rows of their own and are left out, and so are the
-- tables of extensions, which come with them.
select
    n.nspname as schema,
    c.relname as name,
    c.relkind::text as kind,
    has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as readable,
    array(
        select a.attname
        from pg_catalog.pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        order by a.attnum
    )::text[] as columns,
    array(
        select format_type(a.atttypid, a.atttypmod)
        from pg_catalog.pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        order by a.attnum
    )::text[] as types,
    array(
        select a.attname
        from pg_catalog.pg_index i
        cross join lateral unnest(i.indkey::smallint[]) with ordinality as k (attnum, place)
        join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
        where i.indrelid = c.oid and i.indisprimary and k.place <= i.indnkeyatts
        order by k.place
    )::text[] as key,
    array(
        select ancestor.relid::bigint
        from pg_catalog.pg_partition_ancestors(c.oid) as ancestor (relid)
        where ancestor.relid <> c.oid
        order by ancestor.relid
    ) as ancestors,
    c.oid::bigint as oid,
    case when c.relkind = 'r' then coalesce(pg_table_size(c.oid), 0) else 0 end as bytes,
    -- Blocks of the table itself; those of other access methods than heap may not be numbered alike.
    case when c.relkind = 'r' and am.amname = 'heap'
      then coalesce(pg_relation_size(c.oid) / current_setting('block_size')::bigint, 0) else 0 end as blocks
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_am am on am.oid = c.relam
where c.relkind in ('r', 'p')
  and n.nspname = any (%(schemas)s)
  and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
order by n.nspname, c.relname
