-- Statements that revoke every default privilege of the schemas, so that only those of a dump remain.
select format(
    'alter default privileges for role %%I in schema %%I revoke all on %%s from %%s',
    pg_get_userbyid(d.defaclrole),
    n.nspname,
    case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' end,
    case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end
) as statement
from pg_catalog.pg_default_acl d
join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace
cross join lateral (select distinct grantee from aclexplode(d.defaclacl)) a
where n.nspname = any (%(schemas)s) and d.defaclobjtype in ('r', 'S', 'f', 'T')
order by statement
