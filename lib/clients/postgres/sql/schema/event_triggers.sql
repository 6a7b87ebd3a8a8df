-- Event triggers of the project: those whose function is neither Postgres's own nor the platform's.
select
    'event_trigger' as kind,
    quote_ident(e.evtname) as name,
    concat_ws(' ', 'on', e.evtevent, 'execute', e.evtfoid::regproc, array_to_string(e.evttags, ', '),
              case e.evtenabled when 'O' then '' else '(' || e.evtenabled::text || ')' end) as definition
from pg_catalog.pg_event_trigger e
join pg_catalog.pg_proc f on f.oid = e.evtfoid
join pg_catalog.pg_namespace n on n.oid = f.pronamespace
where n.nspname not in ('pg_catalog', 'extensions', 'graphql', 'pgsodium', 'pgtle')
order by 1, 2
