-- Views and materialized views, with their options (security_invoker is one) and columns' names.
select
    case c.relkind when 'm' then 'materialized_view' else 'view' end as kind,
    c.oid::regclass::text as name,
    concat_ws(
        ' ',
        (select 'with (' || string_agg(o, ', ' order by o) || ')' from unnest(c.reloptions) o),
        '(' || (select string_agg(quote_ident(a.attname) || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod), ', '
                                  order by a.attnum)
                from pg_catalog.pg_attribute a
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) || ')',
        'as' || pg_catalog.pg_get_viewdef(c.oid)
    ) as definition
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (%(schemas)s::text[])
  and c.relkind in ('v', 'm')
  and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by 1, 2
