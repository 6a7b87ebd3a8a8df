-- The entry points of GraphQL, which answer that nothing answers. Hosted's event trigger makes the wrapper that the API
-- calls and opens both to the API roles when the extension is created; that is done here.

create sequence graphql.seq_schema_version as integer cycle;
create function graphql.get_schema_version() returns integer language sql security definer set search_path = pg_catalog, pg_temp as $$
  select last_value::integer from graphql.seq_schema_version
$$;
create function graphql.exception(message text) returns text language plpgsql as $$
begin
  raise exception using errcode = '22000', message = message;
end
$$;
create function graphql.comment_directive(comment_ text) returns jsonb language sql immutable as $$
  select coalesce((regexp_match(comment_, '@graphql\((.+)\)'))[1]::jsonb, '{}')
$$;
create function graphql._internal_resolve(
  query text, variables jsonb default '{}', "operationName" text default null, extensions jsonb default null
) returns jsonb language sql as $$
  select jsonb_build_object('data', null, 'errors', jsonb_build_array(jsonb_build_object(
    'message', 'simulated: the embedded platform answers no GraphQL query')))
$$;
create function graphql.resolve(
  query text, variables jsonb default '{}', "operationName" text default null, extensions jsonb default null
) returns jsonb language sql as $$
  select graphql._internal_resolve(query, variables, "operationName", extensions)
$$;

do $do$
begin
  if to_regnamespace('graphql_public') is not null then
    drop function if exists graphql_public.graphql(text, text, jsonb, jsonb);
    create function graphql_public.graphql(
      "operationName" text default null, query text default null, variables jsonb default null, extensions jsonb default null
    ) returns jsonb language sql as $$
      select graphql.resolve(query := query, variables := coalesce(variables, '{}'), "operationName" := "operationName",
        extensions := extensions)
    $$;
    grant usage on schema graphql_public to postgres with grant option;
  end if;
end
$do$;
grant usage on schema graphql to postgres with grant option;
grant usage on schema graphql to anon, authenticated, service_role;
grant execute on all functions in schema graphql to postgres, anon, authenticated, service_role;
grant all on all sequences in schema graphql to postgres, anon, authenticated, service_role;
