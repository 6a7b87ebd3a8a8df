-- What default privileges will give on the next table, sequence or function: one row a maker, schema, kind and holder.
-- schema: '' for every schema. Left out are the makers' own rights. Binds: schemas text[] (exposed ones), roles text[].
select
  pg_catalog.pg_get_userbyid(d.defaclrole)::text as maker,
  coalesce(n.nspname::text, '') as schema,
  case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' end as kind,
  case when a.grantee = 0 then 'public' else pg_catalog.pg_get_userbyid(a.grantee)::text end as holder,
  string_agg(lower(a.privilege_type), ', ' order by a.privilege_type) as privileges
from pg_catalog.pg_default_acl d
left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace
cross join lateral pg_catalog.aclexplode(d.defaclacl) as a
where d.defaclobjtype in ('r', 'S', 'f')
  and (d.defaclnamespace = 0 or n.nspname = any (cast(:schemas as text[])))
  and (a.grantee = 0 or pg_catalog.pg_get_userbyid(a.grantee) = any (cast(:roles as text[])))
  -- Everybody may execute a new function anyhow, until it is revoked: what says so again opens nothing.
  and not (a.grantee = 0 and d.defaclobjtype = 'f')
group by d.defaclrole, n.nspname, d.defaclobjtype, a.grantee
order by 2, 3, 1, 4
