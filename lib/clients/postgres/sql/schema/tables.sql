-- Tables of every sort, and what holds for the table as a whole.
select
    case c.relkind when 'f' then 'foreign_table' else 'table' end as kind,
    c.oid::regclass::text as name,
    concat_ws(
        ', ',
        case c.relpersistence when 'u' then 'unlogged' else 'logged' end,
        case when c.relkind = 'p' then 'partition by ' || pg_catalog.pg_get_partkeydef(c.oid) end,
        case when c.relispartition then pg_catalog.pg_get_expr(c.relpartbound, c.oid) end,
        (select 'inherits ' || string_agg(i.inhparent::regclass::text, ', ' order by i.inhseqno)
         from pg_catalog.pg_inherits i where i.inhrelid = c.oid),
        (select 'of type ' || pg_catalog.format_type(c.reloftype, null) where c.reloftype <> 0),
        (select 'with ' || string_agg(o, ', ' order by o) from unnest(c.reloptions) o),
        case c.relreplident when 'd' then null when 'n' then 'replica identity nothing'
             when 'f' then 'replica identity full' else 'replica identity index' end
    ) as definition
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (%(schemas)s::text[])
  and c.relkind in ('r', 'p', 'f')
  and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by 1, 2
