"""A run that still goes on is not removed. The rest of it is tried where its note is read: tests/cli/test_verify_order.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.cli.remove_run import remove_run
from lib.core.errors import ParamsError
from lib.run.record import write_record
from tests.support.paper_worlds import AT, make_pack, run_in


def test_a_run_that_goes_on_stays(tmp_path: Path) -> None:
    run = run_in(tmp_path, "20261126T000001Z-aaaa", pack=make_pack(tmp_path))
    write_record(run, started_at=AT, rehearsed_for=(), inputs={})
    with pytest.raises(ParamsError, match="it is still going on"):
        remove_run(str(run.run_folder), "older than a year", pack="")
