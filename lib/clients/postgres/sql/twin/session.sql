-- Who the launch is to the target, and whether what it makes in public is open to the API roles at once.
select
    current_user::text as role,
    (select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user) as superuser,
    exists (
        select
        from pg_catalog.pg_default_acl d
        cross join lateral pg_catalog.aclexplode(d.defaclacl) a
        join pg_catalog.pg_roles g on g.oid = a.grantee
        join pg_catalog.pg_roles o on o.oid = d.defaclrole
        where d.defaclnamespace = 'public'::regnamespace and d.defaclobjtype = 'r' and a.privilege_type = 'SELECT'
          and g.rolname = 'anon' and o.rolname = current_user
    ) as exposes_tables
