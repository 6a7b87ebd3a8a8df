-- Default privileges that hold in every schema, as statements that make them again. The first ones take back
-- what Postgres gives by itself, because a stored list replaces it.
select s.statement
from (
    select 1 as step, format('alter default privileges for role %I revoke all on %s from public, %I',
                             pg_get_userbyid(d.defaclrole), k.name, pg_get_userbyid(d.defaclrole)) as statement
    from pg_catalog.pg_default_acl d
    cross join lateral (select case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
                               when 'T' then 'types' when 'n' then 'schemas' end as name) k
    where d.defaclnamespace = 0 and k.name is not null
    union all
    select 2, format('alter default privileges for role %I grant %s on %s to %s%s',
                     pg_get_userbyid(d.defaclrole), lower(string_agg(a.privilege_type, ', ' order by a.privilege_type)), k.name,
                     case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end,
                     case when a.is_grantable then ' with grant option' else '' end)
    from pg_catalog.pg_default_acl d
    cross join lateral (select case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
                               when 'T' then 'types' when 'n' then 'schemas' end as name) k
    cross join lateral pg_catalog.aclexplode(d.defaclacl) a
    where d.defaclnamespace = 0 and k.name is not null
    group by d.oid, d.defaclrole, k.name, a.grantee, a.is_grantable
) s
order by s.step, s.statement
