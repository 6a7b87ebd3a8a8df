-- The schemas asked for that exist, with their owners.
select n.nspname::text as name, pg_catalog.pg_get_userbyid(n.nspowner)::text as owner
from pg_catalog.pg_namespace n
where n.nspname = any (cast(:schemas as text[]))
order by 1
