-- Rewrite rules other than the one that makes a view, and whether they apply.
select
    'rule' as kind,
    quote_ident(r.rulename) || ' on ' || c.oid::regclass::text as name,
    pg_catalog.pg_get_ruledef(r.oid)
        || case r.ev_enabled when 'O' then '' when 'D' then ' (disabled)' when 'R' then ' (on replica)'
                else ' (always)' end as definition
from pg_catalog.pg_rewrite r
join pg_catalog.pg_class c on c.oid = r.ev_class
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (%(schemas)s::text[])
  and r.rulename <> '_RETURN'
order by 1, 2
