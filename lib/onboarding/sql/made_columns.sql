-- One row a column of each table that rows may be made for, in order. Binds: schemas text[].
select
  format('%%I.%%I', n.nspname, c.relname) as display_name,
  a.attname as name,
  pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
  coalesce(nullif(base.oid, 0), t.oid)::regtype::text as base_type,
  coalesce(base.typcategory, t.typcategory) as category,
  coalesce(base.typelem, t.typelem)::regtype::text as element,
  (
    select array_agg(e.enumlabel::text order by e.enumsortorder) from pg_catalog.pg_enum e
    where e.enumtypid = coalesce(base.oid, t.oid)
  ) as labels,
  case when coalesce(base.oid, t.oid) in ('varchar'::regtype, 'bpchar'::regtype)
    then greatest(case when a.atttypmod > 0 then a.atttypmod else t.typtypmod end - 4, 0) else 0 end as longest,
  a.attnotnull or t.typnotnull as is_required,
  pg_catalog.pg_get_expr(d.adbin, d.adrelid) as default,
  a.attgenerated <> '' as is_generated,
  a.attidentity as identity,
  exists (
    select from pg_catalog.pg_index i where i.indrelid = c.oid and i.indisprimary and a.attnum = any (i.indkey::int2[])
  ) as is_primary,
  exists (
    select from pg_catalog.pg_index i where i.indrelid = c.oid and i.indisunique and a.attnum = any (i.indkey::int2[])
  ) as is_unique,
  case when t.typtype = 'd' then (
    select pg_catalog.pg_get_constraintdef(k.oid) from pg_catalog.pg_constraint k where k.contypid = t.oid limit 1
  ) end as domain_check,
  (
    select pg_catalog.pg_get_expr(part.relpartbound, part.oid)
    from pg_catalog.pg_partitioned_table pt
    join pg_catalog.pg_inherits i on i.inhparent = pt.partrelid
    join pg_catalog.pg_class part on part.oid = i.inhrelid
    where pt.partrelid = c.oid and a.attnum = any (pt.partattrs::int2[])
      and pg_catalog.pg_get_expr(part.relpartbound, part.oid) <> 'DEFAULT'
    order by part.relname limit 1
  ) as partition
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_catalog.pg_type t on t.oid = a.atttypid
left join pg_catalog.pg_type base on base.oid = nullif(t.typbasetype, 0)
left join pg_catalog.pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where (n.nspname = any (%(schemas)s::text[]) or (n.nspname = 'auth' and c.relname = 'users'))
  and c.relkind in ('r', 'p')
order by n.nspname, c.relname, a.attnum
