-- The schema that the program pg_repack looks for, with its version; nothing in it reorganizes a table.

create schema repack;
create function repack.version() returns text language sql immutable strict as $$ select 'pg_repack 1.5.2'::text $$;
create function repack.version_sql() returns text language sql immutable strict as $$ select 'pg_repack 1.5.2'::text $$;
create function repack.oid2text(oid) returns text language sql stable strict as $$
  select format('%I.%I', n.nspname, c.relname) from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = $1
$$;

do $do$
declare
  one text;
begin
  foreach one in array array[
    'get_index_columns(oid) returns text', 'get_order_by(oid, oid) returns text', 'create_log_table(oid) returns void',
    'create_table(oid, name) returns void', 'create_index_type(oid, oid) returns void',
    'get_create_index_type(oid, name) returns text', 'get_create_trigger(relid oid, pkid oid) returns text',
    'get_enable_trigger(relid oid) returns text', 'get_assign(oid, text) returns text',
    'get_compare_pkey(oid, text) returns text', 'get_columns_for_create_as(oid) returns text',
    'get_drop_columns(oid, text) returns text', 'get_storage_param(oid) returns text',
    'get_alter_col_storage(oid) returns text', 'repack_indexdef(oid, oid, name, boolean) returns text',
    'repack_trigger() returns trigger', 'conflicted_triggers(oid) returns setof name',
    'disable_autovacuum(regclass) returns void', 'repack_swap(oid) returns void', 'repack_drop(oid, integer) returns void',
    'repack_index_swap(oid) returns void', 'get_table_and_inheritors(regclass) returns regclass[]',
    'repack_apply(sql_peek cstring, sql_insert cstring, sql_delete cstring, sql_update cstring, sql_pop cstring, count integer) returns integer']
  loop
    one := replace(one, 'cstring', 'text');
    execute format('create function repack.%s language plpgsql as %L', one,
      format('begin raise exception using errcode = ''0A000'', message = %L; end',
        format('simulated: pg_repack.%s is not carried out by the embedded platform', split_part(one, '(', 1))));
  end loop;
end
$do$;

create view repack.primary_keys as
select indrelid, indexrelid from pg_catalog.pg_index where indisprimary and indisvalid;

grant usage on schema repack to postgres with grant option;
grant all on all tables in schema repack to postgres with grant option;
grant all on all routines in schema repack to postgres with grant option;
