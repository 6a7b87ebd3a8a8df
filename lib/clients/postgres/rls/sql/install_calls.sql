-- Calls functions one after the other, each as a chosen role with chosen claims, and undoes every one.
--
-- plan: an array of objects, each with
--   role, claims, path  as the API sets them        quiet   whether triggers and foreign keys are off
--   act     SQL that calls the function             reads   whether act answers one text[]
-- places: an array of objects, each with
--   name    of a table                              oids    of the table and its partitions
--   after   SQL by the caller after a call that wrote there and before undoing: a text[] of the places of its rows, and a jsonb
--   before  SQL by the caller after undoing; $1 is these places; answers one jsonb
-- answers: phase ('done' on success), sqlstate and message of what stopped it, output text[],
--   changes: name -> [what after said, what before said], of the tables that were written to.
create or replace function pg_temp.launch_calls(plan jsonb, places jsonb)
returns table (number bigint, phase text, code text, message text, output text[], changes jsonb)
language plpgsql
as $calls$
declare
  home constant text := current_setting('role');
  path constant text := current_setting('search_path');
  step jsonb;
  place jsonb;
  marks text[];
  written jsonb;
  kept jsonb;
  spots text[];
  made jsonb;
  gone jsonb;
begin
  for step, number in select value, ordinality from jsonb_array_elements(plan) with ordinality loop
    phase := 'prepare';
    code := null; message := null; output := '{}'; changes := '{}'; written := '[]'; kept := '{}';
    perform set_config(name, '', true)
    from unnest(array['request.jwt.claim', 'request.jwt.claim.sub', 'request.jwt.claim.role', 'request.jwt.claim.email']) as name;
    perform set_config('request.jwt.claims', step ->> 'claims', true);
    begin
      marks := pg_temp.launch_marks(places);
      if (step ->> 'quiet')::boolean then
        execute 'set local session_replication_role = replica';
      end if;
      execute format('set local role %I', step ->> 'role');
      perform set_config('search_path', step ->> 'path', true);
      phase := 'act';
      if (step ->> 'reads')::boolean then
        execute step ->> 'act' into output;
      else
        execute step ->> 'act';
      end if;
      perform set_config('search_path', path, true);
      perform set_config('role', home, true);
      phase := 'witness';
      select coalesce(jsonb_agg(one.value), '[]') into written
      from jsonb_array_elements(places) with ordinality as one
      join unnest(marks) with ordinality as before (mark, at) on before.at = one.ordinality
      join unnest(pg_temp.launch_marks(places)) with ordinality as after (mark, at) on after.at = one.ordinality
      where before.mark <> after.mark;
      for place in select value from jsonb_array_elements(written) loop
        execute place ->> 'after' into spots, made;
        kept := kept || jsonb_build_object(place ->> 'name', jsonb_build_array(to_jsonb(spots), made));
      end loop;
      phase := 'undo';
      raise exception using errcode = 'LRUND';
    exception
      when sqlstate 'LRUND' then
        phase := 'done';
      when others then
        code := sqlstate; message := sqlerrm;
    end;
    if phase = 'done' then
      begin
        for place in select value from jsonb_array_elements(written) loop
          execute place ->> 'before' into gone
          using array(select jsonb_array_elements_text(kept -> (place ->> 'name') -> 0));
          changes := changes || jsonb_build_object(place ->> 'name', jsonb_build_array(kept -> (place ->> 'name') -> 1, gone));
        end loop;
      exception
        when others then
          phase := 'measure'; code := sqlstate; message := sqlerrm;
      end;
    end if;
    return next;
  end loop;
end
$calls$;

-- What tells whether a table was written to since: rows counted by the server, and the file that a TRUNCATE replaces.
create or replace function pg_temp.launch_marks(places jsonb)
returns text[]
language sql
as $marks$
  select array_agg(
    (
      select string_agg(concat_ws(' ',
        pg_stat_get_xact_tuples_inserted(part::oid), pg_stat_get_xact_tuples_updated(part::oid),
        pg_stat_get_xact_tuples_deleted(part::oid), pg_relation_filenode(part::oid)
      ), ',' order by part)
      from jsonb_array_elements_text(one.value -> 'oids') as part
    ) order by one.ordinality
  )
  from jsonb_array_elements(places) with ordinality as one
$marks$;
