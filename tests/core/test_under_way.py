"""How far something long is: said while somebody listens, with the time that is left."""

from __future__ import annotations

import pytest

from lib.core import under_way as module
from lib.core.under_way import describe_share, listening, under_way


@pytest.mark.parametrize(
    ("share", "elapsed_s", "said"),
    [
        (0.0, 5.0, "reading rows, 0%"),
        (0.25, 60.0, "reading rows, 25%, about 3 min left"),
        (1.0, 60.0, "reading rows, 100%, about 0 s left"),
        (1.7, 60.0, "reading rows, 100%, about 0 s left"),
    ],
)
def test_a_share_is_said_with_what_is_left(share: float, elapsed_s: float, said: str) -> None:
    assert describe_share("reading rows", share, elapsed_s) == said


def test_only_who_listens_hears_it_and_only_while_listening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY_S", 0.0)
    said: list[str] = []
    with listening(said.append), under_way("reading rows", 4) as done:
        done(1)
        done(1)
    with under_way("reading rows", 4) as done:
        done(4)
    assert [one.split(",")[1] for one in said] == [" 25%", " 50%"]


def test_nothing_to_do_is_all_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY_S", 0.0)
    said: list[str] = []
    with listening(said.append), under_way("reading rows", 0) as done:
        done(0)
    assert said[0].startswith("reading rows, 100%")


def test_lines_are_no_closer_than_they_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY_S", 3600.0)
    said: list[str] = []
    with listening(said.append), under_way("reading rows", 4) as done:
        done(1)
    assert said == []
