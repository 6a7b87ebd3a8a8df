-- Comments on everything in the schemas.
select
    'comment' as kind,
    i.type || ' ' || i.identity as name,
    d.description as definition
from pg_catalog.pg_description d,
     lateral pg_catalog.pg_identify_object(d.classoid, d.objoid, d.objsubid) i
where i.schema = any (%(schemas)s::text[])
   or (i.type = 'schema' and i.name = any (select quote_ident(s) from unnest(%(schemas)s::text[]) s))
   or (i.schema is null and d.classoid in (
           'pg_catalog.pg_policy'::regclass, 'pg_catalog.pg_trigger'::regclass, 'pg_catalog.pg_constraint'::regclass)
       and exists (select from unnest(%(schemas)s::text[]) s where i.identity like '%% on ' || quote_ident(s) || '.%%'))
order by 1, 2
