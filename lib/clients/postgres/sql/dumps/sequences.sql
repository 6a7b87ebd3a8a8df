-- Every sequence of the schemas that may be read.
select n.nspname as schema, c.relname as name, s.seqincrement as increment
from pg_catalog.pg_sequence s
join pg_catalog.pg_class c on c.oid = s.seqrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (%(schemas)s)
  and has_schema_privilege(n.oid, 'usage')
  -- Asked of sequences only: the planner may ask it before it joins.
  and case when c.relkind = 'S' then has_sequence_privilege(c.oid, 'select') end
order by n.nspname, c.relname
