-- Every role but Postgres's own: owners and grantees of what is dumped are among them.
select rolname as name from pg_catalog.pg_roles where rolname !~ '^pg_' order by rolname
