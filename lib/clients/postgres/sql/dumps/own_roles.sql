-- The roles that are neither Postgres's own nor the platform's.
select r.rolname as name
from pg_catalog.pg_roles r
where r.rolname !~ '^(pg_|supabase_|launch_readiness_)'
  and r.rolname not in ('postgres', 'anon', 'authenticated', 'service_role', 'authenticator', 'dashboard_user', 'pgbouncer',
                        'pgsodium_keyholder', 'pgsodium_keyiduser', 'pgsodium_keymaker', 'pgtle_admin', 'cli_login_postgres')
  and not r.rolsuper
order by r.rolname
