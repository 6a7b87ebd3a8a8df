-- Tries statements one after the other, each as a chosen role with chosen claims, and undoes every one.
-- One call tries a whole list, so that the number of round trips does not grow with the matrix.
--
-- plan: an array of objects, each with
--   claims  text of the request's claims            role    the role to act as; null: the caller
--   path    search_path while acting                quiet   whether triggers and foreign keys are off
--   capture SQL, one text, kept as $1 of act        remove  SQL run before acting, always by the caller
--   act     SQL tried as the role                   reads   whether act answers one text[]
--   witness SQL by the caller after acting and before undoing: one text[]
--   measure SQL by the caller after undoing; $1 is what was read or witnessed; answers one jsonb
-- Best with the quiet ones together: at each switch the server forgets every plan of this function, which takes as long as
-- an attempt.
-- answers: phase (the last one begun; 'done' on success), sqlstate and message of what stopped it,
--   touched rows, witnessed text[], measured jsonb, broke: the table whose constraint the act broke, as schema.table.
create or replace function pg_temp.launch_attempts(plan jsonb)
returns table (number bigint, phase text, code text, message text, touched bigint, witnessed text[], measured jsonb, broke text)
language plpgsql
as $attempts$
declare
  home constant text := current_setting('role');
  path constant text := current_setting('search_path');
  replication constant text := current_setting('session_replication_role');
  step record;
  captured text;
  in_schema text;
  is_quiet boolean := false;
begin
  -- The older per-claim settings win over the JSON in auth.uid(): emptied, so that none is left over.
  perform set_config(name, '', true)
  from unnest(array['request.jwt.claim', 'request.jwt.claim.sub', 'request.jwt.claim.role', 'request.jwt.claim.email']) as name;
  for step in
    select each.ordinality, said.*
    from jsonb_array_elements(plan) with ordinality as each (value, ordinality),
      jsonb_to_record(each.value) as said (
        claims text, role text, path text, quiet boolean, capture text, remove text, act text, reads boolean, witness text, measure text
      )
    order by each.ordinality
  loop
    number := step.ordinality;
    phase := 'prepare';
    code := null; message := null; touched := null; witnessed := '{}'; measured := null; captured := null; broke := null;
    if step.quiet is distinct from is_quiet then
      begin
        -- As a statement, not by set_config: a hosted project allows it by a hook on the statement.
        execute format('set local session_replication_role = %I', case when step.quiet then 'replica' else replication end);
        is_quiet := step.quiet;
      exception
        when others then
          code := sqlstate; message := sqlerrm;
          return next;
          continue;
      end;
    end if;
    perform set_config('request.jwt.claims', step.claims, true);
    begin
      if step.capture is not null then
        execute step.capture into captured;
        if captured is null then
          raise exception 'the row to start from is gone';
        end if;
      end if;
      if step.remove is not null then
        execute step.remove;
      end if;
      if step.role is not null then
        execute format('set local role %I', step.role);
        if current_user is distinct from step.role::name then
          raise exception 'the role did not change to %', step.role;
        end if;
      end if;
      perform set_config('search_path', step.path, true);
      phase := 'act';
      if step.reads then
        execute step.act into witnessed using captured;
        touched := cardinality(witnessed);
      else
        execute step.act using captured;
        get diagnostics touched = row_count;
      end if;
      perform set_config('search_path', path, true), set_config('role', home, true);
      phase := 'witness';
      if step.witness is not null then
        execute step.witness into witnessed using captured;
      end if;
      phase := 'undo';
      raise exception using errcode = 'LRUND';
    exception
      when sqlstate 'LRUND' then
        phase := 'measure';
      when others then
        code := sqlstate; message := sqlerrm;
        get stacked diagnostics in_schema = schema_name, broke = table_name;
        broke := nullif(in_schema || '.' || broke, '.');
    end;
    if phase = 'measure' then
      begin
        if step.measure is not null then
          execute step.measure into measured using coalesce(witnessed, '{}');
        end if;
        phase := 'done';
      exception
        when others then
          code := sqlstate; message := sqlerrm;
      end;
    end if;
    return next;
  end loop;
  if is_quiet then
    execute format('set local session_replication_role = %I', replication);
  end if;
end
$attempts$;
