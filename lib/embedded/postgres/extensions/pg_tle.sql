-- Extensions written in the database: their lists are empty, and installing one is refused.

create type pgtle.pg_tle_features as enum ('passcheck', 'clientauth');
create type pgtle.password_types as enum ('PASSWORD_TYPE_PLAINTEXT', 'PASSWORD_TYPE_MD5', 'PASSWORD_TYPE_SCRAM_SHA_256');
create table pgtle.feature_info (
  feature pgtle.pg_tle_features,
  schema_name text,
  proname text,
  obj_identity text not null,
  primary key (feature, schema_name, proname)
);
select pg_catalog.pg_extension_config_dump('pgtle.feature_info', '');

create function pgtle.available_extensions(out name name, out default_version text, out comment text)
returns setof record language sql stable strict as $$ select null::name, null::text, null::text where false $$;
create function pgtle.available_extension_versions(
  out name name, out version text, out superuser boolean, out trusted boolean, out relocatable boolean, out schema name,
  out requires name[], out comment text
) returns setof record language sql stable strict as $$
  select null::name, null::text, null::boolean, null::boolean, null::boolean, null::name, null::name[], null::text where false
$$;
create function pgtle.extension_update_paths(name name, out source text, out target text, out path text)
returns setof record language sql stable strict as $$ select null::text, null::text, null::text where false $$;

do $do$
declare
  one text;
begin
  foreach one in array array[
    'install_extension(name text, version text, description text, ext text, requires text[] default null) returns boolean',
    'install_extension_version_sql(name text, version text, ext text) returns boolean',
    'install_update_path(name text, fromvers text, tovers text, ext text) returns boolean',
    'set_default_version(name text, version text) returns boolean',
    'uninstall_extension(extname text) returns boolean', 'uninstall_extension(extname text, version text) returns boolean',
    'uninstall_extension_if_exists(extname text) returns boolean',
    'uninstall_update_path(extname text, fromvers text, tovers text) returns boolean',
    'uninstall_update_path_if_exists(extname text, fromvers text, tovers text) returns boolean',
    'create_shell_type(typenamespace regnamespace, typename name) returns void',
    'create_shell_type_if_not_exists(typenamespace regnamespace, typename name) returns boolean',
    'create_base_type(typenamespace regnamespace, typename name, infunc regprocedure, outfunc regprocedure, internallength integer, alignment text default ''int4'', storage text default ''plain'') returns void',
    'create_base_type_if_not_exists(typenamespace regnamespace, typename name, infunc regprocedure, outfunc regprocedure, internallength integer, alignment text default ''int4'', storage text default ''plain'') returns boolean',
    'create_operator_func(typenamespace regnamespace, typename name, opfunc regprocedure) returns void',
    'create_operator_func_if_not_exists(typenamespace regnamespace, typename name, opfunc regprocedure) returns boolean',
    'register_feature(proc regproc, feature pgtle.pg_tle_features) returns void',
    'register_feature_if_not_exists(proc regproc, feature pgtle.pg_tle_features) returns boolean',
    'unregister_feature(proc regproc, feature pgtle.pg_tle_features) returns void',
    'unregister_feature_if_exists(proc regproc, feature pgtle.pg_tle_features) returns boolean']
  loop
    execute format('create function pgtle.%s language plpgsql as %L', one,
      format('begin raise exception using errcode = ''0A000'', message = %L; end',
        format('simulated: pg_tle.%s is not carried out by the embedded platform', split_part(one, '(', 1))));
  end loop;
  if not exists (select from pg_catalog.pg_roles where rolname = 'pgtle_admin') then
    create role pgtle_admin nologin;
  end if;
end
$do$;
grant pgtle_admin to postgres;
grant usage, create on schema pgtle to pgtle_admin;
