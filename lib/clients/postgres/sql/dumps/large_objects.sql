-- Every large object with its owner, its rights, its length and a digest of its bytes; of one that this user may not read,
-- only that it is there. Its bytes are read a megabyte at a time.
select
    'large_object ' || m.oid as name,
    concat_ws(
        ', ',
        'owner ' || pg_get_userbyid(m.lomowner),
        (select 'rights ' || string_agg(x::text, ' ' order by x::text) from unnest(m.lomacl) x),
        case when pg_has_role(m.lomowner, 'usage') then (
            select concat(
                s.length, ' bytes ',
                (select md5(string_agg(md5(lo_get(m.oid, g * 1048576, 1048576)), '' order by g))
                 from generate_series(0, (s.length - 1) / 1048576) g))
            from (select lo_lseek64(lo_open(m.oid, 262144), 0, 2) as length offset 0) s)
        end
    ) as definition
from pg_catalog.pg_largeobject_metadata m
order by m.oid
