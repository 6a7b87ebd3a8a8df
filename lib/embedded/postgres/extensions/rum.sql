-- Indexes that GIN builds under rum's name, and its distance by Postgres's own rank. An index finds the rows and does
-- not sort them.

create function rumhandler(internal) returns index_am_handler language internal as 'ginhandler';
create access method rum type index handler rumhandler;

create function rum_ts_distance(tsvector, tsquery) returns real language sql immutable strict
begin atomic select case when ts_rank($1, $2) = 0 then 'Infinity'::real else 1 / ts_rank($1, $2) end; end;
create function rum_ts_distance(tsvector, tsquery, integer) returns real language sql immutable strict
begin atomic select case when ts_rank($1, $2, $3) = 0 then 'Infinity'::real else 1 / ts_rank($1, $2, $3) end; end;
create function rum_ts_score(tsvector, tsquery) returns real language sql immutable strict
begin atomic select ts_rank($1, $2); end;
create operator <=> (leftarg = tsvector, rightarg = tsquery, procedure = rum_ts_distance);

create function rum_timestamp_distance(timestamp, timestamp) returns float8 language sql immutable strict
begin atomic select abs(extract(epoch from $1 - $2))::float8; end;
create function rum_timestamp_left_distance(timestamp, timestamp) returns float8 language sql immutable strict
begin atomic select case when $1 > $2 then 'Infinity'::float8 else extract(epoch from $2 - $1)::float8 end; end;
create function rum_timestamp_right_distance(timestamp, timestamp) returns float8 language sql immutable strict
begin atomic select case when $1 < $2 then 'Infinity'::float8 else extract(epoch from $1 - $2)::float8 end; end;
create operator <=> (leftarg = timestamp, rightarg = timestamp, procedure = rum_timestamp_distance, commutator = <=>);
create operator <=| (leftarg = timestamp, rightarg = timestamp, procedure = rum_timestamp_left_distance, commutator = |=>);
create operator |=> (leftarg = timestamp, rightarg = timestamp, procedure = rum_timestamp_right_distance, commutator = <=|);

create operator class rum_tsvector_ops default for type tsvector using rum as
  operator 1 @@ (tsvector, tsquery),
  function 1 gin_cmp_tslexeme(text, text),
  function 2 gin_extract_tsvector(tsvector, internal, internal),
  function 3 gin_extract_tsquery(tsvector, internal, smallint, internal, internal, internal, internal),
  function 4 gin_tsquery_consistent(internal, smallint, tsvector, integer, internal, internal, internal, internal),
  function 5 gin_cmp_prefix(text, text, smallint, internal),
  function 6 gin_tsquery_triconsistent(internal, smallint, tsvector, integer, internal, internal, internal),
  storage text;
create operator class rum_tsvector_hash_ops for type tsvector using rum as
  operator 1 @@ (tsvector, tsquery),
  function 1 gin_cmp_tslexeme(text, text),
  function 2 gin_extract_tsvector(tsvector, internal, internal),
  function 3 gin_extract_tsquery(tsvector, internal, smallint, internal, internal, internal, internal),
  function 4 gin_tsquery_consistent(internal, smallint, tsvector, integer, internal, internal, internal, internal),
  function 5 gin_cmp_prefix(text, text, smallint, internal),
  function 6 gin_tsquery_triconsistent(internal, smallint, tsvector, integer, internal, internal, internal),
  storage text;
create operator class rum_anyarray_ops default for type anyarray using rum as
  operator 1 && (anyarray, anyarray),
  operator 2 @> (anyarray, anyarray),
  operator 3 <@ (anyarray, anyarray),
  operator 4 = (anyarray, anyarray),
  function 2 ginarrayextract(anyarray, internal, internal),
  function 3 ginqueryarrayextract(anyarray, internal, smallint, internal, internal, internal, internal),
  function 4 ginarrayconsistent(internal, smallint, anyarray, integer, internal, internal, internal, internal),
  function 6 ginarraytriconsistent(internal, smallint, anyarray, integer, internal, internal, internal),
  storage anyelement;
