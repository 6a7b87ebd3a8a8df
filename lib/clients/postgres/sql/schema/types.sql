-- Types made by hand: enums with their labels in order, domains, ranges, composites.
select
    case t.typtype when 'e' then 'enum' when 'd' then 'domain' when 'r' then 'range' else 'composite_type' end as kind,
    t.oid::regtype::text as name,
    case t.typtype
        when 'e' then (select string_agg(quote_literal(l.enumlabel), ', ' order by l.enumsortorder)
                       from pg_catalog.pg_enum l where l.enumtypid = t.oid)
        when 'd' then concat_ws(' ', pg_catalog.format_type(t.typbasetype, t.typtypmod),
                                case when t.typnotnull then 'not null' end, 'default ' || t.typdefault)
        when 'r' then (select pg_catalog.format_type(r.rngsubtype, null)
                       from pg_catalog.pg_range r where r.rngtypid = t.oid)
        else 'exists'
    end as definition
from pg_catalog.pg_type t
join pg_catalog.pg_namespace n on n.oid = t.typnamespace
left join pg_catalog.pg_class c on c.oid = t.typrelid
where n.nspname = any (%(schemas)s::text[])
  and (t.typtype in ('e', 'd', 'r') or c.relkind = 'c')
  and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_type'::regclass and d.objid = t.oid and d.deptype = 'e')
order by 1, 2
