-- The tables in which a project left rows: its own, the users and the buckets. Binds: platform text[].
select format('%I.%I', n.nspname, c.relname) as name
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm') and pg_catalog.pg_relation_size(c.oid) > 0
  and n.nspname not like 'pg\_%'
  and (n.nspname <> all (cast(:platform as text[])) or (n.nspname, c.relname) in (('auth', 'users'), ('storage', 'buckets')))
order by name
