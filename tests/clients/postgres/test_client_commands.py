"""What only a client program could understand is found wherever it stands, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.clients.postgres.client_commands import ClientCommand, find_client_command, require_sql
from lib.core.errors import TargetError


def found(text: str) -> tuple[str, int] | None:
    command = find_client_command(text)
    return None if command is None else (command.name, command.line)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select 1;\n\\! id", ("\\!", 2)),
        ("select 1 \\gexec", ("\\gexec", 1)),
        ("select 1; -- a\n\n  select 2 \\g |sh", ("\\g", 3)),
        ("\\d+ t", ("\\d+", 1)),
        ("\\", ("\\", 1)),
        ("select 1 \\; select 2", ("\\;", 1)),
        ("select '\\' \\i x", ("\\i", 1)),
        ("select E'\\'' \\i x", ("\\i", 1)),
        ("select $a$ \\! $a$ \\! $a$", ("\\!", 1)),
        ("/* /* */ \\! */ select 1", None),
        ("copy t from stdin;\n1\t\\N\n\\.\n", ("COPY ... FROM STDIN", 1)),
        ("select 1;\nCOPY t (a) FROM STDIN WITH (format csv);\n'\n\\.", ("COPY ... FROM STDIN", 2)),
        ("copy t to stdout", ("COPY ... TO STDOUT", 1)),
        ("\\! id\ncopy t from stdin;", ("\\!", 1)),
        ("copy t from '/tmp/stdin'", None),
        ("select 'copy t from stdin;\n\\.'", None),
        ("comment on table t is 'copy'; select stdin from copy", None),
    ],
)
def test_the_first_place_that_is_not_sql_is_named(text: str, expected: tuple[str, int] | None) -> None:
    assert found(text) == expected


QUOTES = ["'{}'", "E'{}'", '"{}"', "$${}$$", "$a${}$a$", "/*{}*/", "--{}\n", "U&'{}'"]


@given(st.lists(st.tuples(st.sampled_from(QUOTES), st.sampled_from(["a", "\\\\", "\\\\i x", " "])), max_size=8))
def test_no_backslash_inside_of_something_counts(parts: list[tuple[str, str]]) -> None:
    assert found(" ".join(quote.format(inside) for quote, inside in parts)) is None


@given(st.lists(st.sampled_from(["'a'", "E'\\\\'", '"b"', "$$c$$", "/* d */", "-- e\n", ";", "f"]), max_size=8))
def test_a_backslash_outside_of_everything_always_counts(parts: list[str]) -> None:
    text = " ".join(parts)
    assert found(f"{text} \\x {text}") == ("\\x", text.count("\n") + 1)


def test_a_name_is_shown_without_what_could_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    name, _ = found("\\\x1b[2J") or ("", 0)
    assert name.isprintable()
    assert len((found("\\" + "x" * 5000) or ("", 0))[0]) < 100


def test_a_file_is_refused_by_name_line_and_command() -> None:
    with pytest.raises(
        TargetError, match=r"^seed\.sql: line 2 has \\copy, a command of psql, not SQL, so nothing of it was run\."
    ):
        require_sql("seed.sql", "select 1;\n\\copy t from program 'id'")
    require_sql("seed.sql", "select '\\copy'")
    assert "data for a client program" in ClientCommand(name="COPY ... FROM STDIN", line=1, fix="").account


def test_large_texts_are_searched_in_one_pass() -> None:
    assert found("copy t from 'x'; " * 40_000 + "\\q") == ("\\q", 1)
    assert found("'" * 1_000_001) is None
    assert found("select 'copy';\n" * 60_000 + "copy t from stdin;") == ("COPY ... FROM STDIN", 60_001)
