"""A check's id never changes once it is published: the list of them only grows."""

from __future__ import annotations

from pathlib import Path

from lib.tasks.index import every_check

LIST = Path(__file__).with_name("published_checks.txt")


def test_every_published_id_is_still_there_and_every_id_is_published() -> None:
    published = LIST.read_text().split()
    assert published == sorted(set(published))
    gone = set(published) - every_check().keys()
    assert not gone, "an id that was published is kept; what is looked at now may have a new one beside it"
    assert not every_check().keys() - set(published), f"add the new ids to {LIST.name}"
