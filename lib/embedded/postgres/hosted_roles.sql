-- The roles of a hosted Supabase project, once per server. Run as supabase_admin, the bootstrap superuser.
-- Source: the end state of the migrations in https://github.com/supabase/postgres (vendor facts 2.1).
-- Left out because their libraries are missing: safeupdate, which authenticator preloads, and supautils, which guards
-- the reserved roles; what supautils *allows* the role postgres is granted below.

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
create role supabase_realtime_admin nologin noinherit;
create role dashboard_user nologin createdb createrole replication;
create role pgbouncer login;

grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role to postgres with admin option;
grant authenticator to supabase_storage_admin;
grant supabase_auth_admin, supabase_storage_admin, supabase_functions_admin, supabase_realtime_admin to postgres;
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres;
do $$
begin
  if current_setting('server_version_num')::int >= 160000 then  -- the role is new in 16
    grant pg_create_subscription to postgres with admin option;
  end if;
end
$$;
grant pg_read_all_data to supabase_read_only_user;

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

-- supautils.privileged_role_allowed_configs
grant set on parameter auto_explain.log_min_duration, log_lock_waits, log_min_duration_statement,
  log_min_messages, log_statement, session_replication_role, track_functions, track_io_timing to postgres;
