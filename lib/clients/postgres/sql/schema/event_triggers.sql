-- Event triggers of the database.
select
    'event_trigger' as kind,
    quote_ident(e.evtname) as name,
    concat_ws(' ', 'on', e.evtevent, 'execute', e.evtfoid::regproc, array_to_string(e.evttags, ', '),
              case e.evtenabled when 'O' then '' else '(' || e.evtenabled::text || ')' end) as definition
from pg_catalog.pg_event_trigger e
order by 1, 2
