"""The page about checks is written from the checks, and says something of each."""

from __future__ import annotations

from lib.cli.list_checks import FILE, describe_checks
from lib.core.paths import ROOT
from lib.tasks.index import every_check


def test_the_page_is_current() -> None:
    assert (ROOT / FILE).read_text() == describe_checks(), "run `python -m lib list --write`"


def test_every_check_says_what_it_looks_at_and_the_fix() -> None:
    assert [check.id for check in every_check().values() if len(check.doc) < 60 or len(check.fix) < 10] == []
