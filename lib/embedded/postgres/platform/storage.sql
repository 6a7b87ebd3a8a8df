-- The schema `storage` of a hosted Supabase project: buckets, objects, uploads, and the functions that policies and clients
-- call. Run as supabase_admin after auth.sql.
-- Source: the end state (2026-08) of the migrations in https://github.com/supabase/storage. The functions that list and search
-- give the same rows by one plain query each; the vendor's are written for many millions of objects.

create type storage.buckettype as enum ('STANDARD', 'ANALYTICS', 'VECTOR');

create table storage.buckets (
  id text not null primary key,
  name text not null,
  owner uuid,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  public boolean default false,
  avif_autodetection boolean default false,
  file_size_limit bigint,
  allowed_mime_types text[],
  owner_id text,
  type storage.buckettype not null default 'STANDARD',
  versioning_status text not null default 'DISABLED' check (versioning_status in ('DISABLED', 'ENABLED', 'SUSPENDED'))
);
comment on column storage.buckets.owner is 'Field is deprecated, use owner_id instead';
create unique index bname on storage.buckets (name);

create table storage.objects (
  id uuid not null primary key default gen_random_uuid(),
  bucket_id text constraint "objects_bucketId_fkey" references storage.buckets (id),
  name text,
  owner uuid,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  last_accessed_at timestamptz default now(),
  metadata jsonb,
  path_tokens text[] generated always as (string_to_array(name, '/')) stored,
  version text,
  owner_id text,
  user_metadata jsonb,
  archived_at timestamptz,
  is_delete_marker boolean not null default false,
  is_versioned boolean not null default false
);
comment on column storage.objects.owner is 'Field is deprecated, use owner_id instead';
create unique index bucketid_objname on storage.objects (bucket_id, name);
create index idx_objects_bucket_id_name on storage.objects (bucket_id, name collate "C");
create index idx_objects_bucket_id_name_lower on storage.objects (bucket_id, lower(name) collate "C");
create index name_prefix_search on storage.objects (name text_pattern_ops);

create table storage.migrations (
  id integer not null primary key,
  name varchar(100) not null unique,
  hash varchar(40) not null,
  executed_at timestamp default current_timestamp
);

create table storage.s3_multipart_uploads (
  id text not null primary key,
  in_progress_size bigint not null default 0,
  upload_signature text not null,
  bucket_id text not null references storage.buckets (id),
  key text collate "C" not null,
  version text not null,
  owner_id text,
  created_at timestamptz not null default now(),
  user_metadata jsonb,
  metadata jsonb
);
create index idx_multipart_uploads_list on storage.s3_multipart_uploads (bucket_id, key, created_at);

create table storage.s3_multipart_uploads_parts (
  id uuid not null primary key default gen_random_uuid(),
  upload_id text not null references storage.s3_multipart_uploads (id) on delete cascade,
  size bigint not null default 0,
  part_number integer not null,
  bucket_id text not null references storage.buckets (id),
  key text collate "C" not null,
  etag text not null,
  owner_id text,
  version text not null,
  created_at timestamptz not null default now()
);

create table storage.buckets_analytics (
  name text not null,
  type storage.buckettype not null default 'ANALYTICS',
  format text not null default 'ICEBERG',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  id uuid not null primary key default gen_random_uuid(),
  deleted_at timestamptz
);
create unique index buckets_analytics_unique_name_idx on storage.buckets_analytics (name) where deleted_at is null;

create table storage.buckets_vectors (
  id text not null primary key,
  type storage.buckettype not null default 'VECTOR',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table storage.iceberg_namespaces (
  id uuid not null primary key default gen_random_uuid(),
  bucket_name text not null,
  name text collate "C" not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  metadata jsonb not null default '{}',
  catalog_id uuid not null references storage.buckets_analytics (id) on delete cascade
);
create unique index idx_iceberg_namespaces_bucket_id on storage.iceberg_namespaces (catalog_id, name);

create table storage.iceberg_tables (
  id uuid not null primary key default gen_random_uuid(),
  namespace_id uuid not null references storage.iceberg_namespaces (id) on delete cascade,
  bucket_name text not null,
  name text collate "C" not null,
  location text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  remote_table_id text,
  shard_key text,
  shard_id text,
  catalog_id uuid not null references storage.buckets_analytics (id) on delete cascade
);
create unique index idx_iceberg_tables_namespace_id on storage.iceberg_tables (catalog_id, namespace_id, name);
create unique index idx_iceberg_tables_location on storage.iceberg_tables (location);

create table storage.vector_indexes (
  id text not null primary key default gen_random_uuid(),
  name text collate "C" not null,
  bucket_id text not null references storage.buckets_vectors (id),
  data_type text not null,
  dimension integer not null,
  distance_metric text not null,
  metadata_configuration jsonb,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index vector_indexes_name_bucket_id_idx on storage.vector_indexes (name, bucket_id);

-- ---------------------------------------------------------------- parts of an object's name
create function storage.foldername(name text) returns text[] language sql immutable as $$
  select trim_array(string_to_array(name, '/'), 1)
$$;
create function storage.filename(name text) returns text language sql immutable as $$
  select split_part(name, '/', -1)
$$;
create function storage.extension(name text) returns text language sql immutable as $$
  select split_part(split_part(name, '/', -1), '.', -1)
$$;
create function storage.get_common_prefix(p_key text, p_prefix text, p_delimiter text) returns text language sql immutable as $$
  select case when position(p_delimiter in substr(p_key, length(p_prefix) + 1)) > 0
    then left(p_key, length(p_prefix) + position(p_delimiter in substr(p_key, length(p_prefix) + 1)))
  end
$$;

-- ---------------------------------------------------------------- what the storage server is doing right now
create function storage.operation() returns text language sql stable as $$
  select current_setting('storage.operation', true)
$$;
create function storage.allow_any_operation(expected_operations text[]) returns boolean language sql stable as $$
  select exists (
    select from unnest(expected_operations) expected
    where expected <> '' and regexp_replace(expected, '^storage\.', '') = regexp_replace(storage.operation(), '^storage\.', '')
  )
$$;
create function storage.allow_only_operation(expected_operation text) returns boolean language sql stable as $$
  select storage.allow_any_operation(array[expected_operation])
$$;

-- ---------------------------------------------------------------- guards
create function storage.enforce_bucket_name_length() returns trigger language plpgsql as $$
begin
  if length(new.name) > 100 then
    raise exception 'bucket name "%" is too long (% characters). Max is 100.', new.name, length(new.name);
  end if;
  return new;
end
$$;
create function storage.update_updated_at_column() returns trigger language plpgsql as $$
begin
  new.updated_at = now();
  return new;
end
$$;
create function storage.protect_delete() returns trigger language plpgsql as $$
begin
  if current_setting('storage.allow_delete_query', true) is distinct from 'true' then
    raise exception 'Direct deletion from storage tables is not allowed. Use the Storage API instead.'
      using hint = 'This prevents accidental data loss from orphaned objects.', errcode = '42501';
  end if;
  return null;
end
$$;
create function storage.can_insert_object(bucketid text, name text, owner uuid, metadata jsonb) returns void
language plpgsql as $$
begin
  insert into storage.objects (bucket_id, name, owner, metadata) values (bucketid, name, owner, metadata);
  raise sqlstate 'PT200' using message = 'ROLLBACK', detail = 'rollback successful insert';
end
$$;
create trigger enforce_bucket_name_length_trigger before insert or update of name on storage.buckets
  for each row execute function storage.enforce_bucket_name_length();
create trigger protect_buckets_delete before delete on storage.buckets
  for each statement execute function storage.protect_delete();
create trigger protect_objects_delete before delete on storage.objects
  for each statement execute function storage.protect_delete();
create trigger update_objects_updated_at before update on storage.objects
  for each row execute function storage.update_updated_at_column();

-- ---------------------------------------------------------------- lists and searches
create function storage.get_size_by_bucket() returns table (size bigint, bucket_id text) language sql stable as $$
  select sum((o.metadata ->> 'size')::bigint)::bigint, o.bucket_id from storage.objects o group by o.bucket_id
$$;

create function storage.search_by_timestamp(
  p_prefix text, p_bucket_id text, p_limit integer, p_level integer, p_start_after text, p_sort_order text,
  p_sort_column text, p_sort_column_after text
) returns table (
  key text, name text, id uuid, updated_at timestamptz, created_at timestamptz, last_accessed_at timestamptz, metadata jsonb
) language sql stable as $$
  with found as (
    select storage.get_common_prefix(o.name, coalesce(p_prefix, ''), '/') as folder, o.*
    from storage.objects o
    where o.bucket_id = p_bucket_id and starts_with(o.name, coalesce(p_prefix, ''))
  ), entries as (
    select rtrim(f.folder, '/') as path, null::uuid as id, min(f.created_at) as updated_at, min(f.created_at) as created_at,
           null::timestamptz as last_accessed_at, null::jsonb as metadata
    from found f where f.folder is not null group by f.folder
    union all
    select f.name, f.id, f.updated_at, f.created_at, f.last_accessed_at, f.metadata from found f where f.folder is null
  ), dated as (
    select e.*, date_trunc('milliseconds', case p_sort_column when 'created_at' then e.created_at else e.updated_at end) as at
    from entries e
  )
  select split_part(d.path, '/', p_level), d.path, d.id, d.updated_at, d.created_at, d.last_accessed_at, d.metadata
  from dated d
  where coalesce(nullif(p_sort_column_after, ''), '') = ''
    or case when p_sort_order = 'asc'
         then (d.at, d.path collate "C") > (p_sort_column_after::timestamptz, coalesce(p_start_after, ''))
         else (d.at, d.path collate "C") < (p_sort_column_after::timestamptz, coalesce(p_start_after, ''))
       end
  order by case when p_sort_order = 'asc' then d.at end, case when p_sort_order = 'asc' then d.path end collate "C",
           d.at desc, d.path collate "C" desc
  limit p_limit
$$;

create function storage.search_v2(
  prefix text, bucket_name text, limits integer default 100, levels integer default 1, start_after text default '',
  sort_order text default 'asc', sort_column text default 'name', sort_column_after text default ''
) returns table (
  key text, name text, id uuid, updated_at timestamptz, created_at timestamptz, last_accessed_at timestamptz, metadata jsonb
) language plpgsql stable as $$
begin
  if sort_column in ('created_at', 'updated_at') then
    return query select * from storage.search_by_timestamp(
      prefix, bucket_name, limits, levels, start_after, sort_order, sort_column, sort_column_after);
    return;
  end if;
  return query
  with found as (
    select storage.get_common_prefix(o.name, coalesce(prefix, ''), '/') as folder, o.*
    from storage.objects o
    where o.bucket_id = bucket_name and starts_with(o.name, coalesce(prefix, ''))
  ), entries as (
    select distinct on (f.folder) rtrim(f.folder, '/') as path, null::uuid as id, null::timestamptz as updated_at,
           null::timestamptz as created_at, null::timestamptz as last_accessed_at, null::jsonb as metadata
    from found f where f.folder is not null
    union all
    select f.name, f.id, f.updated_at, f.created_at, f.last_accessed_at, f.metadata from found f where f.folder is null
  )
  select split_part(e.path, '/', levels), e.path, e.id, e.updated_at, e.created_at, e.last_accessed_at, e.metadata
  from entries e
  where coalesce(start_after, '') = ''
    or case when sort_order = 'asc' then e.path collate "C" > start_after else e.path collate "C" < start_after end
  order by case when sort_order = 'asc' then e.path end collate "C", e.path collate "C" desc
  limit limits;
end
$$;

create function storage.search(
  prefix text, bucketname text, limits integer default 100, levels integer default 1, offsets integer default 0,
  search text default '', sortcolumn text default 'name', sortorder text default 'asc'
) returns table (
  name text, id uuid, updated_at timestamptz, created_at timestamptz, last_accessed_at timestamptz, metadata jsonb
) language sql stable as $$
  with found as (
    select o.*, levels as level
    from storage.objects o
    where o.bucket_id = bucketname and starts_with(lower(o.name), lower(coalesce(prefix, '') || coalesce(search, '')))
  ), entries as (
    select f.path_tokens[f.level] as entry, null::uuid as id, null::timestamptz as updated_at,
           null::timestamptz as created_at, null::timestamptz as last_accessed_at, null::jsonb as metadata
    from found f where cardinality(f.path_tokens) > f.level group by f.path_tokens[f.level]
    union all
    select f.path_tokens[f.level], f.id, f.updated_at, f.created_at, f.last_accessed_at, f.metadata
    from found f where cardinality(f.path_tokens) = f.level
  ), dated as (
    select e.*, case sortcolumn when 'created_at' then e.created_at when 'updated_at' then e.updated_at
                when 'last_accessed_at' then e.last_accessed_at end as at
    from entries e
  )
  select d.entry, d.id, d.updated_at, d.created_at, d.last_accessed_at, d.metadata
  from dated d
  order by case when sortorder = 'asc' then d.at end, d.at desc nulls last,
           case when sortorder = 'asc' then d.entry end collate "C", d.entry collate "C" desc
  limit limits offset offsets
$$;

create function storage.list_objects_with_delimiter(
  _bucket_id text, prefix_param text, delimiter_param text, max_keys integer default 100, start_after text default '',
  next_token text default '', sort_order text default 'asc'
) returns table (
  name text, id uuid, metadata jsonb, updated_at timestamptz, created_at timestamptz, last_accessed_at timestamptz
) language sql stable as $$
  with found as (
    select case when delimiter_param <> '' then storage.get_common_prefix(o.name, prefix_param, delimiter_param) end as folder, o.*
    from storage.objects o
    where o.bucket_id = _bucket_id and starts_with(o.name, prefix_param)
  ), entries as (
    select distinct on (f.folder) f.folder as path, null::uuid as id, null::jsonb as metadata,
           null::timestamptz as updated_at, null::timestamptz as created_at, null::timestamptz as last_accessed_at
    from found f where f.folder is not null
    union all
    select f.name, f.id, f.metadata, f.updated_at, f.created_at, f.last_accessed_at from found f where f.folder is null
  )
  select e.*
  from entries e
  where coalesce(nullif(next_token, ''), start_after) = ''
    or case when sort_order = 'asc' then e.path collate "C" > coalesce(nullif(next_token, ''), start_after)
       else e.path collate "C" < coalesce(nullif(next_token, ''), start_after) end
  order by case when sort_order = 'asc' then e.path end collate "C", e.path collate "C" desc
  limit max_keys
$$;

create function storage.list_multipart_uploads_with_delimiter(
  bucket_id text, prefix_param text, delimiter_param text, max_keys integer default 100, next_key_token text default '',
  next_upload_token text default ''
) returns table (key text, id text, created_at timestamptz) language sql as $$
  select distinct on (u.path collate "C") u.path, u.id, u.created_at
  from (
    select coalesce(storage.get_common_prefix(s.key, prefix_param, delimiter_param), s.key) as path, s.id, s.created_at
    from storage.s3_multipart_uploads s
    where s.bucket_id = $1 and starts_with(lower(s.key), lower(prefix_param))
  ) u
  where (next_upload_token <> '' or next_key_token = '' or u.path collate "C" > next_key_token)
    and (next_upload_token = '' or u.id collate "C" > next_upload_token)
  order by u.path collate "C", u.created_at
  limit max_keys
$$;

-- ---------------------------------------------------------------- owners and rights
do $$
declare
  one record;
begin
  for one in select c.oid::regclass as name from pg_class c
             where c.relnamespace = 'storage'::regnamespace and c.relkind = 'r' loop
    execute format('alter table %s owner to supabase_storage_admin', one.name);
    execute format('alter table %s enable row level security', one.name);
  end loop;
  for one in select p.oid::regprocedure as name from pg_proc p where p.pronamespace = 'storage'::regnamespace loop
    execute format('alter function %s owner to supabase_storage_admin', one.name);
  end loop;
end
$$;
alter type storage.buckettype owner to supabase_storage_admin;
grant all on storage.buckets, storage.objects to postgres with grant option;
grant all on storage.buckets, storage.objects, storage.buckets_analytics to anon, authenticated, service_role;
grant all on storage.s3_multipart_uploads, storage.s3_multipart_uploads_parts, storage.iceberg_namespaces,
  storage.iceberg_tables to service_role;
grant select on storage.s3_multipart_uploads, storage.s3_multipart_uploads_parts, storage.iceberg_namespaces,
  storage.iceberg_tables to anon, authenticated;
grant select on storage.buckets_vectors, storage.vector_indexes to anon, authenticated, service_role;
-- The vendor's dashboard and its dumps read these as postgres.
grant select on storage.buckets_analytics, storage.buckets_vectors, storage.vector_indexes, storage.iceberg_namespaces,
  storage.iceberg_tables, storage.s3_multipart_uploads, storage.s3_multipart_uploads_parts to postgres;
