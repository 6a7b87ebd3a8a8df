-- Functions, procedures and aggregates, by name and argument types.
select
    case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end as kind,
    p.oid::regprocedure::text as name,
    case when p.prokind = 'a'
        then (select concat_ws(' ', 'step', g.aggtransfn::regprocedure, 'state',
                               pg_catalog.format_type(g.aggtranstype, null), 'final', g.aggfinalfn::regproc,
                               'from', g.agginitval)
              from pg_catalog.pg_aggregate g where g.aggfnoid = p.oid)
        else pg_catalog.pg_get_functiondef(p.oid)
    end as definition
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where n.nspname = any (%(schemas)s::text[])
  and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
order by 1, 2
