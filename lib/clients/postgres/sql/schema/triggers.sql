-- Triggers, and whether they fire; also ours that sit on a table outside the schemas (auth.users).
select
    'trigger' as kind,
    quote_ident(g.tgname) || ' on ' || c.oid::regclass::text as name,
    pg_catalog.pg_get_triggerdef(g.oid)
        || case g.tgenabled when 'O' then '' when 'D' then ' (disabled)' when 'R' then ' (on replica)'
                else ' (always)' end as definition
from pg_catalog.pg_trigger g
join pg_catalog.pg_class c on c.oid = g.tgrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_proc p on p.oid = g.tgfoid
join pg_catalog.pg_namespace f on f.oid = p.pronamespace
where (n.nspname = any (%(schemas)s::text[]) or f.nspname = any (%(schemas)s::text[]))
  and not g.tgisinternal
order by 1, 2
