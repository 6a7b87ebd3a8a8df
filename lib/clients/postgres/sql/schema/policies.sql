-- Row level security policies, whole: verb, roles, both expressions.
select
    'policy' as kind,
    quote_ident(p.polname) || ' on ' || c.oid::regclass::text as name,
    concat_ws(
        ' ',
        case when p.polpermissive then 'permissive' else 'restrictive' end,
        'for',
        case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
             when 'd' then 'delete' else 'all' end,
        'to',
        (select string_agg(case when r = 0 then 'public' else quote_ident(pg_catalog.pg_get_userbyid(r)) end, ', '
                           order by case when r = 0 then 'public' else pg_catalog.pg_get_userbyid(r) end)
         from unnest(p.polroles) r),
        'using ' || pg_catalog.pg_get_expr(p.polqual, p.polrelid),
        'with check ' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
    ) as definition
from pg_catalog.pg_policy p
join pg_catalog.pg_class c on c.oid = p.polrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (%(schemas)s::text[])
order by 1, 2
