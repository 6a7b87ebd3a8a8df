-- The columns of one table or view, as a schema cache knows them; no row where there is none of that name.
select array_agg(attribute.attname::text order by attribute.attnum) as columns
from pg_catalog.pg_class as relation
join pg_catalog.pg_namespace as namespace on namespace.oid = relation.relnamespace
join pg_catalog.pg_attribute as attribute on attribute.attrelid = relation.oid
where namespace.nspname = %s and relation.relname = %s and relation.relkind in ('r', 'p', 'v', 'm', 'f')
  and attribute.attnum > 0 and not attribute.attisdropped
group by relation.oid;
