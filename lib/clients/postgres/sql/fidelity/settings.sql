-- What the sessions of each role start with in this database, and those of every role ('').
select role, name, value
from (
    select
        coalesce(r.rolname, '')::text as role,
        split_part(c.entry, '=', 1) as name,
        substr(c.entry, strpos(c.entry, '=') + 1) as value,
        row_number() over (partition by r.rolname, split_part(c.entry, '=', 1) order by s.setdatabase desc) as place
    from pg_catalog.pg_db_role_setting s
    left join pg_catalog.pg_roles r on r.oid = s.setrole
    cross join lateral unnest(s.setconfig) c(entry)
    where s.setdatabase in (0, (select d.oid from pg_catalog.pg_database d where d.datname = current_database()))
      and (s.setrole = 0 or r.oid is not null)
) found
where place = 1
order by 1, 2
