"""Where a statement ends, whatever stands inside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.clients.postgres.statements import canonical_statements, read_tokens, split_statements

WHOLE = [
    "select 1",
    "select ';'",
    "select 'it''s; fine'",
    r"select E'\';'",
    'select ";" from "a""; b"',
    "do $$ begin perform 1; end $$",
    "create function f() returns text as $body$ select $$;$$; $body$ language sql",
    "select a$1$b, $1",
    "create rule r as on insert to t do also (select 1; select 2)",
    "create function f() returns int begin atomic select case when true then 1 else 2 end; select 3; end",
    "select 1 /* ; /* nested; */ ; */ + 2",
    "insert into t values ('--not a comment;')",
    "select U&'\\0041;'",
    "select -1 - -- a comment; with a semicolon\n 2",
]
"""Each is one statement to Postgres."""


def texts(script: str) -> list[str]:
    return [one.text for one in split_statements(script)]


@pytest.mark.parametrize("statement", WHOLE)
def test_one_statement_stays_whole(statement: str) -> None:
    assert texts(f"{statement};") == [statement]


@given(st.lists(st.sampled_from(WHOLE), max_size=8), st.sampled_from([";", " ;\n", ";\n-- then; \n", "; /* and; */ "]))
def test_statements_come_apart_where_they_were_joined(statements: list[str], joint: str) -> None:
    assert texts(joint.join([*statements, ""])) == statements


@given(st.text(alphabet="ab ;'\"$-/*\n()eE\\", max_size=60))
def test_tokens_joined_are_the_text_again(script: str) -> None:
    assert "".join(token.text for token in read_tokens(script)) == script


@given(st.text(max_size=60))
def test_any_text_is_split_without_breaking(script: str) -> None:
    found = split_statements(script)
    assert [one.index for one in found] == list(range(len(found)))
    assert all(one.text and script.splitlines(keepends=True) for one in found)


def test_a_statement_knows_its_line() -> None:
    assert [one.line for one in split_statements("-- head\nselect 1;\n\n/* two\nlines */ select 2;")] == [2, 5]


@pytest.mark.parametrize(
    "statement", ["begin", "COMMIT", "start transaction", "end", "rollback", "begin isolation level serializable"]
)
def test_transaction_control_is_seen(statement: str) -> None:
    assert split_statements(statement)[0].is_transaction_control


@pytest.mark.parametrize("statement", ["savepoint a", "rollback to a", "rollback to savepoint a", "do $$ begin commit; end $$"])
def test_what_only_looks_like_transaction_control_is_let_be(statement: str) -> None:
    assert not split_statements(statement)[0].is_transaction_control


@pytest.mark.parametrize(
    "statement",
    [
        "create index concurrently i on t (a)",
        "create unique index concurrently if not exists i on t (a)",
        "drop index concurrently i",
    ],
)
def test_concurrent_work_is_seen(statement: str) -> None:
    assert split_statements(statement)[0].is_concurrent


@pytest.mark.parametrize(
    "statement",
    ["create index i on concurrently (a)", "comment on table t is 'concurrently'", "refresh materialized view concurrently v"],
)
def test_what_may_run_in_a_transaction_is_not_called_concurrent(statement: str) -> None:
    assert split_statements(statement)[0].is_concurrent is False


def test_spacing_comments_and_case_do_not_change_a_statement() -> None:
    assert canonical_statements("SELECT  1 -- one\n;") == canonical_statements("select 1")


def test_a_changed_literal_or_quoted_name_does() -> None:
    assert canonical_statements("select 'A'") != canonical_statements("select 'a'")
    assert canonical_statements('select "A"') != canonical_statements('select "a"')


LENGTH = 1_000_000
"""Characters: a splitter that read them again for every part would not end within a test."""
LARGE = {
    "nested comments": "/*" * (LENGTH // 2),
    "closed nested comments": "/*" * (LENGTH // 4) + "*/" * (LENGTH // 4),
    "an unclosed quote after many": "select '" + "a''" * (LENGTH // 3),
    "an unclosed escaped quote": "select E'" + "\\'" * (LENGTH // 2) + "\\",
    "escaped quotes that never close": "E'\\'" * (LENGTH // 4) + "\\",
    "an unclosed name": 'select "' + 'a""' * (LENGTH // 3),
    "dollar quotes one in another": "".join(f"$a{number}$" for number in range(LENGTH // 9)),
    "one dollar quote after another": "$a$$b$" * (LENGTH // 6),
    "one line": "select " + "1," * (LENGTH // 2),
    "open parentheses": "(" * (LENGTH // 5),
    "semicolons in parentheses": "select (" + ";" * (LENGTH // 5),
    "semicolons": ";" * LENGTH,
    "words": "begin atomic case end " * (LENGTH // 22),
    "a body": "create f begin atomic " + "select 1; " * (LENGTH // 20),
    "lines of comments": "--\n" * (LENGTH // 3),
    "dollars": "$" * (LENGTH // 5),
}


@pytest.mark.parametrize("name", LARGE)
def test_text_of_any_shape_is_split_in_one_pass(name: str) -> None:
    assert len(split_statements(LARGE[name])) <= 1


def test_many_statements_are_split_in_one_pass_and_know_their_lines() -> None:
    found = split_statements("select\n1;\n" * 60_000)
    assert (len(found), found[-1].index, found[-1].line, found[-1].words) == (60_000, 59_999, 119_999, ("select",))


def body_of(words: list[str]) -> bool:
    """Say the slow way whether a semicolon after these words is inside a body; the rule that the quick way keeps."""
    for at in range(len(words) - 1):
        if words[at : at + 2] == ["begin", "atomic"] and words[0] == "create":
            return words[at + 2 :].count("end") <= words[at + 2 :].count("case")
    return False


@given(st.lists(st.sampled_from(["create", "begin", "atomic", "case", "end", "select", ";"]), max_size=30))
def test_a_body_ends_where_its_end_is(words: list[str]) -> None:
    expected: list[list[str]] = [[]]
    for word in words:
        if word == ";" and not body_of(expected[-1]):
            expected.append([])
        elif word != ";":
            expected[-1].append(word)
    found = [list(one.words) for one in split_statements(" ".join(words)) if one.words]
    assert found == [one for one in expected if one]
