-- One row a policy of the project's schemas, its expressions spelled with every name qualified by the caller's empty path.
-- Binds: schemas text[].
select
  format('%%I.%%I', n.nspname, c.relname) as display_name,
  p.polname as name,
  case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else '*' end as verb,
  p.polpermissive as is_permissive,
  (
    select array_agg(case when holder.oid = 0 then 'public' else pg_catalog.pg_get_userbyid(holder.oid)::text end order by 1)
    from unnest(p.polroles) as holder (oid)
  ) as roles,
  pg_catalog.pg_get_expr(p.polqual, p.polrelid, true) as reaches,
  pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid, true) as keeps
from pg_catalog.pg_policy p
join pg_catalog.pg_class c on c.oid = p.polrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (%(schemas)s::text[])
order by n.nspname, c.relname, p.polname
