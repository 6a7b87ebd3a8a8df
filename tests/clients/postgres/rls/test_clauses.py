"""Each clause of a scope is found at every depth, and what is left without it."""

from __future__ import annotations

import pytest

from lib.clients.postgres.rls.clauses import find_clauses, stronger_of, with_weaker


@pytest.mark.parametrize(
    ("predicate", "clauses"),
    [
        ("published", []),
        ("a = :uid and b", ["a = :uid", "b"]),
        ("a or b", ["a", "b"]),
        ("a between 1 and 2 and b", ["a between 1 and 2", "b"]),
        ("t in (select x from m where m.u = :uid and m.r)", ["m.u = :uid", "m.r"]),
        ("t in (select x from m where m.u = :uid)", ["m.u = :uid"]),
        ("exists (select 1 from x join y on x.a = y.a where x.b order by 1)", ["x.a = y.a", "x.b"]),
        ("name = 'this and that'", []),
        ('"and" = 1', []),
    ],
)
def test_clauses_are_found_at_every_depth(predicate: str, clauses: list[str]) -> None:
    assert [one.text for one in find_clauses(predicate)] == clauses


def test_a_clause_is_left_out_by_what_changes_nothing_beside_its_neighbours() -> None:
    assert [" ".join(one.without.split()) for one in find_clauses("a and b")] == ["true and b", "a and true"]
    assert [" ".join(one.without.split()) for one in find_clauses("a or b")] == ["false or b", "a or false"]


def test_only_scopes_in_use_get_weaker_ones_and_equal_ones_count_once() -> None:
    scopes = {"own": "a = :uid and b", "wide": "true and b", "idle": "c and d"}
    found = with_weaker(scopes, ["own", "allow"])
    assert list(found) == ["own", "wide", "idle", "own without `b`"]
    assert [stronger_of(name) for name in found] == [None, None, None, "own"]


def test_two_clauses_of_one_text_are_two() -> None:
    found = with_weaker({"s": "(x and b) or (y and b)"}, ["s"])
    assert [name for name in found if "`b`" in name] == ["s without `b`", "s without `b` (2)"]
