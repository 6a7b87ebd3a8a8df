-- The text of each function of the schemas: what it calls is not recorded anywhere else.
select p.oid::regprocedure::text as name, p.prosrc as body
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where n.nspname = any (cast(:schemas as text[]))
  and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
order by 1
