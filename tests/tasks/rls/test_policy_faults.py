"""Clauses are taken apart where AND and OR stand at their top, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.tasks.rls.policy_faults import bare, split_terms

ATOMS = st.sampled_from(
    ["(a = 1)", "(b IS NOT NULL)", "((c = ' AND ') OR d)", '("x AND y" = 2)', "(EXISTS ( SELECT 1 WHERE (p AND q)))"]
)


@pytest.mark.parametrize(
    ("clause", "word", "terms"),
    [
        ("(a = 1)", "AND", ["a = 1"]),
        ("((a = 1) AND (b = 2))", "AND", ["(a = 1)", "(b = 2)"]),
        ("((a = 1) AND ((b = 2) OR (c = 3)))", "OR", ["(a = 1) AND ((b = 2) OR (c = 3))"]),
        ("((a = ' AND ') AND b)", "AND", ["(a = ' AND ')", "b"]),
        ("CASE WHEN (a AND b) THEN c ELSE d END", "AND", ["CASE WHEN (a AND b) THEN c ELSE d END"]),
        ("true", "AND", ["true"]),
    ],
)
def test_terms(clause: str, word: str, terms: list[str]) -> None:
    assert split_terms(clause, word) == terms


@given(st.lists(ATOMS, min_size=2, max_size=5), st.sampled_from(["AND", "OR"]))
def test_joined_terms_come_apart_again(atoms: list[str], word: str) -> None:
    assert split_terms(f"({f' {word} '.join(atoms)})", word) == atoms


@given(ATOMS)
def test_brackets_around_say_nothing(atom: str) -> None:
    assert bare(f"(({atom}))") == bare(atom)
