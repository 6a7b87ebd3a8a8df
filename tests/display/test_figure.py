"""Figures: the same each time, small, said in words, and never the reason a notebook stops."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from lib import figures
from lib.figures import Figure
from lib.heat_map import scope_looks
from tests import sample_pages as sample

LOCKS = [
    {
        "migration": f"2025100{day}090000_{name}.sql",
        "scale": scale,
        "time_ms": 40.0 * scale,
        "longest_exclusive_ms": lock * scale,
        "table": "ideas",
    }
    for day, name, lock in ((1, "idea_pool", 0), (2, "rollups", 30.0))
    for scale in (1, 10)
]
STAGES = [{"stage": "schema", "seconds": 0.8}, {"stage": "data", "seconds": 2.4}]
DRAWN: dict[str, Callable[[], Figure]] = {
    "matrix": lambda: figures.matrix_heat_map(sample.matrix()),
    "locks": lambda: figures.lock_timeline(LOCKS, 200),
    "stages": lambda: figures.restore_stages(STAGES, 3),
    "far objective": lambda: figures.restore_stages(STAGES, 600),
    "run": lambda: figures.run_timeline(sample.spans()),
}


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_figure_is_the_same_each_time_small_and_self_contained(draw: Callable[[], Figure]) -> None:
    drawn = draw()
    assert drawn.svg == draw().svg
    assert len(drawn.svg) < 40_000
    assert ET.fromstring(drawn.svg).tag.endswith("svg")
    for fetching in ("<image", "url(http", "@import", "DejaVu", "Matplotlib"):
        assert fetching not in drawn.svg


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_text_stays_text(draw: Callable[[], Figure]) -> None:
    assert "<text" in draw().svg


def test_notebook_gets_the_picture_with_its_words() -> None:
    data, metadata = figures.run_timeline(sample.spans())._repr_mimebundle_()
    assert data["text/plain"].startswith("The run, task by task: 4 tasks in 27 s of wall clock.\nMigrations passed, 12 s;")
    assert set(metadata["image/svg+xml"]) == {"alt", "caption"}


def test_figure_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a caption"):
        Figure(svg="<svg/>", alt=" ", caption="A figure")


@pytest.mark.parametrize(
    "draw",
    [
        lambda: figures.matrix_heat_map(None),
        lambda: figures.lock_timeline(None, 1),
        lambda: figures.restore_stages([], 1),
        lambda: figures.run_timeline([]),
    ],
)
def test_missing_facts_draw_a_note_and_do_not_raise(draw: Callable[[], Figure]) -> None:
    assert draw().caption.startswith("Nothing to draw: ")


def test_mismatch_shows_both_letters() -> None:
    drawn = figures.matrix_heat_map(sample.matrix())
    assert ">A≠D<" in drawn.svg and ">A≠O<" in drawn.svg
    assert drawn.alt == (
        "2 of 112 probes differ from what is declared: anon delete on ideas: allow, declared deny; "
        "alice update on idea_tags: allow, declared own."
    )


def test_matching_matrix_says_so() -> None:
    cells = [{**cell, "observed": cell["expected"]} for cell in sample.matrix()]
    drawn = figures.matrix_heat_map(cells)
    assert drawn.alt == "All 112 probes gave what is declared." and "≠" not in drawn.svg


def test_each_scope_has_its_own_letter() -> None:
    looks = scope_looks(["allow", "admins", "assigned", "drafts", "own", "own_drafts"])
    letters = [look[0] for look in looks.values()]
    assert len(set(letters)) == len(letters)


def test_unprobed_cell_is_a_question_mark() -> None:
    cell = {"table": "ideas", "identity": "anon", "verb": "insert", "expected": "error", "observed": "error"}
    assert ">?<" in figures.matrix_heat_map([cell]).svg


def test_limit_is_a_labelled_line() -> None:
    drawn = figures.lock_timeline(LOCKS, 200)
    assert "limit 200 ms" in drawn.svg and ">none<" in drawn.svg
    assert drawn.alt.endswith("Beyond the limit of 200 ms: 20251002090000_rollups.sql at 10× (300 ms).")


def test_no_lock_at_all_is_drawn_too() -> None:
    facts = [{**fact, "longest_exclusive_ms": None} for fact in LOCKS]
    assert "None held an exclusive lock" in figures.lock_timeline(facts, 200).alt


def test_objective_met_or_missed_is_said() -> None:
    assert figures.restore_stages(STAGES, 3).caption == "Time to restore, step by step: 3.2 s in all, beyond the RTO of 3.0 s."
    assert "far right of this axis" in figures.restore_stages(STAGES, 600).svg


def test_task_that_never_ended_says_so() -> None:
    spans = [{**sample.spans()[0], "ended_at": None}]
    assert "not finished" in figures.run_timeline(spans).svg


@pytest.mark.parametrize("text", ["$a_1$ $", "<script>alert(1)</script>", "\x1b[31mred", "x" * 5000, "a\nb"])
def test_hostile_names_are_only_text(text: str) -> None:
    drawn = figures.matrix_heat_map([{"table": text, "identity": text, "verb": "select", "expected": text, "observed": "deny"}])
    assert not [node for node in ET.fromstring(drawn.svg).iter() if node.tag.endswith("script")]
    assert "\x1b" not in drawn.svg + drawn.alt
    assert len(drawn.svg) < 20_000 and len(drawn.alt) <= 2_000
