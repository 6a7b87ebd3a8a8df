"""The generated reference is current, names every command, variable and key, and says what each means."""

from __future__ import annotations

import re

import pytest

from lib.__main__ import build_parser
from lib.cli.list_checks import written_files
from lib.cli.list_reference import (
    CLI_FILE,
    CODES_FILE,
    EVIDENCE_FILE,
    OTHER_CODES,
    make_targets,
    reference_pages,
    subcommands,
)
from lib.core.paths import ROOT
from lib.core.verdict import Verdict
from lib.evidence.log import EvidenceLine

WRITTEN = written_files(build_parser())
PAGES = reference_pages(build_parser())
EMPTY_CELL = re.compile(r"\| *\|$")


@pytest.mark.parametrize("path", sorted(WRITTEN))
def test_every_written_file_is_current(path: str) -> None:
    assert (ROOT / path).read_text() == WRITTEN[path], f"{path}: run `python -m lib list --write`"


def test_every_command_and_argument_has_its_words() -> None:
    for name, parser in subcommands(build_parser()).items():
        assert f"\n### `{name}`\n" in PAGES[CLI_FILE]
        assert all(action.help for action in parser._actions), name


def test_targets_are_those_that_make_lists_with_the_variables_they_take() -> None:
    text = "A := 1\none: ## First\n\t@do $(LIB) $(PACK)\n\t@more $(ENV)\n\n%-two: one ## Second\nthree:\n\t@$(NEVER)\n"
    assert list(make_targets(text)) == [("one", "First", ["PACK", "ENV"]), ("%-two", "Second", [])]
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    listed = {name for name, _, _ in make_targets((ROOT / "Makefile").read_text())}
    assert listed == {*phony.group(1).split(), "%-readiness"}


def test_every_verdict_stands_with_its_codes() -> None:
    for verdict in Verdict:
        assert f"| {verdict.word} | {verdict.exit_code} | {verdict.code(strict=True)} |" in PAGES[CODES_FILE]
    assert OTHER_CODES.keys() <= subcommands(build_parser()).keys()


@pytest.mark.parametrize("page", ["README.md", "docs/explanation/verdict.md"])
def test_what_people_wrote_about_verdicts_says_the_same(page: str) -> None:
    rows = re.findall(r"^\| ([A-Z-]+) \| (\d) \| (.+) \|$", (ROOT / page).read_text(), re.MULTILINE)
    generated = re.findall(r"^\| ([A-Z-]+) \| (\d) \| \d \| (.+) \|$", PAGES[CODES_FILE], re.MULTILINE)
    assert rows == generated


def test_every_key_of_the_evidence_says_what_it_means() -> None:
    lines = [line for line in PAGES[EVIDENCE_FILE].splitlines() if line.startswith("| `")]
    assert {line.split("`")[1] for line in lines} >= EvidenceLine.model_fields.keys()
    assert [line for line in lines if EMPTY_CELL.search(line)] == []
