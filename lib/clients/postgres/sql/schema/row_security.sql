-- Whether row level security is on, and whether it also binds the owner.
select
    'row_security' as kind,
    c.oid::regclass::text as name,
    case when c.relrowsecurity then 'enabled' else 'disabled' end
        || case when c.relforcerowsecurity then ', forced' else ', not forced' end as definition
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (%(schemas)s::text[])
  and c.relkind in ('r', 'p')
  and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by 1, 2
