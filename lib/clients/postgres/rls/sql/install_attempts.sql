-- Tries statements one after the other, each as a chosen role with chosen claims, and undoes every one.
-- One call tries a whole list, so that the number of round trips does not grow with the matrix.
--
-- plan: an array of objects, each with
--   claims  text of the request's claims            role    the role to act as; null: the caller
--   path    search_path while acting                quiet   whether triggers and foreign keys are off
--   capture SQL, one text, kept as $1 of act        remove  SQL run before acting, always by the caller
--   takes   whether `remove` answers what `capture` would: it is then asked alone, unless a trigger kept the row where it was
--   act     SQL tried as the role                   reads   'texts' or 'places': act answers one text[] or tid[]
--   witness SQL by the caller after acting and before undoing: one text[]
--   places  SQL by the caller before acting, and again before undoing: one tid[]; when both are equal, no row was touched
--   total   rows of a table where act reads or touches as many rows as it says, and none else: only after an act that reached
--           some of them and not all are its places asked, and is anything measured
--   measure SQL by the caller after undoing; $1 is what was read or witnessed, $2 the places; answers one jsonb
--   unless  a text: nothing is measured when it is the first that was witnessed
--   inner   whether what was witnessed is for the measure alone, and not answered
-- Best with the quiet ones together: at each switch the server forgets every plan of this function, which takes as long as
-- an attempt. And with those of one table together: the places before acting are then read once for all of them.
-- answers: phase (the last one begun; 'done' on success), sqlstate and message of what stopped it,
--   touched rows, witnessed text[], measured jsonb, broke: the table whose constraint the act broke, as schema.table;
--   reached: 'none' or 'all' where no row was read or touched, or every one, so that nothing was measured.
create or replace function pg_temp.launch_attempts(plan jsonb)
returns table (
  number bigint, phase text, code text, message text, touched bigint, witnessed text[], measured jsonb, broke text, reached text
)
language plpgsql
as $attempts$
declare
  home constant text := current_setting('role');
  path constant text := current_setting('search_path');
  replication constant text := current_setting('session_replication_role');
  step record;
  captured text;
  kept tid[];
  known text;
  known_places tid[];
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
        claims text, role text, path text, quiet boolean, capture text, remove text, takes boolean, act text, reads text, witness text,
        places text, total bigint, measure text, unless text, "inner" boolean
      )
    order by each.ordinality
  loop
    number := step.ordinality;
    phase := 'prepare';
    code := null; message := null; touched := null; witnessed := '{}'; measured := null; captured := null; broke := null;
    kept := null; reached := null;
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
    if step.total is null and step.places is distinct from known then
      known := step.places; known_places := null;
      begin
        if known is not null then
          execute known into known_places;
        end if;
      exception
        when others then
          null;  -- it will be said again once the act was tried
      end;
    end if;
    begin
      if step.takes then
        execute step.remove into captured;
      end if;
      if step.capture is not null and captured is null then
        execute step.capture into captured;
        if captured is null then
          raise exception 'the row to start from is gone';
        end if;
      end if;
      if step.remove is not null and step.takes is not true then
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
      if step.reads = 'texts' then
        execute step.act into witnessed using captured;
        touched := cardinality(witnessed);
      elsif step.reads = 'places' then
        execute step.act into kept using captured;
        touched := cardinality(kept);
        reached := case touched when 0 then 'none' when step.total then 'all' end;
      else
        execute step.act using captured;
        get diagnostics touched = row_count;
      end if;
      perform set_config('search_path', path, true), set_config('role', home, true);
      phase := 'witness';
      if step.witness is not null then
        execute step.witness into witnessed using captured;
      elsif step.total is not null and touched in (0, step.total) then
        reached := case touched when 0 then 'none' else 'all' end;
      elsif step.places is not null then
        execute step.places into kept;
        reached := case when step.total is null and kept = known_places then 'none' end;
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
        if step.measure is not null and reached is null and (step.unless is null or step.unless is distinct from witnessed[1]) then
          execute step.measure into measured using coalesce(witnessed, '{}'), coalesce(kept, '{}');
        end if;
        phase := 'done';
      exception
        when others then
          code := sqlstate; message := sqlerrm;
      end;
    end if;
    if step."inner" then
      witnessed := null;
    end if;
    return next;
  end loop;
  if is_quiet then
    execute format('set local session_replication_role = %I', replication);
  end if;
end
$attempts$;
