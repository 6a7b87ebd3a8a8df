"""The heat map marks what differs from what is declared, by letter and in words."""

from __future__ import annotations

from lib.tasks.rls.figures import MOST_DRAWN, matrix_heat_map, scope_looks
from tests.support import sample_pages as sample


def test_mismatch_shows_both_letters() -> None:
    drawn = matrix_heat_map(sample.matrix())
    assert ">A≠D<" in drawn.svg and ">A≠O<" in drawn.svg
    assert drawn.alt == (
        "2 of 112 probes differ from what is declared: anon delete on ideas: allow, declared deny; "
        "alice update on idea_tags: allow, declared own."
    )


def test_matching_matrix_says_so() -> None:
    cells = [{**cell, "observed": cell["expected"]} for cell in sample.matrix()]
    drawn = matrix_heat_map(cells)
    assert drawn.alt == "All 112 probes gave the declared result." and "≠" not in drawn.svg


def test_each_scope_has_its_own_letter() -> None:
    looks = scope_looks(["allow", "admins", "assigned", "drafts", "own", "own_drafts"])
    letters = [look[0] for look in looks.values()]
    assert len(set(letters)) == len(letters)


def test_unprobed_cell_is_a_question_mark() -> None:
    cell = {"table": "ideas", "identity": "anon", "verb": "insert", "expected": "error", "observed": "error"}
    assert ">?<" in matrix_heat_map([cell]).svg


def test_of_many_tables_those_that_differ_are_drawn_first() -> None:
    def cell(number: int) -> dict[str, str]:
        observed = "allow" if number == 299 else "deny"
        return {"table": f"t{number:03d}", "identity": "anon", "verb": "select", "expected": "deny", "observed": observed}

    drawn = matrix_heat_map([cell(number) for number in range(300)])
    assert ">t299<" in drawn.svg and ">A≠D<" in drawn.svg and ">t038<" in drawn.svg and ">t039<" not in drawn.svg
    assert f"{MOST_DRAWN} of 300 tables, those that differ first" in drawn.caption
    assert drawn.alt.startswith("1 of 300 probes differ")
