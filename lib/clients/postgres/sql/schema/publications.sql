-- Publications, and the tables of the schemas that are in one (supabase_realtime is one).
select
    'publication' as kind,
    quote_ident(p.pubname) as name,
    concat_ws(', ', case when p.puballtables then 'all tables' end, case when p.pubinsert then 'insert' end,
              case when p.pubupdate then 'update' end, case when p.pubdelete then 'delete' end,
              case when p.pubtruncate then 'truncate' end, case when p.pubviaroot then 'via root' end) as definition
from pg_catalog.pg_publication p
union all
select
    'published_table',
    r.prrelid::regclass::text || ' in ' || quote_ident(p.pubname),
    concat_ws(' ', 'exists', pg_catalog.pg_get_expr(r.prqual, r.prrelid),
              (select '(' || string_agg(quote_ident(a.attname), ', ' order by a.attname) || ')'
               from pg_catalog.pg_attribute a
               where a.attrelid = r.prrelid and a.attnum = any (r.prattrs::int2[])))
from pg_catalog.pg_publication_rel r
join pg_catalog.pg_publication p on p.oid = r.prpubid
join pg_catalog.pg_class c on c.oid = r.prrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (%(schemas)s::text[])
union all
select 'published_schema', quote_ident(n.nspname) || ' in ' || quote_ident(p.pubname), 'exists'
from pg_catalog.pg_publication_namespace s
join pg_catalog.pg_publication p on p.oid = s.pnpubid
join pg_catalog.pg_namespace n on n.oid = s.pnnspid
where n.nspname = any (%(schemas)s::text[])
order by 1, 2
