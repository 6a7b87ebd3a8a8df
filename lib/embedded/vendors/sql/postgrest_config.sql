-- What the database itself says of its API: the settings of `authenticator`, those of this database before those of all.
select
  max(chosen.value) filter (where chosen.name = 'pgrst.db_schemas') as schemas,
  max(chosen.value) filter (where chosen.name = 'pgrst.db_pre_request') as pre_request
from (
  select distinct on (said.name) said.name, said.value
  from pg_catalog.pg_db_role_setting as settings
  cross join lateral unnest(settings.setconfig) as entry (text)
  cross join lateral (select split_part(entry.text, '=', 1), substr(entry.text, strpos(entry.text, '=') + 1)) as said (name, value)
  where settings.setrole = 'authenticator'::regrole
    and settings.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
  order by said.name, settings.setdatabase desc
) as chosen;
