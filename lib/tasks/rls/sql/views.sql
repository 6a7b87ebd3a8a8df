-- Views of the exposed schemas, and whether the policies of their tables apply to the reader: one row a view.
-- A materialized view stores its rows, and a foreign table has no policies, so they are safe only when no role under policies
-- can read them. A view that reads another one with its owner's rights passes its rows on, and a rule writes with its owner's.
-- Binds: schemas text[], roles text[].
with recursive readable as (
  select c.oid, c.relkind, c.relnamespace, coalesce(
    (select o.option_value::boolean from pg_catalog.pg_options_to_table(c.reloptions) o where o.option_name = 'security_invoker'),
    false
  ) as is_invoker
  from pg_catalog.pg_class c
  where c.relkind in ('v', 'm', 'f')
    and c.relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
), reads as (
  select distinct w.ev_class as reader, d.refobjid as source
  from pg_catalog.pg_rewrite w
  join pg_catalog.pg_depend d
    on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_catalog.pg_class'::regclass
  where d.refobjid <> w.ev_class
), passed (top, source) as (
  select r.oid, r.oid from readable r where r.relkind = 'v' and r.is_invoker
  union
  select p.top, s.source
  from passed p
  join readable r on r.oid = p.source and r.relkind = 'v' and r.is_invoker
  join reads s on s.reader = p.source
)
select
  n.nspname as schema,
  format('%I.%I', n.nspname, c.relname) as display_name,
  case
    when c.relkind = 'm' then 'materialized view'
    when c.relkind = 'f' then 'foreign table'
    when inner_view.name is not null then 'outer view'
    when writers.names <> '' then 'view with a rule'
    else 'view'
  end as kind,
  case
    when c.relkind in ('m', 'f') then readers.names = ''
    else inner_view.name is null and writers.names = '' and coalesce(
      (select o.option_value::boolean from pg_catalog.pg_options_to_table(c.reloptions) o where o.option_name = 'security_invoker'),
      false
    )
  end as is_safe,
  coalesce(inner_view.name, nullif(writers.names, ''), readers.names) as fact
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
cross join lateral (
  select coalesce(string_agg(r.rolname, ', ' order by r.rolname), '') as names
  from pg_catalog.pg_roles r
  where r.rolname = any (cast(:roles as text[])) and not r.rolbypassrls and not r.rolsuper
    and pg_catalog.has_any_column_privilege(r.oid, c.oid, 'select')
) as readers
left join lateral (
  select min(r.oid::regclass::text) as name
  from passed p
  join readable r on r.oid = p.source and not (r.relkind = 'v' and r.is_invoker)
  join pg_catalog.pg_namespace at on at.oid = r.relnamespace
  where p.top = c.oid and not at.nspname = any (cast(:schemas as text[])) and exists (
    select from pg_catalog.pg_roles who
    where who.rolname = any (cast(:roles as text[])) and not who.rolbypassrls and not who.rolsuper
      and pg_catalog.has_any_column_privilege(who.oid, c.oid, 'select')
      and pg_catalog.has_any_column_privilege(who.oid, r.oid, 'select')
  )
) as inner_view on true
cross join lateral (
  select coalesce(string_agg(r.rolname, ', ' order by r.rolname), '') as names
  from pg_catalog.pg_roles r
  where c.relkind = 'v' and r.rolname = any (cast(:roles as text[])) and not r.rolbypassrls and not r.rolsuper
    and exists (
      select from pg_catalog.pg_rewrite w
      where w.ev_class = c.oid and w.ev_type <> '1' and pg_catalog.has_table_privilege(
        r.oid, c.oid, case w.ev_type when '2' then 'update' when '3' then 'insert' else 'delete' end
      )
    )
) as writers
where n.nspname = any (cast(:schemas as text[]))
  and c.relkind in ('v', 'm', 'f')
  and not exists (
    select from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
order by n.nspname, c.relname
