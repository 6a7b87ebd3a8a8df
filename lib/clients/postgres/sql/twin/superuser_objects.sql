-- Functions, tables and views of these schemas that a superuser owns, but for those of extensions, and what gives each away.
with owned as (
  select
    'function ' || function.oid::regprocedure::text as name,
    format('alter routine %s owner to ', function.oid::regprocedure) as statement,
    function.proowner as owner,
    function.pronamespace as schema_id,
    function.oid as object_id,
    'pg_catalog.pg_proc'::regclass as class_id
  from pg_catalog.pg_proc function
  union all
  select
    'table ' || relation.oid::regclass::text,
    format('alter table %s owner to ', relation.oid::regclass),
    relation.relowner,
    relation.relnamespace,
    relation.oid,
    'pg_catalog.pg_class'::regclass
  from pg_catalog.pg_class relation
  where relation.relkind in ('r', 'p', 'v', 'm')
)
select
  owned.name,
  owned.statement
from owned
join pg_catalog.pg_namespace space on space.oid = owned.schema_id
join pg_catalog.pg_roles role on role.oid = owned.owner
where role.rolsuper
  and space.nspname = any(:schemas)
  and not exists (
    select
    from pg_catalog.pg_depend dependency
    where dependency.classid = owned.class_id
      and dependency.objid = owned.object_id
      and dependency.deptype = 'e'
  )
order by owned.name;
