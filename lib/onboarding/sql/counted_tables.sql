-- The tables of these schemas, as SQL spells them; a partition counts with its parent. Binds: schemas text[].
select format('%I.%I', n.nspname, c.relname) as name
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (cast(:schemas as text[])) and c.relkind in ('r', 'p') and not c.relispartition
order by name
