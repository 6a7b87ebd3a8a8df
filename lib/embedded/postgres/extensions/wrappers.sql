-- What describes the foreign data wrappers. Their handlers are missing: only C has any, and those of the modules that are
-- here would read this machine's files or connect to other servers.

do $do$
declare
  one text;
begin
  foreach one in array array['airtable', 'auth0', 'big_query', 'click_house', 'cognito', 'duckdb', 'firebase', 'hello_world',
    'iceberg', 'logflare', 'mssql', 'redis', 's3', 's3_vectors', 'stripe', 'wasm']
  loop
    execute format('create function %s_fdw_validator(options text[], catalog oid) returns void language sql as ''select''', one);
    execute format('create function %s_fdw_meta() returns table (name text, version text, author text, website text) language sql strict
      as %L', one, format('select %L::text, ''simulated''::text, ''''::text, ''''::text', one || '_fdw'));
  end loop;
end
$do$;

create table wrappers_fdw_stats (
  fdw_name text primary key,
  create_times bigint,
  rows_in bigint,
  rows_out bigint,
  bytes_in bigint,
  bytes_out bigint,
  metadata jsonb,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table wrappers_fdw_stats is 'Wrappers Foreign Data Wrapper statistics';
