"""One whole run of the sample for all tests that read one: it takes a minute."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

import pytest

from lib.core.paths import ROOT
from lib.embedded.state_folders import state_base
from tests.support.launch import Whole, start_lib


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Return the run. With pytest-xdist one worker makes it, and the others wait for it: they only read."""
    home = tmp_path_factory.getbasetemp()
    shared = (home.parent if home.name.startswith("popen-") else home) / "whole"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = shared / "done.json"
        if not kept.exists():
            done = start_lib("staging", rendered=shared / "rendered")
            told = {"exit_code": done.exit_code, "said": done.said, "folder": str(done.folder), "states": str(state_base(ROOT))}
            kept.write_text(json.dumps(told))
        told = json.loads(kept.read_text())
    return Whole(exit_code=told["exit_code"], said=told["said"], folder=Path(told["folder"]), states=Path(told["states"]))
