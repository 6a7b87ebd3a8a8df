-- What objects made later will be granted: for the schemas, and for the whole database.
select
    'default_privileges' as kind,
    concat_ws(' ', case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
                        when 'T' then 'types' when 'n' then 'schemas' else 'large objects' end,
              'by', quote_ident(pg_catalog.pg_get_userbyid(d.defaclrole)),
              'in', coalesce(quote_ident(n.nspname), 'any schema'),
              'to', case when x.grantee = 0 then 'public' else quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) end) as name,
    case when array_agg(x.privilege_type order by x.privilege_type) = (
            select array_agg(y.privilege_type order by y.privilege_type)
            from pg_catalog.aclexplode(pg_catalog.acldefault(
                case d.defaclobjtype when 'S' then 's'::"char" else d.defaclobjtype end, d.defaclrole)) y
            where y.grantee = d.defaclrole)
        then 'all'
        else lower(string_agg(x.privilege_type, ', ' order by x.privilege_type))
    end as definition
from pg_catalog.pg_default_acl d
left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace,
     lateral pg_catalog.aclexplode(d.defaclacl) x
where n.nspname is null or n.nspname = any (%(schemas)s::text[])
group by d.oid, d.defaclobjtype, d.defaclrole, n.nspname, x.grantee
order by 1, 2
