"""Vectors: what is read, refused, computed and indexed, on the stand-in as on the real extension."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from lib.core.errors import DatabaseError
from lib.transport.database import Database
from tests.support.tried_extensions import Tried


@pytest.fixture(scope="module")
def items(tried: Tried) -> Iterator[Database]:
    """Yield a database with two vectors."""
    database = tried.server.create_hosted_database(f"test_{secrets.token_hex(6)}")
    with database.connect() as connection:
        connection.execute(
            """
            create extension vector with schema extensions;
            create extension bloom with schema extensions;
            create table items (id int primary key, e vector(3), h halfvec(3), s sparsevec(5), n int);
            insert into items values (1, '[1, 2,3]', '[1,2,3]', '{1:1,3:2}/5', 1), (2, array[4, 5, 6], '[1,2,4]', '{2:1}/5', 2);
            """
        )
    yield database
    tried.server.drop_database(database.name)


def test_a_column_has_its_dimensions_and_its_values_are_written_alike(items: Database) -> None:
    assert items.rows(
        "select format_type(atttypid, atttypmod) as type, atttypmod from pg_attribute "
        "where attrelid = 'items'::regclass and attname in ('e', 'h', 's') order by attnum"
    ) == [{"type": "vector(3)", "atttypmod": 3}, {"type": "halfvec(3)", "atttypmod": 3}, {"type": "sparsevec(5)", "atttypmod": 5}]
    assert items.rows("select e::text, h::text, s::text from items order by id") == [
        {"e": "[1,2,3]", "h": "[1,2,3]", "s": "{1:1,3:2}/5"},
        {"e": "[4,5,6]", "h": "[1,2,4]", "s": "{2:1}/5"},
    ]


@pytest.mark.parametrize(
    "value",
    ["'[1,2]'", "'[1,2,3,4]'", "'[1,2,3'", "'abc'", "''", "'[]'", "'[1,null,3]'", "'[[1,2,3]]'", "array[1, 2]", "'{1,2,3}'"],
)
def test_what_is_no_vector_of_these_dimensions_is_refused(items: Database, value: str) -> None:
    with pytest.raises(DatabaseError) as refused, items.connect() as connection:
        connection.execute(f"insert into items (id, e) values (9, {value})")  # type: ignore[arg-type]
    assert refused.value.sqlstate in ("22000", "22P02", "22004")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'[3,4]'::vector <-> '[0,0]'", 5.0),
        ("'[1,2]'::vector <#> '[3,4]'", -11.0),
        ("'[1,0]'::vector <=> '[0,1]'", 1.0),
        ("'[1,2]'::vector <+> '[3,5]'", 5.0),
        ("'[1,2]'::halfvec <-> '[1,2]'", 0.0),
        ("'{1:1}/2'::sparsevec <=> '{1:2}/2'", 0.0),
        ("inner_product('[1,2]', '[3,4]'::vector)", 11.0),
        ("vector_norm('[3,4]')", 5.0),
        ("vector_dims('[3,4]'::vector)", 2),
        ("l2_normalize('[3,4]'::vector)::text", "[0.6,0.8]"),
        ("('[1,2]'::vector + '[3,4]')::text", "[4,6]"),
        ("'[1,2]'::vector < '[1,3]'", True),
        ("'[1,2]'::vector = '[1, 2.0]'", True),
        ("(select avg(e)::text from items)", "[2.5,3.5,4.5]"),
        ("(select sum(e)::text from items)", "[5,7,9]"),
        ("('[1,0,3]'::vector::sparsevec)::text", "{1:1,3:3}/3"),
        ("'[1,2]'::vector::real[]", [1.0, 2.0]),
        ("'[1,2]'::vector::halfvec::text", "[1,2]"),
        ("subvector('[1,2,3]'::vector, 2, 2)::text", "[2,3]"),
        ("hamming_distance(B'101', B'100')", 1.0),
    ],
)
def test_what_is_computed(items: Database, expression: str, value: object) -> None:
    assert items.value("select " + expression.replace("::", "\\:\\:")) == value


def test_vectors_of_other_dimensions_have_no_distance(items: Database) -> None:
    with pytest.raises(DatabaseError, match="different vector dimensions 3 and 2"):
        items.value("select e <-> '[1,2]' from items")


def test_the_nearest_come_first(items: Database) -> None:
    assert [row["id"] for row in items.rows("select id from items order by e <-> '[4,5,5]'")] == [2, 1]
    assert [row["id"] for row in items.rows("select id from items order by e <-> '[1,2,2]'")] == [1, 2]


def test_indexes_keep_their_definition_and_find_no_wrong_row(items: Database) -> None:
    with items.connect() as connection:
        for number, index in enumerate(
            (
                "ivfflat (e vector_l2_ops) with (lists = 100)",
                "hnsw (e vector_cosine_ops) with (m = 16, ef_construction = 64)",
                "hnsw (h halfvec_l2_ops)",
                "hnsw (s sparsevec_ip_ops)",
                "hnsw ((e::halfvec(3)) halfvec_cosine_ops)",
                "bloom (n) with (length = 80, col1 = 4)",
            )
        ):
            connection.execute(f"create index i{number} on items using {index}")  # type: ignore[arg-type]
        connection.execute("insert into items (id, e, n) select n, array[n, n, n], n from generate_series(10, 99) n")
    definitions = items.rows("select pg_get_indexdef(indexrelid) as d from pg_index where indrelid = 'items'::regclass")
    told = " ".join(row["d"] for row in definitions)
    assert "USING ivfflat (e) WITH (lists='100')" in told
    assert "USING hnsw (e vector_cosine_ops) WITH (m='16', ef_construction='64')" in told
    with items.connect() as connection:
        connection.execute("set local enable_seqscan = off; reindex table items")
        nearest = connection.execute("select id from items order by e <-> '[50,50,50]' limit 1").fetchone()
        found = connection.execute("select id from items where n = 42").fetchone()
    assert (nearest, found) == ({"id": 50}, {"id": 42})
    with pytest.raises(DatabaseError, match='unrecognized parameter "lists"'), items.connect() as connection:
        connection.execute("create index on items using hnsw (e vector_l2_ops) with (lists = 1)")


def test_a_search_can_be_tuned(items: Database) -> None:
    with items.connect() as connection:
        connection.execute("select e <-> '[1,2,3]' from items")  # the real one's library is loaded by its first call
        connection.execute("set hnsw.ef_search = 100; set ivfflat.probes = 10")
        connection.execute("create function near() returns int language sql set hnsw.ef_search = 100 as 'select 1'")
        connection.execute("alter role postgres set hnsw.ef_search = 100; alter role postgres reset hnsw.ef_search")
