-- Who holds the workbook's lock on this database. A bigint key is kept in two halves.
select
    l.pid,
    coalesce(nullif(a.application_name, ''), 'unnamed') as application,
    a.backend_start at time zone 'UTC' as since
from pg_catalog.pg_locks l
join pg_catalog.pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory'
  and l.granted
  and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
  and l.classid::bigint = :high
  and l.objid::bigint = :low
  and l.objsubid = 1
order by 1
