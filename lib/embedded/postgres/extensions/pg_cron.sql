-- Jobs are checked and noted as pg_cron does, and none ever runs: cron.job_run_details stays empty.
-- A job belongs to whoever calls; nobody but the superuser may write the tables, so each function hands the caller's
-- name to an inner one that may. Only roles with usage on the schema reach either.

create schema cron;
create sequence cron.jobid_seq;
create sequence cron.runid_seq;

create table cron.job (
  jobid bigint primary key default nextval('cron.jobid_seq'),
  schedule text not null,
  command text not null,
  nodename text not null default 'localhost',
  nodeport integer not null default inet_server_port(),
  database text not null default current_database(),
  username text not null default current_user,
  active boolean not null default true,
  jobname text,
  constraint jobname_username_uniq unique (jobname, username)
);
alter table cron.job enable row level security;
create policy cron_job_policy on cron.job using (username = current_user);

create table cron.job_run_details (
  jobid bigint,
  runid bigint primary key default nextval('cron.runid_seq'),
  job_pid integer,
  database text,
  username text,
  command text,
  status text,
  return_message text,
  start_time timestamptz,
  end_time timestamptz
);
alter table cron.job_run_details enable row level security;
create policy cron_job_run_details_policy on cron.job_run_details using (username = current_user);

create function cron.job_cache_invalidate() returns trigger language plpgsql as $$ begin return null; end $$;
create trigger cron_job_cache_invalidate after insert or update or delete or truncate on cron.job
  for each statement execute function cron.job_cache_invalidate();

-- One of the five fields: numbers or names, ranges, steps of a range or of everything, as a list.
create function cron._stand_in_is_field(field text, low integer, high integer, names text[]) returns boolean
language plpgsql immutable as $$
declare
  part text;
  word text;
  found text[];
begin
  foreach part in array string_to_array(field, ',') loop
    if part ~ '^\*' then
      if part !~ '^\*(/0*[1-9][0-9]*)?([^/[:alnum:]].*)?$' then
        return false;
      end if;
      continue;
    end if;
    found := regexp_match(part, '^([[:alnum:]]+)(?:-([[:alnum:]]+)(?:/0*[1-9][0-9]*)?)?(?:[^-/[:alnum:]].*)?$');
    if found is null then
      return false;
    end if;
    foreach word in array found loop
      if word is null then
        continue;
      elsif word ~ '^[0-9]{1,9}$' then
        if word::integer not between low and high then
          return false;
        end if;
      elsif lower(word) <> all (names) then
        return false;
      end if;
    end loop;
  end loop;
  return true;
end
$$;

create function cron._stand_in_is_schedule(schedule text) returns boolean language plpgsql immutable as $$
declare
  field text[] := regexp_split_to_array(btrim(schedule, E' \t\n'), '[ \t]+');
begin
  if lower(schedule) ~ '^\s*[0-9]+\s*seconds?\s*$' then
    return substring(schedule from '[0-9]+')::numeric between 1 and 59;
  elsif schedule ~ '^\s*@' then
    return field[1] in ('@reboot', '@restart', '@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly');
  end if;
  return cardinality(field) >= 5
    and cron._stand_in_is_field(field[1], 0, 59, '{}')
    and cron._stand_in_is_field(field[2], 0, 23, '{}')
    and (field[3] = '$' or cron._stand_in_is_field(field[3], 1, 31, '{}'))
    and cron._stand_in_is_field(field[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}')
    and cron._stand_in_is_field(field[5], 0, 7, '{sun,mon,tue,wed,thu,fri,sat}');
end
$$;

create function cron._stand_in_check(schedule text, database text, caller name, username text) returns void
language plpgsql as $$
declare
  runner name := coalesce(username, caller);
begin
  if not cron._stand_in_is_schedule(schedule) then
    raise exception using errcode = '22023', message = format('invalid schedule: %s', schedule),
      hint = 'Use cron format (e.g. 5 4 * * *), or interval format ''[1-59] seconds''';
  elsif username is not null and not (select rolsuper from pg_roles where rolname = caller) then
    raise exception 'must be superuser to create a job for another role';
  elsif not exists (select from pg_roles where rolname = runner) then
    raise exception 'role "%" does not exist', runner;
  elsif username is not null and not (select rolcanlogin from pg_roles where rolname = runner) then
    raise exception using message = format('role "%s" can not log in', runner),
      detail = 'Jobs may only be run by roles that have the LOGIN attribute.';
  elsif not has_database_privilege(runner, database, 'connect') then
    raise exception 'User % does not have CONNECT privilege on %', runner, database;
  end if;
end
$$;

create function cron._stand_in_store(
  job_name text, schedule text, command text, database text, caller name, username text, active boolean
) returns bigint language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  stored bigint;
begin
  if schedule is null then
    raise exception 'schedule can not be NULL';
  elsif command is null then
    raise exception 'command can not be NULL';
  end if;
  perform cron._stand_in_check(schedule, database, caller, username);
  insert into cron.job as j (jobname, schedule, command, nodeport, database, username, active)
  values (job_name, schedule, command, current_setting('port')::integer, database, coalesce(username, caller), active)
  on conflict on constraint jobname_username_uniq
    do update set schedule = excluded.schedule, command = excluded.command, database = excluded.database
  returning j.jobid into stored;
  return stored;
end
$$;

create function cron.schedule(schedule text, command text) returns bigint language sql strict as $$
  select cron._stand_in_store(null, schedule, command, current_database(), current_user, null, true)
$$;
comment on function cron.schedule(text, text) is 'schedule a pg_cron job';

create function cron.schedule(job_name text, schedule text, command text) returns bigint language plpgsql as $$
begin
  if job_name is null then
    raise exception 'job_name can not be NULL';
  end if;
  return cron._stand_in_store(job_name, schedule, command, current_database(), current_user, null, true);
end
$$;
comment on function cron.schedule(text, text, text) is 'schedule a pg_cron job';

create function cron.schedule_in_database(
  job_name text, schedule text, command text, database text, username text default null, active boolean default true
) returns bigint language plpgsql as $$
begin
  if job_name is null then
    raise exception 'job_name can not be NULL';
  end if;
  return cron._stand_in_store(job_name, schedule, command, coalesce(database, current_database()), current_user, username,
    coalesce(active, true));
end
$$;
comment on function cron.schedule_in_database(text, text, text, text, text, boolean) is 'schedule a pg_cron job';

create function cron._stand_in_unschedule(job_id bigint, job_name text, caller name) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  job cron.job;
begin
  select * into job from cron.job j where j.jobid = job_id or (j.jobname = job_name and j.username = caller);
  if not found then
    raise exception 'could not find valid entry for job %', coalesce(job_id::text, quote_literal(job_name));
  elsif job.username <> caller and not has_table_privilege(caller, 'cron.job', 'delete') then
    raise exception using errcode = '42501', message = 'permission denied for table job';
  end if;
  delete from cron.job j where j.jobid = job.jobid;
  return true;
end
$$;

create function cron.unschedule(job_id bigint) returns boolean language sql strict as $$
  select cron._stand_in_unschedule(job_id, null, current_user)
$$;
comment on function cron.unschedule(bigint) is 'unschedule a pg_cron job';
create function cron.unschedule(job_name text) returns boolean language sql strict as $$
  select cron._stand_in_unschedule(null, job_name, current_user)
$$;
comment on function cron.unschedule(text) is 'unschedule a pg_cron job';

create function cron._stand_in_alter(
  job_id bigint, schedule text, command text, database text, caller name, username text, active boolean
) returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  job cron.job;
begin
  select * into job from cron.job j where j.jobid = job_id
    and (j.username = caller or (select rolsuper from pg_roles where rolname = caller));
  if not found then
    raise exception 'Job % does not exist or you don''t own it', job_id;
  elsif username is not null and not (select rolsuper from pg_roles where rolname = caller) then
    raise exception 'must be superuser to alter username';
  end if;
  perform cron._stand_in_check(coalesce(schedule, job.schedule), coalesce(database, job.database), caller, username);
  update cron.job j set
    schedule = coalesce(_stand_in_alter.schedule, j.schedule), command = coalesce(_stand_in_alter.command, j.command),
    database = coalesce(_stand_in_alter.database, j.database), username = coalesce(_stand_in_alter.username, j.username),
    active = coalesce(_stand_in_alter.active, j.active)
  where j.jobid = job_id;
end
$$;

create function cron.alter_job(
  job_id bigint, schedule text default null, command text default null, database text default null,
  username text default null, active boolean default null
) returns void language plpgsql as $$
begin
  if job_id is null then
    raise exception 'job_id can not be NULL';
  end if;
  perform cron._stand_in_alter(job_id, schedule, command, database, current_user, username, active);
end
$$;
comment on function cron.alter_job(bigint, text, text, text, text, boolean)
  is 'Alter the job identified by job_id. Any option left as NULL will not be modified.';

revoke all on function cron.alter_job, cron.schedule_in_database from public;
grant select on cron.job, cron.job_run_details, cron.jobid_seq, cron.runid_seq to public;
grant delete on cron.job_run_details to public;

grant usage on schema cron to postgres with grant option;
grant all on all functions in schema cron to postgres with grant option;
grant all on all tables in schema cron to postgres with grant option;
revoke all on cron.job from postgres;
grant select on cron.job to postgres with grant option;
revoke trigger on cron.job_run_details from postgres;

select pg_catalog.pg_extension_config_dump('cron.job', '');
select pg_catalog.pg_extension_config_dump('cron.jobid_seq', '');
select pg_catalog.pg_extension_config_dump('cron.job_run_details', '');
select pg_catalog.pg_extension_config_dump('cron.runid_seq', '');
