-- Roles that the restorer is not a member of yet: none that is a superuser, reaches this machine's files, or is Postgres's own.
select
  role.rolname as name
from pg_catalog.pg_roles role
where not role.rolsuper
  and role.rolname <> %(restorer)s
  and role.rolname !~ '^pg_'
  and not exists (
    select
    from pg_catalog.pg_auth_members membership
    join pg_catalog.pg_roles member on member.oid = membership.member
    where membership.roleid = role.oid
      and member.rolname = %(restorer)s
  )
order by role.rolname;
