-- Every policy of these schemas: its table, command, roles and clauses as the server spells them, one row a policy.
-- Binds: schemas text[].
select
  format('%I.%I', p.schemaname, p.tablename) as display_name,
  p.policyname as name,
  p.cmd as command,
  cast(p.roles as text[]) as roles,
  p.permissive = 'PERMISSIVE' as is_permissive,
  p.qual as "using",
  p.with_check as "check"
from pg_catalog.pg_policies p
where p.schemaname = any (cast(:schemas as text[]))
order by p.schemaname, p.tablename, p.policyname
