-- Partitions by range of time or number: creating, maintaining and listing them is carried out for real; sub-partitions,
-- moving data, and undoing are refused. Nothing runs by itself.

create table @extschema@.part_config (
  parent_table text not null,
  control text not null,
  time_encoder text,
  time_decoder text,
  partition_interval text not null,
  partition_type text not null,
  premake integer not null default 4,
  automatic_maintenance text not null default 'on' check (automatic_maintenance in ('on', 'off')),
  template_table text,
  retention text,
  retention_schema text check (retention_schema <> ''),
  retention_keep_index boolean not null default true,
  retention_keep_table boolean not null default true,
  epoch text not null default 'none' check (epoch in ('none', 'seconds', 'milliseconds', 'microseconds', 'nanoseconds', 'func')),
  constraint_cols text[] check ((constraint_cols @> array[control]) <> true),
  optimize_constraint integer not null default 30,
  infinite_time_partitions boolean not null default false,
  datetime_string text,
  jobmon boolean not null default true,
  sub_partition_set_full boolean not null default false,
  undo_in_progress boolean not null default false,
  inherit_privileges boolean default false,
  constraint_valid boolean default true not null,
  ignore_default_data boolean not null default true,
  date_trunc_interval text,
  maintenance_order integer,
  retention_keep_publication boolean not null default false,
  maintenance_last_run timestamptz,
  constraint part_config_parent_table_pkey primary key (parent_table),
  constraint positive_premake_check check (premake > 0)
);
create index part_config_type_idx on @extschema@.part_config (partition_type);
create table @extschema@.part_config_sub (
  sub_parent text,
  sub_control text not null,
  sub_partition_interval text not null,
  sub_partition_type text not null,
  sub_premake integer not null default 4,
  constraint part_config_sub_pkey primary key (sub_parent),
  constraint part_config_sub_sub_parent_fkey foreign key (sub_parent) references @extschema@.part_config (parent_table)
    on delete cascade on update cascade deferrable initially deferred
);
select pg_catalog.pg_extension_config_dump('@extschema@.part_config', '');
select pg_catalog.pg_extension_config_dump('@extschema@.part_config_sub', '');

create function @extschema@._stand_in_name(parent text, suffix text) returns text language sql immutable strict as $$
  select format('%I.%I', split_part(parent, '.', 1), left(split_part(parent, '.', 2), 63 - length(suffix)) || suffix)
$$;

-- The start of the partition that a moment lies in.
create function @extschema@._stand_in_start(moment timestamptz, width interval) returns timestamptz language plpgsql stable as $$
declare
  months integer := (extract(year from width) * 12 + extract(month from width))::integer;
  month integer := (extract(year from moment) * 12 + extract(month from moment) - 1)::integer;
begin
  if months > 0 then
    return date_trunc('month', moment) - make_interval(months => month % months);
  elsif width = interval '7 days' then
    return date_trunc('week', moment);
  elsif width >= interval '1 day' then
    return date_trunc('day', moment);
  end if;
  return date_bin(width, moment, date_trunc('day', moment));
end
$$;

create function @extschema@._stand_in_add(parent text, low text, high text, suffix text) returns boolean language plpgsql as $$
declare
  child text := @extschema@._stand_in_name(parent, suffix);
begin
  if to_regclass(child) is not null then
    return false;
  end if;
  execute format('create table %s partition of %s for values from (%L) to (%L)', child, parent, low, high);
  return true;
end
$$;

create function @extschema@.create_partition_time(
  p_parent_table text, p_partition_times timestamptz[], p_start_partition text default null
) returns boolean language plpgsql as $$
declare
  config @extschema@.part_config;
  moment timestamptz;
  made boolean := false;
begin
  select * into strict config from @extschema@.part_config where parent_table = p_parent_table;
  foreach moment in array p_partition_times loop
    made := @extschema@._stand_in_add(p_parent_table, moment::text, (moment + config.partition_interval::interval)::text,
      '_p' || to_char(moment, config.datetime_string)) or made;
  end loop;
  return made;
end
$$;
create function @extschema@.create_partition_id(
  p_parent_table text, p_partition_ids bigint[], p_start_partition text default null
) returns boolean language plpgsql as $$
declare
  config @extschema@.part_config;
  low bigint;
  made boolean := false;
begin
  select * into strict config from @extschema@.part_config where parent_table = p_parent_table;
  foreach low in array p_partition_ids loop
    made := @extschema@._stand_in_add(p_parent_table, low::text, (low + config.partition_interval::bigint)::text, '_p' || low) or made;
  end loop;
  return made;
end
$$;

create function @extschema@.create_parent(
  p_parent_table text, p_control text, p_interval text, p_type text default 'range', p_epoch text default 'none',
  p_premake integer default 4, p_start_partition text default null, p_default_table boolean default true,
  p_automatic_maintenance text default 'on', p_constraint_cols text[] default null, p_template_table text default null,
  p_jobmon boolean default true, p_date_trunc_interval text default null, p_control_not_null boolean default true,
  p_time_encoder text default null, p_time_decoder text default null
) returns boolean language plpgsql as $$
declare
  kind text;
  present bigint;
  first timestamptz;
  width interval;
begin
  if p_parent_table !~ '\.' then
    raise exception 'Parent table must be schema qualified';
  elsif p_type <> 'range' or p_epoch <> 'none' then
    raise exception using errcode = '0A000', message = 'simulated: the embedded platform''s pg_partman makes partitions by range of time or number only';
  end if;
  select format_type(a.atttypid, null) into kind from pg_catalog.pg_attribute a
    join pg_catalog.pg_partitioned_table p on p.partrelid = a.attrelid
  where a.attrelid = to_regclass(p_parent_table) and a.attname = p_control;
  if kind is null then
    raise exception 'Unable to find given parent table in system catalogs. Please create parent table first: %', p_parent_table;
  end if;
  insert into @extschema@.part_config (parent_table, control, partition_interval, partition_type, premake,
    automatic_maintenance, template_table, constraint_cols, jobmon, datetime_string, date_trunc_interval)
  values (p_parent_table, p_control, p_interval, p_type, p_premake, p_automatic_maintenance, p_template_table, p_constraint_cols, p_jobmon,
    case when kind ~ 'time|date' then 'YYYYMMDD' || case when p_interval::interval < interval '1 day' then '_HH24MISS' else '' end end,
    p_date_trunc_interval);
  if kind ~ 'time|date' then
    width := p_interval::interval;
    update @extschema@.part_config set partition_interval = width::text where parent_table = p_parent_table;
    first := @extschema@._stand_in_start(coalesce(p_start_partition::timestamptz, now()), width);
    perform @extschema@.create_partition_time(p_parent_table, array(
      select first + step * width from generate_series(case when p_start_partition is null then -p_premake else 0 end, p_premake) as step));
    if p_start_partition is not null then
      perform @extschema@.run_maintenance(p_parent_table);
    end if;
  else
    execute format('select coalesce(max(%I), 0)::bigint from %s', p_control, p_parent_table) into present;
    present := coalesce(p_start_partition::bigint, present);
    present := present - present % p_interval::bigint;
    perform @extschema@.create_partition_id(p_parent_table, array(
      select present + step * p_interval::bigint from generate_series(0, p_premake) as step));
  end if;
  if p_default_table then
    execute format('create table if not exists %s partition of %s default', @extschema@._stand_in_name(p_parent_table, '_default'), p_parent_table);
  end if;
  return true;
end
$$;

create function @extschema@.show_partitions(p_parent_table text, p_order text default 'ASC', p_include_default boolean default false)
returns table (partition_schemaname text, partition_tablename text) language sql stable as $$
  select n.nspname::text, c.relname::text from pg_catalog.pg_inherits i
  join pg_catalog.pg_class c on c.oid = i.inhrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where i.inhparent = to_regclass(p_parent_table) and (p_include_default or pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT')
  order by case when upper(p_order) = 'ASC' then c.relname end, case when upper(p_order) <> 'ASC' then c.relname end desc
$$;

create function @extschema@.drop_partition_time(
  p_parent_table text, p_retention interval default null, p_keep_table boolean default null, p_keep_index boolean default null,
  p_retention_schema text default null, p_reference_timestamp timestamptz default current_timestamp
) returns integer language plpgsql as $$
declare
  config @extschema@.part_config;
  child record;
  gone integer := 0;
begin
  select * into strict config from @extschema@.part_config where parent_table = p_parent_table;
  for child in select format('%I.%I', partition_schemaname, partition_tablename) as name,
      to_timestamp(substring(partition_tablename from '_p(\d{8}(?:_\d{6})?)$'), config.datetime_string) as low
    from @extschema@.show_partitions(p_parent_table)
  loop
    if child.low + config.partition_interval::interval <= p_reference_timestamp - coalesce(p_retention, config.retention::interval) then
      execute format('alter table %s detach partition %s', p_parent_table, child.name);
      if not coalesce(p_keep_table, config.retention_keep_table) then
        execute format('drop table %s', child.name);
      elsif coalesce(p_retention_schema, config.retention_schema) is not null then
        execute format('alter table %s set schema %I', child.name, coalesce(p_retention_schema, config.retention_schema));
      end if;
      gone := gone + 1;
    end if;
  end loop;
  return gone;
end
$$;

create function @extschema@.run_maintenance(
  p_parent_table text default null, p_analyze boolean default false, p_jobmon boolean default true
) returns void language plpgsql as $$
declare
  config @extschema@.part_config;
  newest timestamptz;
  number bigint;
  last bigint;
begin
  for config in select * from @extschema@.part_config
    where parent_table = p_parent_table or (p_parent_table is null and automatic_maintenance = 'on')
  loop
    if config.datetime_string is not null then
      select max(to_timestamp(substring(partition_tablename from '_p(\d{8}(?:_\d{6})?)$'), config.datetime_string)) into newest
      from @extschema@.show_partitions(config.parent_table);
      while newest < @extschema@._stand_in_start(now(), config.partition_interval::interval) + config.premake * config.partition_interval::interval loop
        newest := newest + config.partition_interval::interval;
        perform @extschema@.create_partition_time(config.parent_table, array[newest]);
      end loop;
      if config.retention is not null then
        perform @extschema@.drop_partition_time(config.parent_table);
      end if;
    else
      execute format('select coalesce(max(%I), 0)::bigint from %s', config.control, config.parent_table) into number;
      select max(substring(partition_tablename from '_p(\d+)$')::bigint) into last from @extschema@.show_partitions(config.parent_table);
      while last < number - number % config.partition_interval::bigint + config.premake * config.partition_interval::bigint loop
        last := last + config.partition_interval::bigint;
        perform @extschema@.create_partition_id(config.parent_table, array[last]);
      end loop;
    end if;
    update @extschema@.part_config set maintenance_last_run = clock_timestamp() where parent_table = config.parent_table;
  end loop;
end
$$;
create procedure @extschema@.run_maintenance_proc(p_wait integer default 0, p_analyze boolean default false, p_jobmon boolean default true)
language plpgsql as $$
begin
  perform @extschema@.run_maintenance(null, p_analyze, p_jobmon);
end
$$;

do $do$
declare
  one text;
begin
  foreach one in array array[
    'function create_sub_parent(p_top_parent text, p_control text, p_interval text, p_type text default ''range'', p_default_table boolean default true, p_declarative_check text default null, p_constraint_cols text[] default null, p_premake integer default 4, p_start_partition text default null, p_epoch text default ''none'', p_jobmon boolean default true, p_date_trunc_interval text default null) returns boolean',
    'function partition_data_time(p_parent_table text, p_batch_count integer default 1, p_batch_interval interval default null, p_lock_wait numeric default 0, p_order text default ''ASC'', p_analyze boolean default true, p_source_table text default null, p_ignored_columns text[] default null) returns bigint',
    'function partition_data_id(p_parent_table text, p_batch_count integer default 1, p_batch_interval bigint default null, p_lock_wait numeric default 0, p_order text default ''ASC'', p_analyze boolean default true, p_source_table text default null, p_ignored_columns text[] default null) returns bigint',
    'function drop_partition_id(p_parent_table text, p_retention bigint default null, p_keep_table boolean default null, p_keep_index boolean default null, p_retention_schema text default null) returns integer',
    'function partition_gap_fill(p_parent_table text) returns integer',
    'function apply_constraints(p_parent_table text, p_child_table text default null, p_analyze boolean default false, p_job_id bigint default null) returns void',
    'function reapply_privileges(p_parent_table text) returns void',
    'function undo_partition(p_parent_table text, p_target_table text, p_loop_count integer default 1, p_batch_interval text default null, p_keep_table boolean default true, p_lock_wait numeric default 0, p_ignored_columns text[] default null, p_drop_cascade boolean default false, out partitions_undone integer, out rows_undone bigint) returns record',
    'procedure partition_data_proc(p_parent_table text, p_loop_count integer default null, p_interval text default null, p_lock_wait integer default 0, p_lock_wait_tries integer default 10, p_wait integer default 1, p_order text default ''ASC'', p_source_table text default null, p_ignored_columns text[] default null, p_quiet boolean default false)',
    'procedure run_analyze(p_skip_locked boolean default false, p_quiet boolean default false, p_parent_table text default null)',
    'procedure undo_partition_proc(p_parent_table text, p_target_table text default null, p_loop_count integer default null, p_interval text default null, p_keep_table boolean default true, p_lock_wait integer default 0, p_lock_wait_tries integer default 10, p_wait integer default 1, p_ignored_columns text[] default null, p_drop_cascade boolean default false, p_quiet boolean default false)']
  loop
    execute format('create %s language plpgsql as %L', regexp_replace(one, ' ', ' @extschema@.'),
      format('begin raise exception using errcode = ''0A000'', message = %L; end',
        format('simulated: pg_partman.%s is not carried out by the embedded platform', (regexp_match(one, ' (\w+)\('))[1])));
  end loop;
end
$do$;
grant all on @extschema@.part_config, @extschema@.part_config_sub to postgres with grant option;
