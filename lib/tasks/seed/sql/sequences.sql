-- Every column of the schemas' tables that is unique by itself and draws its values from a sequence.
-- A bind: schemas.
with drawn (relation, attnum, sequence) as (
  -- An identity owns its sequence; a default of nextval() reads one, whoever owns it. One after the other: joined by either of
  -- two conditions, every column would be held against all that depends on a table.
  select a.attrelid, a.attnum, d.objid
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_class'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass
    and d.refobjid = a.attrelid and d.refobjsubid = a.attnum and d.deptype = 'i'
  where a.attidentity <> ''
  union
  select f.adrelid, f.adnum, d.refobjid
  from pg_catalog.pg_attrdef f
  join pg_catalog.pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum and a.attidentity = ''
  join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = f.oid
    and d.refclassid = 'pg_catalog.pg_class'::regclass
)
select distinct
  n.nspname as schema,
  c.relname as name,
  a.attname as column_name,
  a.attname || ' (' || quote_ident(sn.nspname) || '.' || quote_ident(s.relname) || ')' as constraint_name,
  sn.nspname as sequence_schema,
  s.relname as sequence_name,
  q.seqincrement as step
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join drawn on drawn.relation = c.oid and drawn.attnum = a.attnum
join pg_catalog.pg_class s on s.relkind = 'S' and s.oid = drawn.sequence
join pg_catalog.pg_namespace sn on sn.oid = s.relnamespace
join pg_catalog.pg_sequence q on q.seqrelid = s.oid
where c.relkind in ('r', 'p')
  and not c.relispartition
  and n.nspname = any (%(schemas)s)
  and case when s.relkind = 'S' then pg_catalog.has_sequence_privilege(s.oid, 'select') end
  and exists (
    select from pg_catalog.pg_index i
    where i.indrelid = c.oid and i.indisunique and i.indnkeyatts = 1 and i.indkey[0] = a.attnum and i.indpred is null
  )
order by schema, name, column_name
