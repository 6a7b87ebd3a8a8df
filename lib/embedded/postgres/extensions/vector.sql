-- Vectors kept as the text of a JSON array (sparse ones as text), and computed with for real, slowly.
-- json_in refuses what is no list; the cast to a column's own dimensions checks the rest and writes numbers as hosted
-- does. Both index methods build Postgres's own Bloom filter, which keeps a definition with its settings and answers no
-- search by distance: a query reads the whole table.
-- The extension can be moved, so every body finds its helpers by identity (begin atomic) or needs none.

create type vector;
create type halfvec;
create type sparsevec;
create function vector_in(cstring, oid, integer) returns vector language internal immutable strict parallel safe as 'json_in';
create function vector_out(vector) returns cstring language internal immutable strict parallel safe as 'json_out';
create function vector_typmod_in(cstring[]) returns integer language internal immutable strict parallel safe as 'bittypmodin';
create type vector (input = vector_in, output = vector_out, typmod_in = vector_typmod_in, storage = external);
create function halfvec_in(cstring, oid, integer) returns halfvec language internal immutable strict parallel safe as 'json_in';
create function halfvec_out(halfvec) returns cstring language internal immutable strict parallel safe as 'json_out';
create function halfvec_typmod_in(cstring[]) returns integer language internal immutable strict parallel safe as 'bittypmodin';
create type halfvec (input = halfvec_in, output = halfvec_out, typmod_in = halfvec_typmod_in, storage = external);
create function sparsevec_in(cstring, oid, integer) returns sparsevec language internal immutable strict parallel safe as 'textin';
create function sparsevec_out(sparsevec) returns cstring language internal immutable strict parallel safe as 'textout';
create function sparsevec_typmod_in(cstring[]) returns integer
  language internal immutable strict parallel safe as 'bittypmodin';
create type sparsevec (input = sparsevec_in, output = sparsevec_out, typmod_in = sparsevec_typmod_in, storage = external);

-- ---------------------------------------------------------------- helpers on text and numbers alone
create function _stand_in_numbers(source text, kind text) returns float8[] language plpgsql immutable strict parallel safe as $$
declare
  dense float8[];
  part text[];
begin
  if kind <> 'sparsevec' then
    if source !~ '^\s*\[[^][]*\]\s*$' then
      raise exception using errcode = '22P02', message = format('invalid input syntax for type %s: "%s"', kind, left(source, 200));
    end if;
    dense := string_to_array(btrim(source, E'[] \t\r\n'), ',')::real[];
  else
    part := regexp_match(source, '^\s*\{\s*([^{}]*?)\s*\}\s*/\s*([0-9]{1,9})\s*$');
    if part is null then
      raise exception using errcode = '22P02', message = format('invalid input syntax for type sparsevec: "%s"', left(source, 200));
    elsif part[2]::integer > 16000 then
      raise exception using errcode = '0A000', message = 'simulated: a sparsevec has at most 16000 dimensions here';
    end if;
    dense := array_fill(0::float8, array[part[2]::integer]);
    for part in select string_to_array(one, ':') || part[2] from unnest(string_to_array(part[1], ',')) as one loop
      if part[1]::integer not between 1 and part[3]::integer then
        raise exception using errcode = '22P02', message = 'sparsevec index out of bounds';
      end if;
      dense[part[1]::integer] := part[2]::real;
    end loop;
  end if;
  if cardinality(dense) = 0 then
    raise exception using errcode = '22000', message = format('%s must have at least 1 dimension', kind);
  elsif 'NaN'::float8 = any (dense) then
    raise exception using errcode = '22003', message = format('NaN not allowed in %s', kind);
  elsif 'Infinity'::float8 = any (dense) or '-Infinity'::float8 = any (dense) then
    raise exception using errcode = '22003', message = format('infinite value not allowed in %s', kind);
  elsif cardinality(dense) > 16000 then
    raise exception using errcode = '54000', message = format('%s cannot have more than 16000 dimensions', kind);
  end if;
  return dense;
end
$$;

create function _stand_in_text(numbers float8[], kind text, dimensions integer) returns text
language plpgsql immutable strict parallel safe as $$
begin
  if array_position(numbers, null) is not null then
    raise exception using errcode = '22004', message = 'array must not contain nulls';
  elsif dimensions > 0 and dimensions <> cardinality(numbers) then
    raise exception using errcode = '22000', message = format('expected %s dimensions, not %s', dimensions, cardinality(numbers));
  elsif kind <> 'sparsevec' then
    return '[' || array_to_string(numbers::real[], ',') || ']';
  end if;
  return '{' || coalesce((select string_agg(place || ':' || one::real, ',' order by place)
    from unnest(numbers) with ordinality as n (one, place) where one <> 0), '') || '}/' || cardinality(numbers);
end
$$;

create function _stand_in_measure(what text, a float8[], b float8[]) returns float8
language plpgsql immutable strict parallel safe as $$
declare
  answer float8;
begin
  if cardinality(a) <> cardinality(b) then
    raise exception using errcode = '22000',
      message = format('different vector dimensions %s and %s', cardinality(a), cardinality(b));
  end if;
  select case what
      when 'l2' then sqrt(sum((x - y) * (x - y)))
      when 'l2 squared' then sum((x - y) * (x - y))
      when 'l1' then sum(abs(x - y))
      when 'inner' then sum(x * y)
      when 'negative inner' then -sum(x * y)
      when 'spherical' then acos(greatest(-1, least(1, sum(x * y)))) / pi()
      when 'cosine' then case when sum(x * x) * sum(y * y) = 0 then 'NaN'
        else 1 - greatest(-1, least(1, sum(x * y) / sqrt(sum(x * x) * sum(y * y)))) end
    end into answer
  from unnest(a, b) as pair (x, y);
  return answer;
end
$$;

create function _stand_in_calculate(what text, a float8[], b float8[]) returns float8[]
language plpgsql immutable strict parallel safe as $$
begin
  if cardinality(a) <> cardinality(b) then
    raise exception using errcode = '22000',
      message = format('different vector dimensions %s and %s', cardinality(a), cardinality(b));
  end if;
  return (select array_agg(case what when '+' then x + y when '-' then x - y else x * y end order by place)
    from unnest(a, b) with ordinality as pair (x, y, place));
end
$$;

create function _stand_in_accumulate(state float8[], one float8[]) returns float8[]
language plpgsql immutable strict parallel safe as $$
begin
  if state[1] = 0 then
    return 1::float8 || one;
  elsif cardinality(state) <> cardinality(one) + 1 then
    raise exception using errcode = '22000', message = format('expected %s dimensions, not %s', cardinality(state) - 1, cardinality(one));
  end if;
  return (state[1] + 1) || (select array_agg(x + y order by place) from unnest(state[2:], one) with ordinality as p (x, y, place));
end
$$;

create function _stand_in_combine(a float8[], b float8[]) returns float8[] language plpgsql immutable strict parallel safe as $$
begin
  if a[1] = 0 or b[1] = 0 then
    return case when a[1] = 0 then b else a end;
  end if;
  return (select array_agg(x + y order by place) from unnest(a, b) with ordinality as p (x, y, place));
end
$$;

-- ---------------------------------------------------------------- what all three types have
do $do$
declare
  kind text;
  name text;
  what text;
  sign text;
begin
  foreach kind in array array['vector', 'halfvec', 'sparsevec'] loop
    execute format('create function _stand_in_numbers(%1$s) returns float8[] language sql immutable strict parallel safe
      begin atomic select _stand_in_numbers($1::text, %2$L); end', kind, kind);
    execute format('create function %1$s(%1$s, integer, boolean) returns %1$s language sql immutable strict parallel safe
      begin atomic select _stand_in_text(_stand_in_numbers($1), %2$L, $2)::%1$s; end', kind, kind);
    execute format('create cast (%1$s as %1$s) with function %1$s(%1$s, integer, boolean) as implicit', kind);
    for name, what in values ('l2_distance', 'l2'), ('inner_product', 'inner'), ('cosine_distance', 'cosine'),
      ('l1_distance', 'l1'), (kind || '_l2_squared_distance', 'l2 squared'),
      (kind || '_negative_inner_product', 'negative inner'), (kind || '_spherical_distance', 'spherical')
    loop
      continue when name = 'sparsevec_spherical_distance';
      execute format('create function %1$s(%2$s, %2$s) returns float8 language sql immutable strict parallel safe
        begin atomic select _stand_in_measure(%3$L, _stand_in_numbers($1), _stand_in_numbers($2)); end', name, kind, what);
    end loop;
    execute format('create function %1$s(%2$s) returns float8 language sql immutable strict parallel safe
      begin atomic select sqrt(_stand_in_measure(''inner'', _stand_in_numbers($1), _stand_in_numbers($1))); end',
      case kind when 'vector' then 'vector_norm' else 'l2_norm' end, kind);
    execute format('create function l2_normalize(%1$s) returns %1$s language sql immutable strict parallel safe
      begin atomic
        select _stand_in_text(array_agg(case when total = 0 then 0 else one / sqrt(total) end order by place), %2$L, -1)::%1$s
        from (select one, place, sum(one * one) over () from unnest(_stand_in_numbers($1)) with ordinality as n (one, place))
          as n (one, place, total);
      end', kind, kind);
    for name, sign in values ('lt', '<'), ('le', '<='), ('eq', '='), ('ne', '<>'), ('ge', '>='), ('gt', '>') loop
      execute format('create function %1$s_%2$s(%1$s, %1$s) returns boolean language sql immutable strict parallel safe
        begin atomic select _stand_in_numbers($1) %3$s _stand_in_numbers($2); end', kind, name, sign);
    end loop;
    execute format('create function %1$s_cmp(%1$s, %1$s) returns integer language sql immutable strict parallel safe
      begin atomic select btarraycmp(_stand_in_numbers($1), _stand_in_numbers($2)); end', kind);
    for sign, name in values ('<->', 'l2_distance'), ('<#>', kind || '_negative_inner_product'),
      ('<=>', 'cosine_distance'), ('<+>', 'l1_distance')
    loop
      execute format('create operator %s (leftarg = %s, rightarg = %2$s, procedure = %3$s, commutator = ''%1$s'')',
        sign, kind, name);
    end loop;
    for sign, name, what in values ('<', 'lt', 'commutator = >, negator = >=, restrict = scalarltsel, join = scalarltjoinsel'),
      ('<=', 'le', 'commutator = >=, negator = >, restrict = scalarlesel, join = scalarlejoinsel'),
      ('=', 'eq', 'commutator = =, negator = <>, restrict = eqsel, join = eqjoinsel'),
      ('<>', 'ne', 'commutator = <>, negator = =, restrict = eqsel, join = eqjoinsel'),
      ('>=', 'ge', 'commutator = <=, negator = <, restrict = scalargesel, join = scalargejoinsel'),
      ('>', 'gt', 'commutator = <, negator = <=, restrict = scalargtsel, join = scalargtjoinsel')
    loop
      execute format('create operator %1$s (leftarg = %2$s, rightarg = %2$s, procedure = %2$s_%3$s, %4$s)', sign, kind, name, what);
    end loop;
    execute format('create operator class %1$s_ops default for type %1$s using btree as
      operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 %1$s_cmp(%1$s, %1$s)', kind);
    for what in values ('integer'), ('real'), ('double precision'), ('numeric') loop
      execute format('create function array_to_%1$s(%2$s[], integer, boolean) returns %1$s
        language sql immutable strict parallel safe
        begin atomic select _stand_in_text($1::float8[], %3$L, $2)::%1$s; end', kind, what, kind);
      execute format('create cast (%2$s[] as %1$s) with function array_to_%1$s(%2$s[], integer, boolean) as assignment', kind, what);
    end loop;
  end loop;

  -- -------------------------------------------------------------- what the dense types have
  foreach kind in array array['vector', 'halfvec'] loop
    execute format('create function vector_dims(%1$s) returns integer language sql immutable strict parallel safe
      begin atomic select cardinality(_stand_in_numbers($1)); end', kind);
    execute format('create function binary_quantize(%1$s) returns bit language sql immutable strict parallel safe
      begin atomic select string_agg(case when one > 0 then ''1'' else ''0'' end, '''' order by place)::varbit
        from unnest(_stand_in_numbers($1)) with ordinality as n (one, place); end', kind);
    execute format('create function subvector(%1$s, integer, integer) returns %1$s language sql immutable strict parallel safe
      begin atomic select _stand_in_text((_stand_in_numbers($1))[greatest($2, 1):$2 + $3 - 1], %2$L, -1)::%1$s; end', kind, kind);
    for name, sign, what in values ('add', '+', ', commutator = +'), ('sub', '-', ''), ('mul', '*', ', commutator = *') loop
      execute format('create function %1$s_%2$s(%1$s, %1$s) returns %1$s language sql immutable strict parallel safe
        begin atomic select _stand_in_text(_stand_in_calculate(%3$L, _stand_in_numbers($1), _stand_in_numbers($2)), %4$L, -1)::%1$s;
        end', kind, name, sign, kind);
      execute format('create operator %3$s (leftarg = %1$s, rightarg = %1$s, procedure = %1$s_%2$s%4$s)', kind, name, sign, what);
    end loop;
    execute format('create function %1$s_concat(%1$s, %1$s) returns %1$s language sql immutable strict parallel safe
      begin atomic select _stand_in_text(_stand_in_numbers($1) || _stand_in_numbers($2), %2$L, -1)::%1$s; end', kind, kind);
    execute format('create operator || (leftarg = %1$s, rightarg = %1$s, procedure = %1$s_concat)', kind);
    execute format('create function %1$s_to_float4(%1$s, integer, boolean) returns real[]
      language sql immutable strict parallel safe begin atomic select _stand_in_numbers($1)::real[]; end', kind);
    execute format('create cast (%1$s as real[]) with function %1$s_to_float4(%1$s, integer, boolean) as %2$s', kind,
      case kind when 'vector' then 'implicit' else 'assignment' end);
    execute format('create function %1$s_accum(float8[], %1$s) returns float8[] language sql immutable strict parallel safe
      begin atomic select _stand_in_accumulate($1, _stand_in_numbers($2)); end', kind);
    execute format('create function %1$s_avg(float8[]) returns %1$s language sql immutable strict parallel safe
      begin atomic select case when $1[1] = 0 then null else
        (select _stand_in_text(array_agg(one / $1[1] order by place), %2$L, -1)::%1$s
         from unnest($1[2:]) with ordinality as n (one, place)) end; end', kind, kind);
    execute format('create function %1$s_combine(float8[], float8[]) returns float8[] language sql immutable strict parallel safe
      begin atomic select _stand_in_combine($1, $2); end', kind);
    execute format('create aggregate avg(%1$s) (sfunc = %1$s_accum, stype = float8[], finalfunc = %1$s_avg,
      combinefunc = %1$s_combine, initcond = ''{0}'', parallel = safe)', kind);
    execute format('create aggregate sum(%1$s) (sfunc = %1$s_add, stype = %1$s, combinefunc = %1$s_add, parallel = safe)', kind);
  end loop;

  -- -------------------------------------------------------------- from one type to another
  for kind, what, sign in values ('vector', 'halfvec', 'implicit'), ('halfvec', 'vector', 'implicit'),
    ('vector', 'sparsevec', 'implicit'), ('sparsevec', 'vector', 'assignment'), ('halfvec', 'sparsevec', 'implicit'),
    ('sparsevec', 'halfvec', 'assignment')
  loop
    execute format('create function %1$s_to_%2$s(%1$s, integer, boolean) returns %2$s language sql immutable strict parallel safe
      begin atomic select _stand_in_text(_stand_in_numbers($1), %3$L, $2)::%2$s; end', kind, what, what);
    execute format('create cast (%1$s as %2$s) with function %1$s_to_%2$s(%1$s, integer, boolean) as %3$s', kind, what,
      case when kind = 'halfvec' and what = 'vector' then 'assignment' else sign end);
  end loop;
end
$do$;

-- ---------------------------------------------------------------- bits
create function hamming_distance(bit, bit) returns float8 language plpgsql immutable strict parallel safe as $$
begin
  if length($1) <> length($2) then
    raise exception using errcode = '22000', message = format('different bit lengths %s and %s', length($1), length($2));
  end if;
  return bit_count($1 # $2);
end
$$;
create function jaccard_distance(bit, bit) returns float8 language plpgsql immutable strict parallel safe as $$
begin
  if length($1) <> length($2) then
    raise exception using errcode = '22000', message = format('different bit lengths %s and %s', length($1), length($2));
  end if;
  return case when bit_count($1 & $2) = 0 then 1 else 1 - bit_count($1 & $2)::float8 / bit_count($1 | $2) end;
end
$$;
create operator <~> (leftarg = bit, rightarg = bit, procedure = hamming_distance, commutator = '<~>');
create operator <%> (leftarg = bit, rightarg = bit, procedure = jaccard_distance, commutator = '<%>');

-- ---------------------------------------------------------------- indexes
-- Each library is a copy of Postgres's own bloom whose settings are called as these methods' are. Where there is none,
-- the hash method stands in, and refuses `with (lists = ...)` and `with (m = ...)`.
create function _stand_in_hash(internal) returns integer language internal immutable strict as 'hashvarlena';
do $do$
declare
  method text;
  kind text;
  classes text[];
  class text;
begin
  foreach method in array array['ivfflat', 'hnsw'] loop
    begin
      execute format('create function %1$shandler(internal) returns index_am_handler language c as ''$libdir/stand_in_%1$s'', ''blhandler''',
        method);
    exception when undefined_file then
      execute format('create function %1$shandler(internal) returns index_am_handler language internal as ''hashhandler''', method);
    end;
    execute format('create access method %1$s type index handler %1$shandler', method);
    for kind, classes in values ('vector', '{l2,ip,cosine}'::text[]), ('halfvec', '{l2,ip,cosine}'), ('bit', '{hamming}') loop
      if method = 'hnsw' then
        classes := classes || case kind when 'bit' then 'jaccard' else 'l1' end;
      end if;
      foreach class in array classes loop
        execute format('create operator class %1$s_%2$s_ops %3$s for type %1$s using %4$s as function 1 _stand_in_hash(internal)',
          kind, class, case when kind = 'vector' and class = 'l2' and method = 'ivfflat' then 'default' else '' end, method);
      end loop;
    end loop;
  end loop;
  foreach class in array array['l2', 'ip', 'cosine', 'l1'] loop
    execute format('create operator class sparsevec_%1$s_ops for type sparsevec using hnsw as function 1 _stand_in_hash(internal)', class);
  end loop;
end
$do$;

-- Anybody may set these for a role or a database where the library is loaded.
grant set on parameter hnsw.ef_search, hnsw.iterative_scan, hnsw.max_scan_tuples, hnsw.scan_mem_multiplier, ivfflat.probes,
  ivfflat.iterative_scan, ivfflat.max_probes to postgres;
