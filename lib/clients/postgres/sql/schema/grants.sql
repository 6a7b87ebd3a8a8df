-- The privileges of every role on each object: an access list that is not set is expanded to its default,
-- and `all` means every privilege of this server, so that versions with more privileges compare equal.
with objects as (
    select 'schema ' || quote_ident(n.nspname) as name, n.nspacl as acl, 'n'::"char" as sort, n.nspowner as owner,
           n.nspname, 'pg_catalog.pg_namespace'::regclass as class, n.oid
    from pg_catalog.pg_namespace n
    union all
    select case c.relkind when 'S' then 'sequence ' when 'v' then 'view ' when 'm' then 'materialized_view '
                when 'f' then 'foreign_table ' else 'table ' end || c.oid::regclass::text,
           c.relacl, case c.relkind when 'S' then 's'::"char" else 'r'::"char" end, c.relowner,
           n.nspname, 'pg_catalog.pg_class'::regclass, c.oid
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S')
    union all
    select 'column ' || c.oid::regclass::text || '.' || quote_ident(a.attname), a.attacl, 'c'::"char", c.relowner,
           n.nspname, 'pg_catalog.pg_class'::regclass, c.oid
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_class c on c.oid = a.attrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where a.attacl is not null and a.attnum > 0 and not a.attisdropped
    union all
    select 'function ' || p.oid::regprocedure::text, p.proacl, 'f'::"char", p.proowner,
           n.nspname, 'pg_catalog.pg_proc'::regclass, p.oid
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    union all
    select 'type ' || t.oid::regtype::text, t.typacl, 'T'::"char", t.typowner,
           n.nspname, 'pg_catalog.pg_type'::regclass, t.oid
    from pg_catalog.pg_type t
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    left join pg_catalog.pg_class c on c.oid = t.typrelid
    where t.typtype in ('e', 'd', 'r') or c.relkind = 'c'
),
granted as (
    select o.name, o.sort, o.owner, x.grantee,
           array_agg(x.privilege_type || case when x.is_grantable then ' with grant option' else '' end
                     order by x.privilege_type) as privileges
    from objects o,
         pg_catalog.aclexplode(coalesce(o.acl, pg_catalog.acldefault(o.sort, o.owner))) x
    where o.nspname = any (%(schemas)s::text[])
      and not exists (
          select from pg_catalog.pg_depend d
          where d.classid = o.class and d.objid = o.oid and d.deptype = 'e')
    group by o.name, o.sort, o.owner, x.grantee
)
select
    'grant' as kind,
    g.name || ' to ' || case when g.grantee = 0 then 'public' else quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) end as name,
    case when g.privileges = (
            select array_agg(x.privilege_type order by x.privilege_type)
            from pg_catalog.aclexplode(pg_catalog.acldefault(g.sort, g.owner)) x
            where x.grantee = g.owner)
        then 'all'
        else lower(array_to_string(g.privileges, ', '))
    end as definition
from granted g
order by 1, 2
