-- By what name a statement would use these extensions: their functions, types, tables and views, and (as types, which
-- stand alone too) their operator classes, languages and foreign data wrappers.
-- A function that Postgres has itself, under the same name, is left out.
select e.extname::text as extension, n.nspname::text as schema, p.proname::text as name, 'function' as kind
from pg_catalog.pg_depend d
join pg_catalog.pg_extension e on e.oid = d.refobjid
join pg_catalog.pg_proc p on p.oid = d.objid
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where d.refclassid = 'pg_catalog.pg_extension'::regclass and d.classid = 'pg_catalog.pg_proc'::regclass and d.deptype = 'e'
  and e.extname = any (cast(:names as text[]))
  and not exists (
      select from pg_catalog.pg_proc q where q.proname = p.proname and q.pronamespace = 'pg_catalog'::regnamespace)
union
select e.extname::text, n.nspname::text, t.typname::text,
       case when c.relkind is null or c.relkind = 'c' then 'type' else 'table' end
from pg_catalog.pg_depend d
join pg_catalog.pg_extension e on e.oid = d.refobjid
join pg_catalog.pg_type t on t.oid = d.objid
join pg_catalog.pg_namespace n on n.oid = t.typnamespace
left join pg_catalog.pg_class c on c.oid = t.typrelid
where d.refclassid = 'pg_catalog.pg_extension'::regclass and d.classid = 'pg_catalog.pg_type'::regclass and d.deptype = 'e'
  and e.extname = any (cast(:names as text[]))
union
select e.extname::text, n.nspname::text, c.relname::text, 'table'
from pg_catalog.pg_depend d
join pg_catalog.pg_extension e on e.oid = d.refobjid
join pg_catalog.pg_class c on c.oid = d.objid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where d.refclassid = 'pg_catalog.pg_extension'::regclass and d.classid = 'pg_catalog.pg_class'::regclass and d.deptype = 'e'
  and c.relkind in ('r', 'p', 'v', 'm', 'f') and e.extname = any (cast(:names as text[]))
union
select e.extname::text, '', coalesce(o.opcname, l.lanname, w.fdwname)::text, 'type'
from pg_catalog.pg_depend d
join pg_catalog.pg_extension e on e.oid = d.refobjid
left join pg_catalog.pg_opclass o on o.oid = d.objid and d.classid = 'pg_catalog.pg_opclass'::regclass
left join pg_catalog.pg_language l on l.oid = d.objid and d.classid = 'pg_catalog.pg_language'::regclass
left join pg_catalog.pg_foreign_data_wrapper w on w.oid = d.objid and d.classid = 'pg_catalog.pg_foreign_data_wrapper'::regclass
where d.refclassid = 'pg_catalog.pg_extension'::regclass and d.deptype = 'e' and e.extname = any (cast(:names as text[]))
  and coalesce(o.opcname, l.lanname, w.fdwname) is not null
order by 1, 2, 3
