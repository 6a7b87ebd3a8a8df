-- Who owns each object.
with objects as (
    select 'schema ' || quote_ident(n.nspname) as name, n.nspowner as owner, n.nspname,
           'pg_catalog.pg_namespace'::regclass as class, n.oid
    from pg_catalog.pg_namespace n
    union all
    select case c.relkind when 'S' then 'sequence ' when 'v' then 'view ' when 'm' then 'materialized_view '
                when 'f' then 'foreign_table ' else 'table ' end || c.oid::regclass::text,
           c.relowner, n.nspname, 'pg_catalog.pg_class'::regclass, c.oid
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S')
    union all
    select 'function ' || p.oid::regprocedure::text, p.proowner, n.nspname, 'pg_catalog.pg_proc'::regclass, p.oid
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    union all
    select 'type ' || t.oid::regtype::text, t.typowner, n.nspname, 'pg_catalog.pg_type'::regclass, t.oid
    from pg_catalog.pg_type t
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    left join pg_catalog.pg_class c on c.oid = t.typrelid
    where t.typtype in ('e', 'd', 'r') or c.relkind = 'c'
)
select 'owner' as kind, o.name, pg_catalog.pg_get_userbyid(o.owner)::text as definition
from objects o
where o.nspname = any (%(schemas)s::text[])
  and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = o.class and d.objid = o.oid and d.deptype = 'e')
order by 1, 2
