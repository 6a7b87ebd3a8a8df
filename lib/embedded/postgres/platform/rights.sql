-- What hosted lets the role postgres do beside Postgres's own rules: manage the policies, and drop the triggers, of tables that
-- belong to the platform; make event triggers and publications of all tables. Run as supabase_admin, last.
-- On hosted the library supautils does it (supautils.policy_grants, supautils.drop_trigger_grants). Here event triggers lend
-- postgres the owners' rights while such a statement runs, in its own transaction, so nobody else ever sees them lent; and
-- look afterwards at which table it was. They are in pg_catalog, where neither dumps nor comparisons find them.
-- Source: https://github.com/supabase/supautils (policy_grants), and supautils.conf of https://github.com/supabase/postgres.

set allow_system_table_mods = on;

create function pg_catalog.platform_owners() returns name[] language sql immutable as $$
  select array['supabase_auth_admin', 'supabase_storage_admin', 'supabase_realtime_admin']::name[]
$$;

create function pg_catalog.platform_lend_ownership() returns event_trigger
language plpgsql security definer set search_path = pg_catalog as $$
declare
  owner name;
  lent name[] := '{}';
begin
  -- Only where one of these schemas is named: a membership is written for the whole server, and another transaction waits.
  if current_setting('is_superuser') = 'on' or current_query() !~* '\m(auth|storage|realtime)\M' then
    return;
  end if;
  foreach owner in array platform_owners() loop
    continue when exists (select from pg_auth_members m where m.roleid = owner::text::regrole and m.member = 'postgres'::regrole);
    execute format('grant %I to postgres', owner)
      || case when current_setting('server_version_num')::int >= 160000 then ' with inherit true, set false' else '' end;
    lent := lent || owner;
  end loop;
  perform set_config('platform.lent', array_to_string(lent, ' '), true);
end
$$;

create function pg_catalog.platform_return_ownership() returns event_trigger
language plpgsql security definer set search_path = pg_catalog as $$
declare
  owner name;
  place regclass;
begin
  foreach owner in array string_to_array(coalesce(current_setting('platform.lent', true), ''), ' ') loop
    execute format('revoke %I from postgres', owner);
  end loop;
  perform set_config('platform.lent', '', true);
  if current_setting('is_superuser') = 'on' then
    return;
  end if;
  for place in select p.polrelid from pg_event_trigger_ddl_commands() d join pg_policy p on p.oid = d.objid
               where d.classid = 'pg_policy'::regclass loop
    perform platform_refuse_table(place);
  end loop;
end
$$;

create function pg_catalog.platform_look_at_dropped() returns event_trigger
language plpgsql security definer set search_path = pg_catalog as $$
declare
  gone record;
begin
  if current_setting('is_superuser') = 'on' then
    return;
  end if;
  for gone in select d.address_names from pg_event_trigger_dropped_objects() d
              where d.original and d.object_type in ('policy', 'trigger') loop
    perform platform_refuse_table(to_regclass(format('%I.%I', gone.address_names[1], gone.address_names[2])));
  end loop;
end
$$;

-- The tables where the vendor's servers keep their own books are in neither list.
create function pg_catalog.platform_refuse_table(place regclass) returns void
language plpgsql set search_path = pg_catalog as $$
declare
  name name;
begin
  select c.relname into name from pg_class c
  where c.oid = place and pg_get_userbyid(c.relowner) = any (platform_owners()) and c.relname in ('schema_migrations', 'migrations');
  if found then
    raise exception 'must be owner of table %', name using errcode = '42501';
  end if;
end
$$;

-- In order of their names: the first is lent last, the second is given back first.
create event trigger "~platform_lend_ownership" on ddl_command_start
  when tag in ('CREATE POLICY', 'ALTER POLICY', 'DROP POLICY', 'DROP TRIGGER')
  execute function pg_catalog.platform_lend_ownership();
create event trigger " platform_look_at_dropped" on sql_drop
  when tag in ('DROP POLICY', 'DROP TRIGGER')
  execute function pg_catalog.platform_look_at_dropped();
create event trigger " platform_return_ownership" on ddl_command_end
  when tag in ('CREATE POLICY', 'ALTER POLICY', 'DROP POLICY', 'DROP TRIGGER')
  execute function pg_catalog.platform_return_ownership();

-- What only a superuser may make, and hosted lets postgres make. Postgres looks at the role before any event trigger is asked,
-- so the statement itself is spelled as a call of these: lib/clients/postgres/platform_statements.py. Nothing that is handed
-- over is run as a text. written: the statement as the project has it, kept for the history.
create function pg_catalog.platform_give_to_postgres(what text) returns void language plpgsql set search_path = pg_catalog as $$
begin
  -- Postgres wants a superuser as the owner of these. Another session never sees it: it is taken back at once.
  alter role postgres superuser;
  execute format('alter %s owner to postgres', what);
  alter role postgres nosuperuser;
end
$$;

create function pg_catalog.platform_create_event_trigger(
  name text, event text, tags text[], called regproc, written text
) returns void language plpgsql security definer set search_path = pg_catalog as $$
begin
  if current_setting('server_version_num')::int < 170000 then  -- before, nothing keeps them from running for a superuser
    raise exception 'the embedded platform makes event triggers of a project only from PostgreSQL 17 on' using errcode = '0A000';
  end if;
  if event = 'login' then  -- the next to log in may be one of this machine's own roles
    raise exception 'the embedded platform makes no event trigger on login' using errcode = '0A000';
  elsif event not in ('ddl_command_start', 'ddl_command_end', 'sql_drop', 'table_rewrite') then
    raise exception 'unrecognized event name "%"', event using errcode = '42601';
  end if;
  execute format(
    'create event trigger %I on %s %s execute function %s()', name, event,
    'when tag in (' || (select string_agg(quote_literal(tag), ', ') from unnest(tags) tag) || ')', called::regproc::text);
  perform platform_give_to_postgres(format('event trigger %I', name));
end
$$;

create function pg_catalog.platform_create_publication(
  name text, of_schemas text[], options jsonb, written text
) returns void language plpgsql security definer set search_path = pg_catalog as $$
begin
  execute format(
    'create publication %I for %s%s', name,
    coalesce('tables in schema ' || (select string_agg(quote_ident(one), ', ') from unnest(of_schemas) one), 'all tables'),
    ' with (' || (select string_agg(format('%I = %L', key, value), ', ') from jsonb_each_text(options)) || ')');
  perform platform_give_to_postgres(format('publication %I', name));
end
$$;

create function pg_catalog.platform_create_wrapper(name text, written text) returns void
language plpgsql security definer set search_path = pg_catalog as $$
begin
  -- Without its handler, which is code that nobody packages: a table of it can be made and not read.
  execute format('create foreign data wrapper %I', name);
  perform platform_give_to_postgres(format('foreign data wrapper %I', name));
end
$$;

-- Extensions belong to the platform's superuser on hosted, and postgres may alter, move and drop them all the same. A version
-- that is not here gives way to the one that is; pg_cron is put where it belongs, wherever it is asked for.
create function pg_catalog.platform_create_extension(
  name text, only_new boolean, place text, version text, cascades boolean, written text
) returns void language plpgsql as $$
begin
  execute pg_catalog.format(
    'create extension %s%I%s%s%s', case when only_new then 'if not exists ' else '' end, name,
    case when place is not null and name <> 'pg_cron' then pg_catalog.format(' with schema %I', place) else '' end,
    case when exists (select from pg_catalog.pg_available_extension_versions v
                      where v.name = $1 and v.version = $4) then pg_catalog.format(' version %L', version) else '' end,
    case when cascades then ' cascade' else '' end);
end
$$;

create function pg_catalog.platform_drop_extension(names text[], only_there boolean, cascades boolean, written text)
returns void language plpgsql security definer set search_path = pg_catalog as $$
begin
  if 'plpgsql' = any (names) then
    raise exception 'must be owner of extension plpgsql' using errcode = '42501';
  end if;
  execute format('drop extension %s%s%s', case when only_there then 'if exists ' else '' end,
                 (select string_agg(quote_ident(one), ', ') from unnest(names) one), case when cascades then ' cascade' else '' end);
end
$$;

create function pg_catalog.platform_alter_extension(name text, place text, updates boolean, written text)
returns void language plpgsql security definer set search_path = pg_catalog as $$
begin
  execute format('alter extension %I', name) || case when updates then ' update' else format(' set schema %I', place) end;
end
$$;

create function pg_catalog.platform_comment_extension(name text, said text, written text) returns void
language plpgsql security definer set search_path = pg_catalog as $$
begin
  execute format('comment on extension %I is %L', name, said);
end
$$;

create function pg_catalog.platform_refuse(message text, written text) returns void
language plpgsql set search_path = pg_catalog as $$
begin
  raise exception '%', message using errcode = '42501';
end
$$;

-- The script of an extension runs as the superuser, statement by statement, and a project's event triggers would run with it.
-- So they are paused while an extension is made or altered; supautils does not run them for superusers either.
create function pg_catalog.platform_pause_event_triggers() returns event_trigger
language plpgsql security definer set search_path = pg_catalog as $$
declare
  one record;
  paused jsonb := '{}';
begin
  for one in select e.evtname, e.evtenabled from pg_event_trigger e join pg_proc f on f.oid = e.evtfoid
             where f.pronamespace <> 'pg_catalog'::regnamespace and e.evtenabled <> 'D' loop
    execute format('alter event trigger %I disable', one.evtname);
    paused := paused || jsonb_build_object(one.evtname, one.evtenabled);
  end loop;
  if paused <> '{}' then
    perform set_config('platform.paused', paused::text, true);
  end if;
end
$$;

create function pg_catalog.platform_resume_event_triggers() returns event_trigger
language plpgsql security definer set search_path = pg_catalog as $$
declare
  one record;
begin
  for one in select key, value from jsonb_each_text(coalesce(nullif(current_setting('platform.paused', true), ''), '{}')::jsonb) loop
    execute format('alter event trigger %I enable%s', one.key, case one.value when 'R' then ' replica' when 'A' then ' always' else '' end);
  end loop;
  perform set_config('platform.paused', '', true);
end
$$;

create event trigger "~platform_pause_event_triggers" on ddl_command_start
  when tag in ('CREATE EXTENSION', 'ALTER EXTENSION')
  execute function pg_catalog.platform_pause_event_triggers();
create event trigger " platform_resume_event_triggers" on ddl_command_end
  when tag in ('CREATE EXTENSION', 'ALTER EXTENSION')
  execute function pg_catalog.platform_resume_event_triggers();

-- Nor do they run with the rights of the functions above.
do $$
declare
  one regprocedure;
begin
  for one in select p.oid from pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace and p.prosecdef
             and p.proname ~ '^platform_(create_(event_trigger|publication|wrapper)|drop_extension|alter_extension|comment_extension)$' loop
    execute format('alter function %s set %s', one, case when current_setting('server_version_num')::int >= 170000
                   then 'event_triggers = off' else 'session_replication_role = replica' end);
  end loop;
end
$$;

reset allow_system_table_mods;
