-- Every schema but Postgres's own, in order.
select nspname as name
from pg_catalog.pg_namespace
where nspname !~ '^pg_' and nspname <> 'information_schema'
order by nspname
