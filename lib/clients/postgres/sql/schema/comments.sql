-- Comments on everything in the schemas. Of the five thousand on Postgres's own objects only those on schemas are looked at:
-- identifying each of the others took a third of all that reading a schema takes, and none of them is in such a schema.
-- Their numbers are below 16384. Source: src/include/access/transam.h, FirstNormalObjectId.
select
    'comment' as kind,
    i.type || ' ' || i.identity as name,
    d.description as definition
from pg_catalog.pg_description d,
     lateral pg_catalog.pg_identify_object(d.classoid, d.objoid, d.objsubid) i
where (d.objoid >= 16384 or d.classoid = 'pg_catalog.pg_namespace'::regclass)
  and (i.schema = any (%(schemas)s::text[])
   or (i.type = 'schema' and i.name = any (select quote_ident(s) from unnest(%(schemas)s::text[]) s))
   or (i.schema is null and d.classoid in (
           'pg_catalog.pg_policy'::regclass, 'pg_catalog.pg_trigger'::regclass, 'pg_catalog.pg_constraint'::regclass)
       and exists (select from unnest(%(schemas)s::text[]) s where i.identity like '%% on ' || quote_ident(s) || '.%%')))
order by 1, 2
