-- Nothing is sampled: the views have their columns and no row.

create function pg_wait_sampling_get_current(
  pid integer, out pid integer, out event_type text, out event text, out queryid bigint
) returns setof record language sql as $$ select null::integer, null::text, null::text, null::bigint where false $$;
create function pg_wait_sampling_get_history(
  out pid integer, out ts timestamptz, out event_type text, out event text, out queryid bigint
) returns setof record language sql as $$
  select null::integer, null::timestamptz, null::text, null::text, null::bigint where false
$$;
create function pg_wait_sampling_get_profile(
  out pid integer, out event_type text, out event text, out queryid bigint, out count bigint
) returns setof record language sql as $$
  select null::integer, null::text, null::text, null::bigint, null::bigint where false
$$;
create function pg_wait_sampling_reset_profile() returns void language sql as $$ select $$;

create view pg_wait_sampling_current as select * from pg_wait_sampling_get_current(null::integer);
create view pg_wait_sampling_history as select * from pg_wait_sampling_get_history();
create view pg_wait_sampling_profile as select * from pg_wait_sampling_get_profile();
grant select on pg_wait_sampling_current, pg_wait_sampling_history, pg_wait_sampling_profile to public;
revoke all on function pg_wait_sampling_reset_profile() from public;
grant execute on function pg_wait_sampling_reset_profile() to postgres with grant option;
