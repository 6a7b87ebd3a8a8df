-- The columns of tables that hold rows of their own and may be written, with what another value of them looks like.
select
    c.oid::regclass::text as table_name,
    quote_ident(a.attname) as column_name,
    format_type(a.atttypid, null) as type_name,
    not a.attnotnull as may_be_null,
    exists (
        select from pg_catalog.pg_index i
        where i.indrelid = c.oid and i.indisunique and a.attnum = any (i.indkey::smallint[])
    ) as is_unique
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (%(schemas)s)
  and c.relkind = 'r'
  and a.attnum > 0
  and not a.attisdropped
  and a.attgenerated = ''
  and a.attidentity <> 'a'
order by 1, a.attnum
