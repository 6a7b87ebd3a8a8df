"""The smaller stand-ins: what each computes for real, and what it refuses."""

from __future__ import annotations

import json

import pytest

from tests.support.tried_extensions import Tried

OBJECT = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 2, "maxLength": 5, "pattern": "^[a-z]+$"},
        "age": {"type": "integer", "minimum": 0, "exclusiveMaximum": 150, "multipleOf": 2},
        "kind": {"enum": ["a", "b", None]},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "minItems": 1, "maxItems": 2, "uniqueItems": True},
        "either": {"oneOf": [{"type": "string"}, {"const": 7}]},
        "any": {"anyOf": [{"type": "string"}, {"minimum": 5}]},
        "all": {"allOf": [{"minimum": 5}, {"maximum": 9}]},
        "not": {"not": {"type": "null"}},
    },
    "$defs": {"tag": {"type": "string", "maxLength": 3}},
}


@pytest.mark.parametrize(
    ("document", "holds"),
    [
        ({"name": "ada"}, True),
        ({"name": "ada", "age": 36, "kind": None, "tags": ["a"], "either": 7, "any": 5, "all": 7, "not": 0}, True),
        ({"name": "ada", "age": 36.0}, True),
        ({}, False),
        ([], False),
        ("ada", False),
        ({"name": "a"}, False),
        ({"name": "abcdef"}, False),
        ({"name": "Ada"}, False),
        ({"name": 1}, False),
        ({"name": "ada", "more": 1}, False),
        ({"name": "ada", "age": 36.5}, False),
        ({"name": "ada", "age": -2}, False),
        ({"name": "ada", "age": 150}, False),
        ({"name": "ada", "age": 3}, False),
        ({"name": "ada", "kind": "c"}, False),
        ({"name": "ada", "tags": []}, False),
        ({"name": "ada", "tags": ["a", "b", "c"]}, False),
        ({"name": "ada", "tags": ["a", "a"]}, False),
        ({"name": "ada", "tags": ["long"]}, False),
        ({"name": "ada", "either": 8}, False),
        ({"name": "ada", "any": 4}, False),
        ({"name": "ada", "all": 10}, False),
        ({"name": "ada", "not": None}, False),
    ],
    ids=json.dumps,
)
def test_a_document_is_checked_against_its_schema(tried: Tried, document: object, holds: bool) -> None:
    values = {"schema": json.dumps(OBJECT), "document": json.dumps(document)}
    assert tried.value("select jsonb_matches_schema(cast(:schema as json), cast(:document as jsonb))", **values) is holds
    errors = tried.value("select jsonschema_validation_errors(cast(:schema as json), cast(:document as json))", **values)
    assert (errors == []) is holds


def test_a_schema_is_checked_itself_and_never_guessed_at(tried: Tried) -> None:
    query = "select jsonschema_is_valid(cast(:schema as json))"
    assert tried.value(query, schema=json.dumps(OBJECT))
    for wrong in ({"type": "objekt"}, {"minimum": "1"}, {"properties": []}, {"anyOf": []}, {"items": {"maxLength": -1}}):
        assert not tried.value(query, schema=json.dumps(wrong)), wrong
    for unknown in ('{"unevaluatedItems": false}', '{"minimun": 1}', '{"$ref": "https://example.com/x"}'):
        assert tried.refuse(f"select json_matches_schema('{unknown}', '[]')").sqlstate == "0A000"


def test_partitions_are_made_kept_up_and_dropped(tried: Tried) -> None:
    tried.do("create table public.events (at timestamptz not null) partition by range (at)")
    tried.do("create table public.orders (id bigint not null) partition by range (id)")
    assert tried.do("select create_parent('public.events', 'at', '1 day', p_premake := 2)")
    assert tried.do("select create_parent('public.orders', 'id', '1000', p_premake := 2)")
    listed = "select array_agg(partition_tablename) from show_partitions('public.orders', 'ASC', true)"
    assert tried.value(listed) == ["orders_default", "orders_p0", "orders_p1000", "orders_p2000"]
    count = "select count(*) from show_partitions('public.events')"
    assert tried.value(count) == 5
    assert tried.value("select relname from pg_class where relname = 'events_p' || to_char(now(), 'YYYYMMDD')")
    tried.do("update part_config set retention = '1 day', retention_keep_table = false, premake = 3")
    tried.do("insert into public.orders values (1500)")
    tried.do("call run_maintenance_proc()")
    assert tried.value(count) == 5, "one more ahead, and one of the two before yesterday is gone"
    assert tried.value(listed)[-1] == "orders_p4000"
    assert tried.refuse("select partition_gap_fill('public.events')").sqlstate == "0A000"


def test_words_are_found_by_rum_and_pgroonga(tried: Tried) -> None:
    tried.do(
        "create table public.texts as select n as id, 'Word' || n || ' other' as t, to_tsvector('word' || n) as v, array[n] as a "
        "from generate_series(1, 50) as n"
    )
    for index in ("rum (v rum_tsvector_ops)", "rum (a)", "pgroonga (t)", "pgroonga (t pgroonga_text_term_search_ops_v2)"):
        tried.do(f"create index on public.texts using {index}")
    found = "select count(*) from public.texts where "
    assert tried.value(found + "v @@ to_tsquery('word7')") == 1
    assert tried.value(found + "a @> array[9]") == 1
    assert tried.value(found + "t &@ 'WORD4'") == 11
    assert tried.value(found + "t &@~ 'word4 -word41'") == 10
    assert tried.value(found + "t &@~ 'word1 OR word2'") == 22
    assert tried.value("select pgroonga_highlight_html('a <b> Word', array['word'])") == (
        'a &lt;b&gt; <span class="keyword">Word</span>'
    )


def test_what_is_encrypted_by_a_key_is_read_by_it_alone(tried: Tried) -> None:
    one = tried.do("select id::text from pgsodium.create_key(name := 'one')")
    other = tried.do("select id::text from pgsodium.create_key(name := 'other')")
    sealed = f"pgsodium.crypto_aead_det_encrypt('hello', 'to whom', '{one}'::uuid)"
    opened = "select convert_from(pgsodium.crypto_aead_det_decrypt({}, '{}', '{}'::uuid), 'utf8')"
    assert tried.do(opened.format(sealed, "to whom", one)) == "hello"
    for whom, key in (("to another", one), ("to whom", other)):
        assert "invalid ciphertext" in str(tried.refuse(opened.format(sealed, whom, key)))


@pytest.mark.parametrize(
    "query",
    [
        "select http_get('https://example.com')",
        "select pgsodium.crypto_secretbox('a', 'b', 'c'::bytea)",
        "select pgmq.create_partitioned('p')",
        "select pgtle.install_extension('a', '1', 'd', 'x')",
        "select plpgsql_check_function('net.wake()')",
        "select * from hypopg_create_index('create index on x (y)')",
        "select repack.repack_drop(1::oid, 1)",
        "select pgroonga_command('status')",
    ],
)
def test_what_is_not_carried_out_says_so(tried: Tried, query: str) -> None:
    refused = tried.refuse(query)
    assert refused.sqlstate == "0A000"
    assert "simulated" in str(refused)


def test_what_measures_nothing_has_no_row(tried: Tried) -> None:
    for view in ("pg_stat_monitor", "pg_wait_sampling_profile", "hypopg_list_indexes", "pgtle.available_extensions()"):
        assert tried.database.rows(f"select * from {view}") == []
    advice = tried.database.rows("select index_statements, errors from index_advisor('select 1 where 1 = $1')")
    assert advice == [{"index_statements": [], "errors": ["simulated: the embedded platform advises no index"]}]
    assert "simulated" in str(tried.value("select graphql_public.graphql(query := '{ a }')"))


def test_what_postgres_may_set_and_use_as_on_hosted(tried: Tried) -> None:
    tried.do("alter role postgres set pgaudit.log = 'ddl'")
    tried.do("alter role postgres reset pgaudit.log")
    tried.do("create server elsewhere foreign data wrapper postgres_fdw options (host '127.0.0.1')")
    tried.do("create table public.checked (id int primary key)")
    tried.do("select bt_index_check('public.checked_pkey')")


def test_a_hypertable_is_noted_where_hosted_has_timescaledb(tried: Tried) -> None:
    if tried.server.major > 15:
        assert tried.refuse("create extension timescaledb").sqlstate == "0A000"
        return
    tried.do("create table public.readings (at timestamptz, v int)")
    assert tried.do("select created from create_hypertable('public.readings', 'at')")
    assert tried.do("select created from create_hypertable('public.readings', 'at', if_not_exists => true)") is False
    assert tried.value("select hypertable_name from timescaledb_information.hypertables") == "readings"
    assert tried.value("select time_bucket('1 hour', timestamptz '2026-01-01 10:59+00') = timestamptz '2026-01-01 10:00+00'")
    assert tried.value("select time_bucket('3 months', timestamptz '2026-05-31 00:00+00') = timestamptz '2026-04-01 00:00+00'")
    assert tried.refuse("select add_retention_policy('public.readings', interval '1 day')").sqlstate == "0A000"
