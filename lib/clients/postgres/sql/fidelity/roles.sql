-- Every role but Postgres's own and the one that fills twins, with the attributes that decide what it may do.
select
    r.rolname::text as name,
    r.rolsuper as superuser,
    r.rolinherit as inherit,
    r.rolcreaterole as createrole,
    r.rolcreatedb as createdb,
    r.rolreplication as replication,
    r.rolbypassrls as bypassrls
from pg_catalog.pg_roles r
where r.rolname not like 'pg\_%' and r.rolname <> 'launch_readiness_worker'
order by 1
