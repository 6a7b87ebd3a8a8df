"""A run is named by its folder or its id, and a name that is none is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.cli.named_run import find_run
from lib.core.errors import ParamsError


def test_a_folder_is_found_through_a_link_too(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "latest").symlink_to("run")
    assert find_run(str(tmp_path / "latest")) == tmp_path / "run"


@pytest.mark.parametrize("named", ["", "  ", "no-such-run", "../no/such"])
def test_what_is_none_is_told(named: str) -> None:
    with pytest.raises(ParamsError, match="RUN="):
        find_run(named)
