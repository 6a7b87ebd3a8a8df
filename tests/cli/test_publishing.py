"""A run imports what publishes it while its parts start, and not before."""

from __future__ import annotations

import json
import subprocess
import sys

from lib.core.paths import ROOT

FOR_PAGES = {"lib.reporters.publish", "nbconvert", "jinja2"}


def modules_after(code: str) -> set[str]:
    """Return the names of the modules that a new process has imported after the code."""
    code += "; import json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_a_run_begins_without_what_publishes_it() -> None:
    assert modules_after("import lib.cli.run") & FOR_PAGES == set()


def test_what_publishes_a_run_is_there_once_its_import_has_ended() -> None:
    assert modules_after("from lib.cli.publishing import import_publishing; import_publishing().finish()") >= FOR_PAGES
