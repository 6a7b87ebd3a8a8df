-- Every extension that can be created on this server.
select name from pg_catalog.pg_available_extensions order by name
