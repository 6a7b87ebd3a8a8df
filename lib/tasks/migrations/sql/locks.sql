-- The locks of one backend on relations, and which of the others wait, with the backends that block them.
select
    l.pid,
    l.relation::bigint as oid,
    l.mode,
    l.granted,
    case when not l.granted then pg_catalog.pg_blocking_pids(l.pid) end as blockers
from pg_catalog.pg_locks l
where (l.pid = %(watched)s and l.granted and l.locktype = 'relation')
   or (l.pid = any (%(others)s) and not l.granted)
order by 1, 2, 3
