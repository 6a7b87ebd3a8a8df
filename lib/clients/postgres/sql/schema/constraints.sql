-- Constraints of tables and domains, and whether a foreign key's own triggers were switched off. From 18 on a plain NOT NULL is one too: the column already says it.
select
    'constraint' as kind,
    quote_ident(o.conname) || ' on '
        || case when o.conrelid <> 0 then o.conrelid::regclass::text else o.contypid::regtype::text end as name,
    pg_catalog.pg_get_constraintdef(o.oid)
        || case when exists (
               select from pg_catalog.pg_trigger g where g.tgconstraint = o.oid and g.tgisinternal and g.tgenabled <> 'O')
           then ' (switched off)' else '' end
        || coalesce((
               select case when i.indisclustered then ' (clustered)' else '' end
                   || case when i.indisreplident then ' (replica identity)' else '' end
               from pg_catalog.pg_index i where i.indexrelid = o.conindid and o.contype in ('p', 'u', 'x')), '') as definition
from pg_catalog.pg_constraint o
join pg_catalog.pg_namespace n on n.oid = o.connamespace
where n.nspname = any (%(schemas)s::text[])
  and o.contype in ('c', 'f', 'p', 'u', 'x', 'n')
  and not (o.contype = 'n' and o.convalidated)
  and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = o.conrelid and d.deptype = 'e')
order by 1, 2
