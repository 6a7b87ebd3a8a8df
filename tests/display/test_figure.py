"""Figures: the same each time, small, said in words, and never the reason a notebook stops."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from lib.display.figure import Figure
from lib.tasks.backup_restore.figures import restore_stages
from lib.tasks.migrations.figures import lock_timeline
from lib.tasks.readiness_summary.figures import run_timeline
from lib.tasks.rls.figures import matrix_heat_map
from tests.support import sample_pages as sample

DRAWN: dict[str, Callable[[], Figure]] = {
    "matrix": lambda: matrix_heat_map(sample.matrix()),
    "locks": lambda: lock_timeline(sample.LOCKS, 200),
    "stages": lambda: restore_stages(sample.STAGES, 3),
    "far objective": lambda: restore_stages(sample.STAGES, 600),
    "run": lambda: run_timeline(sample.spans()),
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
    data, metadata = run_timeline(sample.spans())._repr_mimebundle_()
    assert data["text/plain"].startswith("The run, task by task: 4 tasks in 27 s of wall clock.\nMigrations passed, 12 s;")
    assert set(metadata["image/svg+xml"]) == {"alt", "caption"}


def test_figure_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a caption"):
        Figure(svg="<svg/>", alt=" ", caption="A figure")


@pytest.mark.parametrize(
    "draw",
    [
        lambda: matrix_heat_map(None),
        lambda: lock_timeline(None, 1),
        lambda: restore_stages([], 1),
        lambda: run_timeline([]),
    ],
)
def test_missing_facts_draw_a_note_and_do_not_raise(draw: Callable[[], Figure]) -> None:
    assert draw().caption.startswith("Nothing to draw: ")


@pytest.mark.parametrize("text", ["$a_1$ $", "<script>alert(1)</script>", "\x1b[31mred", "x" * 5000, "a\nb"])
def test_hostile_names_are_only_text(text: str) -> None:
    drawn = matrix_heat_map([{"table": text, "identity": text, "verb": "select", "expected": text, "observed": "deny"}])
    assert not [node for node in ET.fromstring(drawn.svg).iter() if node.tag.endswith("script")]
    assert "\x1b" not in drawn.svg + drawn.alt
    assert len(drawn.svg) < 20_000 and len(drawn.alt) <= 2_000
