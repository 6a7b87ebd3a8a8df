-- One row a policy on the platform's tables of storage and realtime.
select
  format('%I.%I', n.nspname, c.relname) as display_name,
  p.polname::text as name,
  case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end as verb,
  exists (
    select from unnest(p.polroles) as holder (oid)
    where holder.oid = 0 or pg_catalog.pg_has_role('anon', holder.oid, 'usage')
  ) as is_for_anon,
  coalesce(pg_catalog.pg_get_expr(coalesce(p.polqual, p.polwithcheck), p.polrelid), 'true') as condition
from pg_catalog.pg_policy p
join pg_catalog.pg_class c on c.oid = p.polrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('storage', 'realtime') and p.polpermissive
order by n.nspname, c.relname, p.polname
