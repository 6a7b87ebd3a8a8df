-- The roles of a hosted Supabase project, once per server. Run as supabase_admin, the bootstrap superuser.
-- Source: the end state of the migrations in https://github.com/supabase/postgres (vendor facts 2.1).
-- Left out because their libraries are missing: safeupdate, which authenticator preloads, and supautils. What supautils allows
-- the role postgres is granted below and in rights.sql; what it refuses, see lib/clients/postgres/platform_statements.py.

create role postgres login createdb createrole replication bypassrls;

create role anon nologin inherit;
create role authenticated nologin inherit;
create role service_role nologin inherit bypassrls;
create role authenticator login noinherit;

create role supabase_auth_admin login noinherit createrole;
create role supabase_storage_admin login noinherit createrole;
create role supabase_functions_admin login noinherit createrole;
create role supabase_replication_admin login replication;
create role supabase_read_only_user login bypassrls;
create role supabase_realtime_admin login noinherit createrole replication;
create role supabase_etl_admin login replication;
create role dashboard_user nologin createdb createrole replication;
create role pgbouncer login;

grant anon, authenticated, service_role to authenticator;
grant authenticator to supabase_storage_admin;
grant anon, authenticated, service_role, pg_monitor, pg_read_all_data, pg_signal_backend to postgres with admin option;
do $$
begin
  if current_setting('server_version_num')::int >= 160000 then  -- before, who may create roles may also grant and alter them
    grant authenticator to postgres with admin option;
    grant pg_create_subscription to postgres;
  end if;
end
$$;
grant pg_read_all_data to supabase_read_only_user, supabase_etl_admin;
grant pg_monitor to supabase_read_only_user;

-- supautils.reserved_memberships: before 16 whoever may create roles may also grant these, and so become one that reaches
-- the server's files and programs. Nobody but a superuser may grant a superuser.
update pg_catalog.pg_authid set rolsuper = true
where rolname in ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
  and current_setting('server_version_num')::int < 160000;

alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
alter role postgres set search_path = "$user", public, extensions;
alter role supabase_admin set search_path = "$user", public, auth, extensions;
alter role supabase_auth_admin set search_path = auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout = '60s';
alter role supabase_storage_admin set search_path = storage;
alter role supabase_functions_admin set search_path = supabase_functions;
alter role supabase_realtime_admin set search_path = realtime;

-- supautils.privileged_role_allowed_configs; each pgrst setting by its name, for Postgres knows no pattern here.
-- Source of their names: https://docs.postgrest.org/en/stable/references/configuration.html
grant set on parameter auto_explain.log_min_duration, auto_explain.log_nested_statements, log_lock_waits,
  log_min_duration_statement, log_min_messages, log_statement, session_replication_role, track_functions, track_io_timing,
  wal_compression, pg_net.batch_size, pg_net.ttl, plan_filter.statement_cost_limit, safeupdate.enabled,
  pgaudit.log, pgaudit.log_catalog, pgaudit.log_client, pgaudit.log_level, pgaudit.log_relation, pgaudit.log_rows,
  pgaudit.log_statement, pgaudit.log_statement_once, pgaudit.role,
  pgrst.db_aggregates_enabled, pgrst.db_anon_role, pgrst.db_config, pgrst.db_extra_search_path, pgrst.db_hoisted_tx_settings,
  pgrst.db_max_rows, pgrst.db_plan_enabled, pgrst.db_pool, pgrst.db_pool_acquisition_timeout, pgrst.db_pre_config,
  pgrst.db_pre_request, pgrst.db_prepared_statements, pgrst.db_root_spec, pgrst.db_schema, pgrst.db_schemas,
  pgrst.db_timezone_enabled, pgrst.db_tx_end, pgrst.jwt_aud, pgrst.jwt_cache_max_entries, pgrst.jwt_cache_max_lifetime,
  pgrst.jwt_role_claim_key, pgrst.jwt_schema_claim_key, pgrst.jwt_secret, pgrst.jwt_secret_is_base64, pgrst.log_level,
  pgrst.log_query, pgrst.openapi_mode, pgrst.openapi_security_active, pgrst.openapi_server_proxy_uri,
  pgrst.raw_media_types, pgrst.server_cors_allowed_origins, pgrst.server_timing_enabled, pgrst.server_trace_header
  to postgres;

-- A project's event triggers never run with a superuser's rights; supautils skips them for superusers, too.
do $$
begin
  if current_setting('server_version_num')::int >= 170000 then
    alter role supabase_admin set event_triggers = off;
  end if;
end
$$;
