-- Nothing is measured: the view has its columns and no row.

create function pg_stat_monitor_reset() returns void language sql parallel safe as $$ select $$;
create function pg_stat_monitor_version() returns text language sql parallel safe as $$ select '2.1.0'::text $$;
create function get_histogram_timings() returns text language sql parallel safe as $$ select ''::text $$;
create function range() returns text[] language sql begin atomic select string_to_array(get_histogram_timings(), ','); end;
create function get_cmd_type(cmd_type integer) returns text language sql parallel safe as $$
  select ('{"",SELECT,UPDATE,INSERT,DELETE,UTILITY,NOTHING}'::text[])[cmd_type + 1]
$$;
create function decode_error_level(elevel integer) returns text language sql parallel safe as $$
  select case elevel when 0 then '' else ('{DEBUG5,DEBUG4,DEBUG3,DEBUG2,DEBUG1,LOG,LOG_SERVER_ONLY,INFO,NOTICE,WARNING,ERROR}'::text[])[elevel - 9] end
$$;
create function histogram(_bucket integer, _quryid bigint) returns setof record language sql as $$
  select null::text, null::integer, null::text where false
$$;

create view pg_stat_monitor as
select null::bigint as bucket, null::timestamptz as bucket_start_time, null::oid as userid, null::text as username,
  null::oid as dbid, null::text as datname, null::inet as client_ip, null::bigint as pgsm_query_id, null::bigint as queryid,
  null::boolean as toplevel, null::bigint as top_queryid, null::text as query, null::text as comments, null::bigint as planid,
  null::text as query_plan, null::text as top_query, null::text as application_name, null::text[] as relations,
  null::integer as cmd_type, null::text as cmd_type_text, null::integer as elevel, null::text as sqlcode, null::text as message,
  null::bigint as calls, null::float8 as total_exec_time, null::float8 as min_exec_time, null::float8 as max_exec_time,
  null::float8 as mean_exec_time, null::float8 as stddev_exec_time, null::bigint as rows, null::bigint as shared_blks_hit,
  null::bigint as shared_blks_read, null::bigint as shared_blks_dirtied, null::bigint as shared_blks_written,
  null::bigint as local_blks_hit, null::bigint as local_blks_read, null::bigint as local_blks_dirtied,
  null::bigint as local_blks_written, null::bigint as temp_blks_read, null::bigint as temp_blks_written,
  null::float8 as shared_blk_read_time, null::float8 as shared_blk_write_time, null::float8 as local_blk_read_time,
  null::float8 as local_blk_write_time, null::float8 as temp_blk_read_time, null::float8 as temp_blk_write_time,
  null::text[] as resp_calls, null::float8 as cpu_user_time, null::float8 as cpu_sys_time, null::bigint as wal_records,
  null::bigint as wal_fpi, null::numeric as wal_bytes, null::boolean as bucket_done, null::bigint as plans,
  null::float8 as total_plan_time, null::float8 as min_plan_time, null::float8 as max_plan_time, null::float8 as mean_plan_time,
  null::float8 as stddev_plan_time, null::bigint as jit_functions, null::float8 as jit_generation_time,
  null::bigint as jit_inlining_count, null::float8 as jit_inlining_time, null::bigint as jit_optimization_count,
  null::float8 as jit_optimization_time, null::bigint as jit_emission_count, null::float8 as jit_emission_time,
  null::bigint as jit_deform_count, null::float8 as jit_deform_time, null::timestamptz as stats_since,
  null::timestamptz as minmax_stats_since
where false;

grant select on pg_stat_monitor to public;
revoke all on function pg_stat_monitor_reset() from public;
