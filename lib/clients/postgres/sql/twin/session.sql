-- Who the launch is to the target, and what its sessions start with.
select
    current_user::text as role,
    pg_catalog.current_setting('search_path') as search_path,
    pg_catalog.current_setting('server_version_num')::int / 10000 as major
