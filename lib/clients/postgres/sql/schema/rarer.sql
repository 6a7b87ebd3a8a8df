-- What few projects make: collations, operators, casts, and what text search goes by.
select 'collation' as kind, quote_ident(n.nspname) || '.' || quote_ident(c.collname) as name,
       concat_ws(' ', c.collprovider::text,
                 coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale', c.collcollate),
                 case when not c.collisdeterministic then 'not deterministic' end) as definition
from pg_catalog.pg_collation c
join pg_catalog.pg_namespace n on n.oid = c.collnamespace
where n.nspname = any (%(schemas)s::text[])
  and not exists (select from pg_catalog.pg_depend d
                  where d.classid = 'pg_catalog.pg_collation'::regclass and d.objid = c.oid and d.deptype = 'e')
union all
select 'operator', o.oid::regoperator::text, concat_ws(' ', o.oprcode::regprocedure, o.oprrest::regproc, o.oprjoin::regproc)
from pg_catalog.pg_operator o
join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
where n.nspname = any (%(schemas)s::text[])
  and not exists (select from pg_catalog.pg_depend d
                  where d.classid = 'pg_catalog.pg_operator'::regclass and d.objid = o.oid and d.deptype = 'e')
union all
select 'cast', c.castsource::regtype || ' as ' || c.casttarget::regtype,
       concat_ws(' ', c.castcontext::text, c.castmethod::text, nullif(c.castfunc, 0)::regprocedure)
from pg_catalog.pg_cast c
where exists (
      select from pg_catalog.pg_type t
      join pg_catalog.pg_namespace n on n.oid = t.typnamespace
      where t.oid in (c.castsource, c.casttarget) and n.nspname = any (%(schemas)s::text[]))
  and not exists (select from pg_catalog.pg_depend d
                  where d.classid = 'pg_catalog.pg_cast'::regclass and d.objid = c.oid and d.deptype = 'e')
union all
select 'text_search_configuration', g.oid::regconfig::text,
       (select string_agg(m.maptokentype || ' ' || m.mapdict::regdictionary, ', ' order by m.maptokentype, m.mapseqno)
        from pg_catalog.pg_ts_config_map m where m.mapcfg = g.oid)
from pg_catalog.pg_ts_config g
join pg_catalog.pg_namespace n on n.oid = g.cfgnamespace
where n.nspname = any (%(schemas)s::text[])
  and not exists (select from pg_catalog.pg_depend d
                  where d.classid = 'pg_catalog.pg_ts_config'::regclass and d.objid = g.oid and d.deptype = 'e')
union all
select 'text_search_dictionary', t.oid::regdictionary::text, concat_ws(' ', t.dicttemplate, t.dictinitoption)
from pg_catalog.pg_ts_dict t
join pg_catalog.pg_namespace n on n.oid = t.dictnamespace
where n.nspname = any (%(schemas)s::text[])
  and not exists (select from pg_catalog.pg_depend d
                  where d.classid = 'pg_catalog.pg_ts_dict'::regclass and d.objid = t.oid and d.deptype = 'e')
order by 1, 2
