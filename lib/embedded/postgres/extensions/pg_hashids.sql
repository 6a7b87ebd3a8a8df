-- Short ids of numbers, by the published Hashids algorithm: carried out in full.

create function @extschema@._stand_in_shuffle(alphabet text, salt text) returns text language plpgsql immutable strict as $$
declare
  letters text[] := string_to_array(alphabet, null);
  kept text;
  swap integer;
  turn integer := 0;
  total integer := 0;
begin
  if salt <> '' then
    for i in reverse cardinality(letters) - 1 .. 1 loop
      turn := turn % length(salt);
      total := total + ascii(substr(salt, turn + 1, 1));
      swap := (ascii(substr(salt, turn + 1, 1)) + turn + total) % i;
      kept := letters[i + 1];
      letters[i + 1] := letters[swap + 1];
      letters[swap + 1] := kept;
      turn := turn + 1;
    end loop;
  end if;
  return array_to_string(letters, '');
end
$$;

-- The alphabet, the separators and the guards that a salt makes of an alphabet.
create function @extschema@._stand_in_setup(
  salt text, given text, out alphabet text, out separators text, out guards text
) language plpgsql immutable strict as $$
declare
  wanted integer;
begin
  select string_agg(one, '' order by place) filter (where one <> all (string_to_array('cfhistuCFHISTU', null))), count(*)
    into alphabet, wanted
  from (select one, min(place) as place from unnest(string_to_array(given, null)) with ordinality as l (one, place) group by one) as l;
  if wanted < 16 then
    raise exception using errcode = '22023', message = 'alphabet must contain at least 16 unique characters';
  elsif strpos(given, ' ') > 0 then
    raise exception using errcode = '22023', message = 'alphabet cannot contain spaces';
  end if;
  select coalesce(string_agg(one, '' order by place), '') into separators
  from unnest(string_to_array('cfhistuCFHISTU', null)) with ordinality as l (one, place) where strpos(given, one) > 0;
  separators := @extschema@._stand_in_shuffle(separators, salt);
  if separators = '' or length(alphabet)::numeric / length(separators) > 3.5 then
    wanted := greatest(ceil(length(alphabet) / 3.5)::integer, 2);
    if wanted > length(separators) then
      wanted := wanted - length(separators);
      separators := separators || left(alphabet, wanted);
      alphabet := substr(alphabet, wanted + 1);
    else
      separators := left(separators, wanted);
    end if;
  end if;
  alphabet := @extschema@._stand_in_shuffle(alphabet, salt);
  wanted := ceil(length(alphabet) / 12.0)::integer;
  guards := left(alphabet, wanted);
  alphabet := substr(alphabet, wanted + 1);
end
$$;

create function @extschema@.id_encode(bigint[], text, integer, text) returns text language plpgsql immutable strict as $$
declare
  numbers alias for $1;
  salt alias for $2;
  least_length alias for $3;
  setup record := @extschema@._stand_in_setup($2, $4);
  alphabet text := setup.alphabet;
  width integer := length(alphabet);
  total bigint;
  rest bigint;
  lottery text;
  word text;
  hash text;
begin
  if cardinality(numbers) = 0 or 0 > any (numbers) then
    raise exception using errcode = '22023', message = 'only numbers from 0 on can be encoded';
  end if;
  select sum(n % (place + 99)) into total from unnest(numbers) with ordinality as l (n, place);
  lottery := substr(alphabet, (total % width)::integer + 1, 1);
  hash := lottery;
  for i in 1 .. cardinality(numbers) loop
    alphabet := @extschema@._stand_in_shuffle(alphabet, left(lottery || salt || alphabet, width));
    rest := numbers[i];
    word := '';
    loop
      word := substr(alphabet, (rest % width)::integer + 1, 1) || word;
      rest := rest / width;
      exit when rest = 0;
    end loop;
    hash := hash || word;
    if i < cardinality(numbers) then
      hash := hash || substr(setup.separators,
        (numbers[i] % (ascii(word) + i - 1) % length(setup.separators))::integer + 1, 1);
    end if;
  end loop;
  if length(hash) < least_length then
    hash := substr(setup.guards, ((total + ascii(hash)) % length(setup.guards))::integer + 1, 1) || hash;
    if length(hash) < least_length then
      hash := hash || substr(setup.guards, ((total + ascii(substr(hash, 3, 1))) % length(setup.guards))::integer + 1, 1);
    end if;
  end if;
  while length(hash) < least_length loop
    alphabet := @extschema@._stand_in_shuffle(alphabet, alphabet);
    hash := substr(alphabet, width / 2 + 1) || hash || left(alphabet, width / 2);
    if length(hash) > least_length then
      hash := substr(hash, (length(hash) - least_length) / 2 + 1, least_length);
    end if;
  end loop;
  return hash;
end
$$;

create function @extschema@.id_decode(text, text, integer, text) returns bigint[] language plpgsql immutable strict as $$
declare
  setup record := @extschema@._stand_in_setup($2, $4);
  alphabet text := setup.alphabet;
  part text[] := string_to_array(translate($1, setup.guards, repeat(' ', length(setup.guards))), ' ');
  core text := part[case when cardinality(part) in (2, 3) then 2 else 1 end];
  word text;
  number numeric;
  numbers bigint[] := '{}';
begin
  foreach word in array string_to_array(
    translate(substr(core, 2), setup.separators, repeat(' ', length(setup.separators))), ' ')
  loop
    alphabet := @extschema@._stand_in_shuffle(alphabet, left(left(core, 1) || $2 || alphabet, length(alphabet)));
    number := 0;
    for i in 1 .. length(word) loop
      number := number * length(alphabet) + strpos(alphabet, substr(word, i, 1)) - 1;
    end loop;
    if word = '' or number not between 0 and 9223372036854775807 then
      number := null;
    end if;
    numbers := numbers || number::bigint;
  end loop;
  if array_position(numbers, null) is not null or @extschema@.id_encode(numbers, $2, $3, $4) <> $1 then
    raise exception using errcode = '22023', message = 'invalid hash';
  end if;
  return numbers;
end
$$;
create function @extschema@.id_decode_once(text, text, integer, text) returns bigint language sql immutable strict as $$
  select (@extschema@.id_decode($1, $2, $3, $4))[1]
$$;

do $do$
declare
  tail text := ', ''abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890''';
  given text[];
begin
  execute $$create function @extschema@.id_encode(bigint, text, integer, text) returns text language sql immutable strict
    as 'select @extschema@.id_encode(array[$1], $2, $3, $4)'$$;
  foreach given slice 1 in array array[['', ', '''', 0'], [', text', ', $2, 0'], [', text, integer', ', $2, $3']] loop
    execute format('create function @extschema@.id_encode(bigint%s) returns text language sql immutable strict as %L',
      given[1], format('select @extschema@.id_encode(array[$1]%s%s)', given[2], tail));
    execute format('create function @extschema@.hash_encode(bigint%s) returns text language sql immutable strict as %L',
      given[1], format('select @extschema@.id_encode(array[$1]%s%s)', given[2], tail));
    execute format('create function @extschema@.id_encode(bigint[]%s) returns text language sql immutable strict as %L',
      given[1], format('select @extschema@.id_encode($1%s%s)', given[2], tail));
    execute format('create function @extschema@.id_decode(text%s) returns bigint[] language sql immutable strict as %L',
      given[1], format('select @extschema@.id_decode($1%s%s)', given[2], tail));
    execute format('create function @extschema@.id_decode_once(text%s) returns bigint language sql immutable strict as %L',
      given[1], format('select (@extschema@.id_decode($1%s%s))[1]', given[2], tail));
  end loop;
  execute format('create function @extschema@.hash_decode(text, text, integer) returns integer language sql immutable strict as %L',
    format('select (@extschema@.id_decode($1, $2, $3%s))[1]::integer', tail));
end
$do$;
