-- The pack's tables, as SQL spells them.
select format('%I.%I', n.nspname, c.relname) as name
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (cast(:schemas as text[]))
  and c.relkind in ('r', 'p')
order by 1
