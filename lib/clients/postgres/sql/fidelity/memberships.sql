-- Which role is a member of which, whoever granted it. The options are columns from 16 on; before it a member
-- inherits by its own attribute, and may always become the role.
select
    r.rolname::text as role,
    m.rolname::text as member,
    bool_or(a.admin_option) as admin,
    bool_or(coalesce((to_jsonb(a) ->> 'inherit_option')::boolean, m.rolinherit)) as inherit,
    bool_or(coalesce((to_jsonb(a) ->> 'set_option')::boolean, true)) as set
from pg_catalog.pg_auth_members a
join pg_catalog.pg_roles r on r.oid = a.roleid
join pg_catalog.pg_roles m on m.oid = a.member
where m.rolname not like 'pg\_%' and m.rolname <> 'launch_readiness_worker'
group by 1, 2
order by 1, 2
