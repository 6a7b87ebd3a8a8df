-- Indexes without a constraint; one left invalid by a failed CONCURRENTLY is marked.
select
    'index' as kind,
    c.oid::regclass::text as name,
    pg_catalog.pg_get_indexdef(c.oid)
        || case when i.indisvalid then '' else ' (invalid)' end
        || case when i.indisreplident then ' (replica identity)' else '' end
        || case when i.indisclustered then ' (clustered)' else '' end as definition
from pg_catalog.pg_index i
join pg_catalog.pg_class c on c.oid = i.indexrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (%(schemas)s::text[])
  and not exists (
      select from pg_catalog.pg_constraint o
      where o.conindid = c.oid and o.contype in ('p', 'u', 'x'))
  and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = i.indrelid and d.deptype = 'e')
order by 1, 2
