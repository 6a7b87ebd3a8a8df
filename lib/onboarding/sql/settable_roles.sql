-- Of these roles, those that exist, and whether this session may act as them. Binds: roles text[].
select r.rolname::text as name,
  case when current_setting('server_version_num')::int >= 160000
    then pg_catalog.pg_has_role(current_user, r.oid, 'SET') else pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER') end
  as is_settable
from pg_catalog.pg_roles r
where r.rolname = any (cast(:roles as text[]))
order by r.rolname
