-- Full text search, word by word: a text is searched for a word as a part of it, whatever its case. A query's words are all
-- wanted, OR and - are understood. An index keeps its definition (it is Postgres's own Bloom filter) and answers nothing.

create function @extschema@._stand_in_has(target text, word text) returns boolean language sql immutable strict parallel safe as $$
  select strpos(lower(target), lower(word)) > 0
$$;
-- A query: words that must be there, `OR` between two groups, `-` before a word that must not, quotes around words.
create function @extschema@._stand_in_answers(target text, query text) returns boolean
language sql immutable strict parallel safe as $$
  select exists (
    select from regexp_split_to_table(query, '\s+OR\s+') as choice
    where choice ~ '\S' and not exists (
      select from regexp_matches(choice, '(-?)(?:"([^"]*)"|(\S+))', 'g') as word
      where @extschema@._stand_in_has(target, trim(both '()' from coalesce(word[2], word[3]))) = (word[1] = '-')))
$$;

do $do$
declare
  kind text;
  sign text;
  name text;
  body text;
begin
  for sign, name, body in values
    ('&@', 'match', '@extschema@._stand_in_has($1, $2)'), ('&@~', 'query', '@extschema@._stand_in_answers($1, $2)'),
    ('&^', 'prefix', 'starts_with(lower($1), lower($2))'), ('&~', 'regexp', '$1 ~* $2'), ('&=', 'equal', 'lower($1) = lower($2)'),
    ('&@*', 'similar', 'exists (select from regexp_split_to_table($2, ''\s+'') as w where @extschema@._stand_in_has($1, w))')
  loop
    foreach kind in array array['text', 'varchar'] loop
      execute format('create function @extschema@.pgroonga_%s_%s(%2$s, %2$s) returns boolean language sql immutable strict parallel safe as %3$L',
        name, kind, 'select ' || body);
      execute format('create operator @extschema@.%1$s (leftarg = %2$s, rightarg = %2$s, procedure = @extschema@.pgroonga_%3$s_%2$s)',
        sign, kind, name);
      continue when name in ('regexp', 'equal', 'similar');
      execute format('create function @extschema@.pgroonga_%s_%s_array(%2$s[], %2$s) returns boolean language sql immutable strict parallel safe as %3$L',
        name, kind, format('select exists (select from unnest($1) as one where @extschema@.pgroonga_%s_%s(one, $2))', name, kind));
      execute format('create operator @extschema@.%1$s (leftarg = %2$s[], rightarg = %2$s, procedure = @extschema@.pgroonga_%3$s_%2$s_array)',
        sign, kind, name);
      execute format('create function @extschema@.pgroonga_%s_in_%s(%2$s, %2$s[]) returns boolean language sql immutable strict parallel safe as %3$L',
        name, kind, format('select exists (select from unnest($2) as one where @extschema@.pgroonga_%s_%s($1, one))', name, kind));
      execute format('create operator @extschema@.%1$s| (leftarg = %2$s, rightarg = %2$s[], procedure = @extschema@.pgroonga_%3$s_in_%2$s)',
        sign, kind, name);
    end loop;
  end loop;
  foreach name in array array['match', 'query'] loop
    execute format('create function @extschema@.pgroonga_%1$s_jsonb(jsonb, text) returns boolean language sql immutable strict parallel safe as %2$L',
      name, format('select exists (select from jsonb_path_query($1, ''$.**'') as one where jsonb_typeof(one) = ''string'' and @extschema@.pgroonga_%s_text(one #>> ''{}'', $2))', name));
  end loop;
  execute 'create operator @extschema@.&@ (leftarg = jsonb, rightarg = text, procedure = @extschema@.pgroonga_match_jsonb)';
  execute 'create operator @extschema@.&@~ (leftarg = jsonb, rightarg = text, procedure = @extschema@.pgroonga_query_jsonb)';
end
$do$;

create function @extschema@.pgroonga_score(tableoid oid, ctid tid) returns double precision language sql volatile strict as $$
  select 0::double precision
$$;
create function @extschema@.pgroonga_score("row" record) returns double precision language plpgsql volatile strict as $$
begin
  return 0;
end
$$;
create function @extschema@.pgroonga_escape(value text) returns text language sql immutable strict as $$
  select '"' || replace(replace(value, '\', '\\'), '"', '\"') || '"'
$$;
create function @extschema@.pgroonga_query_escape(query text) returns text language sql immutable strict as $$
  select regexp_replace(query, '([ ()<>~*:"\\+-])', '\\\1', 'g')
$$;
create function @extschema@.pgroonga_normalize(target text) returns text language sql immutable strict as $$
  select lower(normalize(target, nfkc))
$$;
create function @extschema@.pgroonga_normalize(target text, normalizername text) returns text language sql immutable strict as $$
  select lower(normalize(target, nfkc))
$$;
create function @extschema@.pgroonga_query_extract_keywords(query text, index_name text default '') returns text[]
language sql immutable strict as $$
  select coalesce(array_agg(trim(both '()' from coalesce(word[2], word[3]))), '{}')
  from regexp_matches(query, '(-?)(?:"([^"]*)"|(\S+))', 'g') as word where word[1] = '' and word[3] is distinct from 'OR'
$$;
create function @extschema@.pgroonga_highlight_html(target text, keywords text[]) returns text language plpgsql immutable strict as $$
declare
  answer text := replace(replace(replace(target, '&', '&amp;'), '<', '&lt;'), '>', '&gt;');
  keyword text;
begin
  foreach keyword in array keywords loop
    answer := regexp_replace(answer, '(' || regexp_replace(keyword, '([^[:alnum:]_ ])', '\\\1', 'g') || ')',
      '<span class="keyword">\1</span>', 'gi');
  end loop;
  return answer;
end
$$;
create function @extschema@.pgroonga_snippet_html(target text, keywords text[], width integer default 200) returns text[]
language sql immutable strict as $$ select array[@extschema@.pgroonga_highlight_html(left(target, width), keywords)] $$;
create function @extschema@.pgroonga_is_writable() returns boolean language sql as $$ select true $$;
create function @extschema@.pgroonga_vacuum() returns boolean language sql as $$ select true $$;

do $do$
declare
  one text;
begin
  foreach one in array array['pgroonga_command(groongacommand text) returns text',
    'pgroonga_command(groongacommand text, arguments text[]) returns text', 'pgroonga_wal_apply() returns bigint',
    'pgroonga_wal_truncate() returns bigint', 'pgroonga_tokenize(target text, variadic options text[]) returns json[]',
    'pgroonga_match_positions_byte(target text, keywords text[]) returns integer[]',
    'pgroonga_match_positions_character(target text, keywords text[]) returns integer[]']
  loop
    execute format('create function @extschema@.%s language plpgsql as %L', one,
      format('begin raise exception using errcode = ''0A000'', message = %L; end',
        format('simulated: pgroonga.%s is not carried out by the embedded platform', split_part(one, '(', 1))));
  end loop;
end
$do$;

create function @extschema@._stand_in_pgroonga_hash(internal) returns integer language internal immutable strict as 'hashvarlena';
create function @extschema@.pgroonga_handler(internal) returns index_am_handler language c as '$libdir/bloom', 'blhandler';
create access method pgroonga type index handler @extschema@.pgroonga_handler;
do $do$
declare
  name text;
  kind text;
begin
  for name, kind in values ('text_full_text_search_ops_v2', 'default for type text'), ('text_full_text_search_ops', 'for type text'),
    ('text_term_search_ops_v2', 'for type text'), ('text_regexp_ops_v2', 'for type text'),
    ('text_array_full_text_search_ops_v2', 'for type text[]'), ('text_array_full_text_search_ops', 'default for type text[]'),
    ('text_array_term_search_ops_v2', 'for type text[]'), ('varchar_full_text_search_ops_v2', 'for type varchar'),
    ('varchar_full_text_search_ops', 'for type varchar'), ('varchar_term_search_ops_v2', 'default for type varchar'),
    ('varchar_array_term_search_ops_v2', 'default for type varchar[]'), ('jsonb_ops_v2', 'default for type jsonb'),
    ('jsonb_ops', 'for type jsonb'), ('jsonb_full_text_search_ops_v2', 'for type jsonb')
  loop
    execute format('create operator class @extschema@.pgroonga_%s %s using pgroonga as function 1 @extschema@._stand_in_pgroonga_hash(internal)',
      name, kind);
  end loop;
end
$do$;
