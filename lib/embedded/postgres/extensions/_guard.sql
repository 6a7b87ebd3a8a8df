-- A trusted extension's script runs as the superuser, with its schema in the path. Whoever owns that schema could have put
-- functions or operators there that are preferred to Postgres's own, so nothing is run beside any.
do $$
begin
  if exists (
    select from pg_catalog.pg_proc mine join pg_catalog.pg_proc own on own.proname = mine.proname
    where own.pronamespace = 'pg_catalog'::regnamespace and mine.pronamespace <> own.pronamespace and mine.proowner <> 10
      and mine.pronamespace = (select oid from pg_catalog.pg_namespace where nspname = pg_catalog.current_schema())
  ) or exists (
    select from pg_catalog.pg_operator mine join pg_catalog.pg_operator own on own.oprname = mine.oprname
    where own.oprnamespace = 'pg_catalog'::regnamespace and mine.oprnamespace <> own.oprnamespace and mine.oprowner <> 10
      and mine.oprnamespace = (select oid from pg_catalog.pg_namespace where nspname = pg_catalog.current_schema())
  ) then
    raise exception using errcode = '55000',
      message = 'simulated: an extension is not created in a schema that has functions or operators named as PostgreSQL''s own',
      hint = 'Create it with schema extensions.';
  end if;
end
$$;

