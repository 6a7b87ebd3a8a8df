-- A hypertable is noted and stays the plain table it was; time_bucket is computed for real; what needs
-- chunks is refused.

do $$
begin
  if to_regnamespace('_timescaledb_catalog') is null then
    create schema _timescaledb_catalog;
    create schema timescaledb_information;
  end if;
end
$$;

create table _timescaledb_catalog.hypertable (
  id serial primary key,
  schema_name name not null,
  table_name name not null,
  time_column name not null,
  unique (schema_name, table_name)
);
select pg_catalog.pg_extension_config_dump('_timescaledb_catalog.hypertable', '');
select pg_catalog.pg_extension_config_dump('_timescaledb_catalog.hypertable_id_seq', '');

create function @extschema@._stand_in_note(relation regclass, time_column_name name, if_not_exists boolean)
returns table (hypertable_id integer, schema_name name, table_name name, created boolean)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  place record;
begin
  select n.nspname as schema, c.relname as name into place
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = relation;
  if not exists (select from pg_attribute where attrelid = relation and attname = time_column_name and attnum > 0 and not attisdropped) then
    raise exception using errcode = '42703', message = format('column "%s" does not exist', time_column_name);
  elsif exists (select from _timescaledb_catalog.hypertable h where h.schema_name = place.schema and h.table_name = place.name) then
    if not if_not_exists then
      raise exception using errcode = 'TS110', message = format('table "%s" is already a hypertable', place.name);
    end if;
    raise notice 'table "%" is already a hypertable, skipping', place.name;
    return query select h.id, h.schema_name, h.table_name, false from _timescaledb_catalog.hypertable h
      where h.schema_name = place.schema and h.table_name = place.name;
    return;
  end if;
  return query insert into _timescaledb_catalog.hypertable as h (schema_name, table_name, time_column)
    values (place.schema, place.name, time_column_name) returning h.id, h.schema_name, h.table_name, true;
end
$$;

create function @extschema@.create_hypertable(
  relation regclass, time_column_name name, partitioning_column name default null, number_partitions integer default null,
  associated_schema_name name default null, associated_table_prefix name default null,
  chunk_time_interval anyelement default null::bigint, create_default_indexes boolean default true,
  if_not_exists boolean default false, partitioning_func regproc default null, migrate_data boolean default false,
  chunk_target_size text default null, chunk_sizing_func regproc default null, time_partitioning_func regproc default null
) returns table (hypertable_id integer, schema_name name, table_name name, created boolean) language plpgsql as $$
begin
  if create_default_indexes then
    execute format('create index if not exists %I on %s (%I desc)',
      (select relname from pg_class where oid = relation) || '_' || time_column_name || '_idx', relation, time_column_name);
  end if;
  execute format('alter table %s alter column %I set not null', relation, time_column_name);
  return query select * from @extschema@._stand_in_note(relation, time_column_name, if_not_exists);
end
$$;

create function @extschema@.time_bucket(bucket_width interval, ts timestamptz) returns timestamptz
language sql immutable parallel safe strict as $$
  select case when extract(month from bucket_width) + 12 * extract(year from bucket_width) > 0
    then date_bin_months.start else date_bin(bucket_width, ts, '2000-01-03 00:00+00') end
  from (select date_trunc('month', ts at time zone 'UTC') as month) as m,
    (select (12 * extract(year from bucket_width) + extract(month from bucket_width))::integer as width) as w,
    lateral (select (timestamp '2000-01-01' + make_interval(months => (w.width * floor((12 * (extract(year from m.month) - 2000)
      + extract(month from m.month) - 1) / nullif(w.width, 0)))::integer)) at time zone 'UTC' as start) as date_bin_months
$$;
create function @extschema@.time_bucket(bucket_width interval, ts timestamp) returns timestamp
language sql immutable parallel safe strict as $$
  select @extschema@.time_bucket(bucket_width, ts at time zone 'UTC') at time zone 'UTC'
$$;
create function @extschema@.time_bucket(bucket_width interval, ts date) returns date
language sql immutable parallel safe strict as $$
  select (@extschema@.time_bucket(bucket_width, ts::timestamp at time zone 'UTC') at time zone 'UTC')::date
$$;
create function @extschema@.time_bucket(bucket_width bigint, ts bigint) returns bigint
language sql immutable parallel safe strict as $$
  select floor(ts::numeric / bucket_width)::bigint * bucket_width
$$;
create function @extschema@.time_bucket(bucket_width integer, ts integer) returns integer
language sql immutable parallel safe strict as $$
  select (floor(ts::numeric / bucket_width) * bucket_width)::integer
$$;

do $do$
declare
  one text;
begin
  foreach one in array array[
    'add_retention_policy(relation regclass, drop_after "any", if_not_exists boolean default false) returns integer',
    'remove_retention_policy(relation regclass, if_exists boolean default false) returns void',
    'add_compression_policy(hypertable regclass, compress_after "any", if_not_exists boolean default false) returns integer',
    'add_continuous_aggregate_policy(continuous_aggregate regclass, start_offset "any", end_offset "any", schedule_interval interval, if_not_exists boolean default false) returns integer',
    'add_job(proc regproc, schedule_interval interval, config jsonb default null) returns integer',
    'add_dimension(hypertable regclass, column_name name, number_partitions integer default null, chunk_time_interval anyelement default null::bigint, partitioning_func regproc default null, if_not_exists boolean default false) returns table (dimension_id integer, schema_name name, table_name name, column_name_ name, created boolean)',
    'set_chunk_time_interval(hypertable regclass, chunk_time_interval anyelement, dimension_name name default null) returns void',
    'drop_chunks(relation regclass, older_than "any" default null) returns setof text',
    'show_chunks(relation regclass) returns setof regclass',
    'compress_chunk(uncompressed_chunk regclass, if_not_compressed boolean default true) returns regclass',
    'decompress_chunk(uncompressed_chunk regclass, if_compressed boolean default true) returns regclass',
    'hypertable_size(hypertable regclass) returns bigint']
  loop
    one := replace(one, ' "any"', ' interval');
    execute format('create function @extschema@.%s language plpgsql as %L', one,
      format('begin raise exception using errcode = ''0A000'', message = %L; end',
        format('simulated: timescaledb.%s is not carried out by the embedded platform', split_part(one, '(', 1))));
  end loop;
end
$do$;

create view timescaledb_information.hypertables as
select schema_name as hypertable_schema, table_name as hypertable_name,
  (select pg_catalog.pg_get_userbyid(c.relowner) from pg_catalog.pg_class c
    where c.oid = pg_catalog.to_regclass(pg_catalog.format('%I.%I', schema_name, table_name))) as owner,
  1::smallint as num_dimensions, 0::bigint as num_chunks, false as compression_enabled
from _timescaledb_catalog.hypertable;
grant usage on schema _timescaledb_catalog, timescaledb_information to public;
grant select on _timescaledb_catalog.hypertable, timescaledb_information.hypertables to public;
