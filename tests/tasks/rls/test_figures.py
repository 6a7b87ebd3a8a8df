"""The heat map marks what differs from what is declared, by letter and in words."""

from __future__ import annotations

import re

from lib.tasks.rls.figures import MOST_DRAWN, matrix_heat_map, scope_looks
from tests.support import sample_pages as sample
from tests.support.canvases import faults_of

LETTER = r'<text [^>]*?x="([\d.]+)" y="([\d.]+)"[^>]*>(.)</text>'


def test_mismatch_shows_both_letters() -> None:
    drawn = matrix_heat_map(sample.matrix())
    assert "differs: declared lower left, observed upper right" in drawn.svg
    assert drawn.alt == (
        "2 of 112 probes differ from what is declared: anon delete on ideas: allow, declared deny; "
        "alice update on idea_tags: allow, declared own."
    )


def test_matching_matrix_says_so() -> None:
    cells = [{**cell, "observed": cell["expected"]} for cell in sample.matrix()]
    drawn = matrix_heat_map(cells)
    assert drawn.alt == "All 112 probes gave the declared result." and "differs" not in drawn.svg


def test_a_cell_that_differs_has_declared_lower_left_and_observed_upper_right() -> None:
    cell = {"table": "ideas", "identity": "anon", "verb": "insert", "expected": "deny", "observed": "allow"}
    svg = matrix_heat_map([cell]).svg
    letters = [(found[3], float(found[1]), float(found[2])) for found in re.finditer(LETTER, svg)]
    (a_y, a_x), (d_y, d_x) = (min((y, x) for one, x, y in letters if one == letter) for letter in "AD")  # the key is below
    assert a_x > d_x and a_y < d_y


def test_a_long_name_is_shown_from_its_beginning() -> None:
    cells = [{**cell, "table": f"public.workspace_members_{cell['table']}"} for cell in sample.matrix()]
    figure, faults = faults_of(lambda: matrix_heat_map(cells))
    assert faults == [] and ">public.workspac" in figure.svg


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
    assert ">t299<" in drawn.svg and "differs" in drawn.svg and ">t038<" in drawn.svg and ">t039<" not in drawn.svg
    assert f"{MOST_DRAWN} of 300 tables, those that differ first" in drawn.caption
    assert drawn.alt.startswith("1 of 300 probes differ")
