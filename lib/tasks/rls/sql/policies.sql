-- Tables that have policies, outside the schemas of the system and the vendor, and whether row level security is
-- on: one row a table. Binds: managed text[].
select
  n.nspname as schema,
  format('%I.%I', n.nspname, c.relname) as display_name,
  'table' as kind,
  c.relrowsecurity as is_safe,
  string_agg(p.polname, ', ' order by p.polname) as fact
from pg_catalog.pg_policy p
join pg_catalog.pg_class c on c.oid = p.polrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname <> all (cast(:managed as text[]))
group by n.nspname, c.relname, c.relrowsecurity
order by n.nspname, c.relname
