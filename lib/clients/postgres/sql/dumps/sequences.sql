-- Every sequence of the schemas that may be read, with its state. Each is a relation of its own, and one query that named
-- thousands would be deeper than the server's stack: query_to_xml reads them one by one, in the same round trip.
select n.nspname as schema, c.relname as name, s.seqincrement as increment,
  substring(state.row from '<last_value>(-?[0-9]+)</last_value>')::bigint as last_value,
  state.row like '%%<is_called>true</is_called>%%' as is_called
from pg_catalog.pg_sequence s
join pg_catalog.pg_class c on c.oid = s.seqrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
cross join lateral (
  -- Asked of sequences only: the planner may ask it before it joins.
  select case when c.relkind = 'S' and has_schema_privilege(n.oid, 'usage') and has_sequence_privilege(c.oid, 'select')
    then query_to_xml(format('select last_value, is_called from %%I.%%I', n.nspname, c.relname), false, true, '')::text
  end as row
) as state
where n.nspname = any (%(schemas)s) and state.row is not null
order by n.nspname, c.relname
