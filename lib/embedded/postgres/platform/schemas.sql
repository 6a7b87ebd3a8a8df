-- The schemas of a hosted Supabase project on its first day, and what is in the small ones. Run as supabase_admin, after
-- roles.sql, in an empty database; then auth.sql, storage.sql, realtime.sql, webhooks.sql and rights.sql.
-- Source: the end state of the migrations in https://github.com/supabase/postgres, and the roles, owners and rights that its
-- own tests expect (nix/tests/expected).

create schema auth;
create schema storage;
create schema extensions authorization postgres;
create schema realtime;
create schema vault;
create schema graphql;
create schema graphql_public;
create schema pgbouncer authorization pgbouncer;

grant usage on schema public, auth, storage, extensions, realtime, graphql_public, graphql
  to postgres, anon, authenticated, service_role;
grant usage on schema auth, storage, realtime, graphql, graphql_public to postgres with grant option;
grant usage on schema vault to postgres with grant option;
grant usage on schema vault to service_role;
grant all on schema extensions, auth, storage to dashboard_user;
grant all on schema auth to supabase_auth_admin;
grant all on schema storage to supabase_storage_admin with grant option;
grant all on schema realtime to supabase_realtime_admin with grant option;

-- ---------------------------------------------------------------- extensions
create extension "uuid-ossp" with schema extensions;
create extension pgcrypto with schema extensions;
create extension pg_stat_statements with schema extensions;
create extension supabase_vault with schema vault;

-- ---------------------------------------------------------------- graphql_public
-- What stands there while pg_graphql is not created.
create function graphql_public.graphql(
  "operationName" text default null, query text default null, variables jsonb default null, extensions jsonb default null
) returns jsonb language sql as $$
  select jsonb_build_object('errors', jsonb_build_array(jsonb_build_object('message', 'pg_graphql extension is not enabled.')))
$$;

-- ---------------------------------------------------------------- pgbouncer
create function pgbouncer.get_auth(p_usename text) returns table (username text, password text)
language sql security definer set search_path = '' as $$
  select r.rolname::text, case when r.rolvaliduntil < now() then null else r.rolpassword end
  from pg_catalog.pg_authid r
  where r.rolname = p_usename and r.rolcanlogin
$$;
revoke all on function pgbouncer.get_auth(text) from public;
grant execute on function pgbouncer.get_auth(text) to pgbouncer, postgres;

-- ---------------------------------------------------------------- default privileges
-- Classic: whatever postgres or supabase_admin makes in public is open to the API roles, and RLS is the only gate.
do $$
declare
  maker text;
  kind text;
begin
  foreach kind in array array['tables', 'functions', 'sequences'] loop
    foreach maker in array array['postgres', 'supabase_admin'] loop
      execute format('alter default privileges for role %I in schema public grant all on %s to postgres, anon, '
                     'authenticated, service_role', maker, kind);
    end loop;
    execute format('alter default privileges for role postgres in schema storage grant all on %s to postgres, anon, '
                   'authenticated, service_role', kind);
    execute format('alter default privileges for role supabase_admin in schema graphql grant all on %s to postgres, anon, '
                   'authenticated, service_role', kind);
    execute format('alter default privileges for role supabase_admin in schema graphql_public grant all on %s to postgres, '
                   'anon, authenticated, service_role', kind);
    execute format('alter default privileges for role supabase_auth_admin in schema auth grant all on %s to postgres, '
                   'dashboard_user', kind);
    execute format('alter default privileges for role supabase_admin in schema realtime grant all on %s to postgres, '
                   'dashboard_user', kind);
    execute format('alter default privileges for role supabase_admin in schema extensions grant all on %s to postgres '
                   'with grant option', kind);
  end loop;
end
$$;
grant execute on function graphql_public.graphql(text, text, jsonb, jsonb) to postgres, anon, authenticated, service_role;
