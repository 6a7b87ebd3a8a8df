-- Statements that revoke the grants of roles other than the owner on the schemas themselves.
select format('revoke all on schema %%I from %%I', n.nspname, pg_get_userbyid(a.grantee)) as statement
from pg_catalog.pg_namespace n
cross join lateral (select distinct grantee from aclexplode(n.nspacl)) a
where n.nspname = any (%(schemas)s) and a.grantee not in (0, n.nspowner)
order by statement
