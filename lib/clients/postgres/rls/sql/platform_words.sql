-- What the policies on a table of the platform speak of. One row: texts (the strings in their conditions), buckets (those that
-- a bucket's id is compared with), and columns (of the project's own tables, as SQL spells table and column). Binds: place text.
with conditions as (
  select concat_ws(' ', pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)) as said
  from pg_catalog.pg_policy p
  where p.polrelid = pg_catalog.to_regclass(:place)
)
select
  array(
    select distinct replace(found[1], '''''', '''')
    from conditions, pg_catalog.regexp_matches(said, '''((?:[^'']|'''')*)''', 'g') as found
    order by 1
  ) as texts,
  array(
    select distinct replace(found[1], '''''', '''')
    from conditions, pg_catalog.regexp_matches(said, 'bucket_id\)?(?:::text)? (?:=|<>) (?\:ANY \(+ARRAY\[)?([^])]*)', 'g') as compared,
      pg_catalog.regexp_matches(compared[1], '''((?:[^'']|'''')*)''', 'g') as found
    order by 1
  ) as buckets,
  array(
    select distinct array[format('%I.%I', n.nspname, c.relname), quote_ident(a.attname)]
    from pg_catalog.pg_policy p
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_policy'::regclass and d.objid = p.oid
      and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjsubid > 0
    join pg_catalog.pg_class c on c.oid = d.refobjid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
    join pg_catalog.pg_type t on t.oid = a.atttypid
    where p.polrelid = pg_catalog.to_regclass(:place) and c.relkind in ('r', 'p')
      and n.nspname not in ('auth', 'realtime', 'storage') and (t.typcategory in ('S', 'N') or t.typname = 'uuid')
    order by 1
  )::text[] as columns
order by 1
