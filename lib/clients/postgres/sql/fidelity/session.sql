-- What these settings are in this very session; one that this version lacks has no row.
select asked.name, current_setting(asked.name, true) as value
from unnest(cast(:names as text[])) asked(name)
where current_setting(asked.name, true) is not null
order by 1
