-- Costs a query as it is, by explain, and advises nothing: advice needs hypothetical indexes.

create function index_advisor(query text) returns table (
  startup_cost_before jsonb, startup_cost_after jsonb, total_cost_before jsonb, total_cost_after jsonb,
  index_statements text[], errors text[]
) language plpgsql volatile as $$
declare
  plan jsonb;
  asked integer;
begin
  query := regexp_replace(query, ';\s*$', '');
  begin
    execute format('prepare index_advisor_working_statement as %s', query);
    select cardinality(parameter_types) into asked from pg_prepared_statements where name = 'index_advisor_working_statement';
    execute 'explain (format json) execute index_advisor_working_statement'
      || case when asked > 0 then '(' || array_to_string(array_fill('null'::text, array[asked]), ', ') || ')' else '' end into plan;
    deallocate index_advisor_working_statement;
  exception when others then
    return query select null::jsonb, null::jsonb, null::jsonb, null::jsonb, '{}'::text[], array[sqlerrm];
    return;
  end;
  return query select plan -> 0 -> 'Plan' -> 'Startup Cost', plan -> 0 -> 'Plan' -> 'Startup Cost',
    plan -> 0 -> 'Plan' -> 'Total Cost', plan -> 0 -> 'Plan' -> 'Total Cost', '{}'::text[],
    array['simulated: the embedded platform advises no index'];
end
$$;
