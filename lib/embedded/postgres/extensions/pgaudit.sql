-- Nothing is written to an audit log. postgres may set what decides on it, as hosted lets it.

create function pgaudit_ddl_command_end() returns event_trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
end
$$;
create function pgaudit_sql_drop() returns event_trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
end
$$;
grant set on parameter pgaudit.log, pgaudit.log_catalog, pgaudit.log_client, pgaudit.log_level, pgaudit.log_parameter,
  pgaudit.log_relation, pgaudit.log_rows, pgaudit.log_statement, pgaudit.log_statement_once, pgaudit.role to postgres;
