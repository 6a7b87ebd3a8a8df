-- One row a function or procedure of the exposed schemas: who of the roles may execute it, and what a call of it needs.
-- Functions of triggers can't be called, and those of extensions are the extension's. Binds: schemas text[], roles text[].
with typed as (
  select
    p.oid as function,
    given.place,
    coalesce(given.name, '') as name,
    case
      when tn.nspname = 'pg_catalog' then pg_catalog.format_type(t.oid, null)
      when t.typcategory = 'A' then format('%I.%I[]', en.nspname, e.typname)
      else format('%I.%I', tn.nspname, t.typname)
    end as spelled,
    format('%I.%I', tn.nspname, t.typname) as cast,
    coalesce(e.typname, b.typname, t.typname) as base,
    t.typcategory::text as category,
    (
      select coalesce(jsonb_agg(l.enumlabel order by l.enumsortorder), '[]')
      from pg_catalog.pg_enum l where l.enumtypid in (t.oid, t.typbasetype, t.typelem)
    ) as labels,
    case when c.relkind in ('r', 'p') then format('%I.%I', tn.nspname, c.relname) end as relation
  from pg_catalog.pg_proc p
  cross join lateral (
    select row_number() over (order by one.at) as place, one.name, one.type
    from unnest(
      coalesce(p.proallargtypes, p.proargtypes::oid[]), p.proargmodes::text[], p.proargnames
    ) with ordinality as one (type, mode, name, at)
    -- A call of a procedure names its results, too.
    where one.type is not null and (p.prokind = 'p' or one.mode is null or one.mode in ('i', 'b', 'v'))
  ) as given
  join pg_catalog.pg_type t on t.oid = given.type
  join pg_catalog.pg_namespace tn on tn.oid = t.typnamespace
  left join pg_catalog.pg_type b on b.oid = t.typbasetype
  left join pg_catalog.pg_type e on e.oid = t.typelem and t.typcategory = 'A'
  left join pg_catalog.pg_namespace en on en.oid = e.typnamespace
  left join pg_catalog.pg_class c on c.oid = t.typrelid
)
select
  format('%I.%I(%s)', n.nspname, p.proname, (
    select string_agg(typed.spelled, ', ' order by typed.place) from typed where typed.function = p.oid
  )) as display_name,
  format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)) as long_name,
  n.nspname as schema,
  p.proname as name,
  case p.prokind when 'p' then 'procedure' else 'function' end as kind,
  p.prosecdef as is_definer,
  p.prorettype = 'pg_catalog.void'::regtype or p.prokind = 'p' as is_silent,
  p.pronargdefaults as defaults,
  coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc) as source,
  (
    select coalesce(jsonb_agg(jsonb_build_object(
      'name', typed.name, 'type', typed.cast, 'base', typed.base, 'category', typed.category, 'labels', typed.labels,
      'table', typed.relation, 'is_variadic', p.provariadic <> 0 and typed.place = p.pronargs
    ) order by typed.place), '[]')
    from typed where typed.function = p.oid
  ) as params,
  array(
    select r.rolname::text from pg_catalog.pg_roles r
    where r.rolname = any (cast(:roles as text[]))
      and pg_catalog.has_function_privilege(r.oid, p.oid, 'execute') and pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage')
    order by r.rolname
  ) as roles
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where n.nspname = any (cast(:schemas as text[]))
  and p.prokind in ('f', 'p')
  and p.prorettype not in ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype, 'pg_catalog.internal'::regtype)
  and not exists (
    select from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
  )
order by n.nspname, p.proname, display_name
