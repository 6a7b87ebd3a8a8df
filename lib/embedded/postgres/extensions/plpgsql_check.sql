-- The functions that check functions, all refused.

do $do$
declare
  options text := 'relid regclass default 0, %sfatal_errors boolean default true, other_warnings boolean default true, '
    'performance_warnings boolean default false, extra_warnings boolean default true, security_warnings boolean default false, '
    'compatibility_warnings boolean default false, oldtable name default null, newtable name default null, '
    'anyelememttype regtype default ''int'', anyenumtype regtype default ''-'', anyrangetype regtype default ''int4range'', '
    'anycompatibletype regtype default ''int'', anycompatiblerangetype regtype default ''int4range'', '
    'without_warnings boolean default false, all_warnings boolean default false, use_incomment_options boolean default true, '
    'incomment_options_usage_warning boolean default false, constant_tracing boolean default true';
  finding text := 'returns table (functionid regproc, lineno integer, statement text, sqlstate text, message text, '
    'detail text, hint text, level text, "position" integer, query text, context text)';
  tracked text := 'relid regclass default 0, anyelememttype regtype default ''int'', anyenumtype regtype default ''-'', '
    'anyrangetype regtype default ''int4range'', anycompatibletype regtype default ''int'', '
    'anycompatiblerangetype regtype default ''int4range''';
  which text;
  one text;
begin
  foreach which in array array['funcoid regprocedure', 'name text'] loop
    foreach one in array array[
      format('plpgsql_check_function(%s, %s) returns setof text', which, format(options, 'format text default ''text'', ')),
      format('plpgsql_check_function_tb(%s, %s) %s', which, format(options, ''), finding),
      format('plpgsql_show_dependency_tb(%s, %s) returns table (type text, oid oid, schema text, name text, params text)',
        case which when 'name text' then 'fnname text' else which end, tracked)]
    loop
      execute format('create function @extschema@.%s language plpgsql as %L', one,
        format('begin raise exception using errcode = ''0A000'', message = %L; end',
          format('simulated: plpgsql_check.%s is not carried out by the embedded platform', split_part(one, '(', 1))));
    end loop;
  end loop;
  foreach one in array array[
    'plpgsql_profiler_function_tb(funcoid regprocedure) returns table (lineno integer, stmt_lineno integer, queryids bigint[], cmds_on_row integer, exec_stmts bigint, exec_stmts_err bigint, total_time double precision, avg_time double precision, max_time double precision[], processed_rows bigint[], source text)',
    'plpgsql_coverage_statements(funcoid regprocedure) returns double precision',
    'plpgsql_coverage_branches(funcoid regprocedure) returns double precision',
    'plpgsql_profiler_reset(funcoid regprocedure) returns void', 'plpgsql_profiler_reset_all() returns void',
    'plpgsql_check_profiler(enable boolean default null) returns boolean',
    'plpgsql_check_tracer(enable boolean default null, verbosity text default null) returns boolean',
    'plpgsql_check_pragma(variadic name text[]) returns integer']
  loop
    execute format('create function @extschema@.%s language plpgsql as %L', one,
      format('begin raise exception using errcode = ''0A000'', message = %L; end',
        format('simulated: plpgsql_check.%s is not carried out by the embedded platform', split_part(one, '(', 1))));
  end loop;
end
$do$;
