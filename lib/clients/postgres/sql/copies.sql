-- Every COPY of a table that is under way in this database, with the rows it has copied so far.
select n.nspname || '.' || c.relname as label, sum(p.tuples_processed)::bigint as rows
from pg_catalog.pg_stat_progress_copy p
join pg_catalog.pg_class c on c.oid = p.relid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where p.datname = current_database() and p.tuples_processed is not null
group by 1
order by 1
