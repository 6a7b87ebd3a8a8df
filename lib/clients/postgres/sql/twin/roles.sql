-- Roles that objects may be owned by or granted to; the server's own are everywhere.
select r.rolname::text as name, r.rolinherit as inherits, r.rolbypassrls as bypasses_rls
from pg_catalog.pg_roles r
where r.rolname not like 'pg\_%'
order by 1
