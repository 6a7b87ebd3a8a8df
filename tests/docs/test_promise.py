"""What the page about versions says is so."""

from __future__ import annotations

import tomllib

from lib.core.paths import ROOT
from lib.evidence.history_schema import VERSION
from lib.evidence.log import SCHEMA_VERSION

PAGE = (ROOT / "docs" / "explanation" / "promise.md").read_text()


def test_the_versions_that_it_names_are_those_of_the_code() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for what, version in (("Evidence line", SCHEMA_VERSION), ("History", VERSION), ("Command line", project)):
        assert f"| {what} | {version} |" in PAGE


def test_each_version_of_a_form_has_its_line() -> None:
    evidence, history = PAGE.split("## Forms of the history")
    assert all(f"| {number} | " in evidence.split("## Forms of the evidence")[1] for number in range(1, SCHEMA_VERSION + 1))
    assert all(f"| {number} | " in history for number in range(1, VERSION + 1))
