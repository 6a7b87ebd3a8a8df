"""What the pages name is there: make's targets, commands, checks, settings, variables, files of the checkout."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from lib.__main__ import build_parser
from lib.cli.list_reference import SWITCHES, make_targets, subcommands
from lib.core.paths import ROOT
from lib.run.params_file import ParamsFile
from lib.run.schemas import all_models
from lib.tasks.index import TASKS, every_check
from tests.docs.pages import DOCS, PAGES, code_of, name_of

WRITTEN_BY_HAND = [path for path in PAGES if "reference" not in path.parts and path.name not in ("checks.md", "resilience.md")]
TARGETS = {name for name, _, _ in make_targets((ROOT / "Makefile").read_text())}
VARIABLES = {name for _, _, taken in make_targets((ROOT / "Makefile").read_text()) for name in taken}
MADE = re.compile(r"^\s*(?:[A-Z_]+=\S+ )*make ([a-z][a-z-]+)((?: [A-Z_]+=\S*)*)", re.MULTILINE)
CALLED = re.compile(r"python -m lib ([a-z-]+)")
SECTION_KEYS = {
    name: {key for model in all_models(ParamsFile.model_fields[name].annotation) for key in model.model_fields}
    for name, field in ParamsFile.model_fields.items()
    if isinstance(field.annotation, type) and hasattr(field.annotation, "model_fields")
}
"""Section -> every key that stands in it, or within it."""
OWN_EXAMPLES = ("cdn_cache",)
"""Tasks that a page lets its reader make."""


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_command_is_one(page: Path) -> None:
    for target, given in MADE.findall(code_of(page)):
        environment = target.removesuffix("-readiness")
        assert target in TARGETS or (ROOT / "params" / f"{environment}.yaml").exists(), f"make {target}"
        for variable in re.findall(r"([A-Z_]+)=", given):
            assert variable in VARIABLES | SWITCHES.keys(), f"make {target} {variable}="


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_is_one(page: Path) -> None:
    assert set(CALLED.findall(code_of(page))) <= subcommands(build_parser()).keys()


@pytest.mark.parametrize("page", WRITTEN_BY_HAND, ids=name_of)
def test_every_check_and_setting_is_one(page: Path) -> None:
    tasks = {task.name for task in TASKS}
    for code in code_of(page).splitlines():
        section, dot, key = code.partition(".")
        if not dot or section not in tasks | SECTION_KEYS.keys() or not re.fullmatch(r"[a-z_]+(\.[a-z_]+)?", key):
            continue
        if key.rpartition(".")[2] in ("md", "py", "yaml", "ipynb", "html"):
            continue
        known = code in every_check() or set(key.split(".")) <= SECTION_KEYS.get(section, set())
        assert known, f"{code} is neither a check nor a setting"


@pytest.mark.parametrize("page", WRITTEN_BY_HAND, ids=name_of)
def test_every_file_of_the_checkout_is_there(page: Path) -> None:
    for code in code_of(page).splitlines():
        is_path = re.fullmatch(r"(?:lib|params|pack|notebooks|tests|docs)/[\w./-]+", code)
        if is_path and not any(name in code for name in OWN_EXAMPLES) and not code.startswith(PAPER_TRAIL):
            assert (ROOT / code).exists(), code


PAPER_TRAIL = ("docs/runbooks/", "docs/qa_daily_links.md")
"""What a run writes into a project, not into this checkout."""


def test_every_variable_that_is_said_is_read() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "lib").rglob("*.py") if path.name != "list_reference.py")
    assert [name for name in SWITCHES if f'"{name}"' not in code] == []


def test_the_examples_of_waivers_and_items_are_valid() -> None:
    from lib.core.launch_items import LaunchList
    from lib.run.launch_list import find_problems
    from lib.run.waivers import WaiverFile

    def block(page: str, first: str) -> object:
        [text] = [one for one in re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(), re.DOTALL) if first in one]
        return yaml.safe_load(text)

    assert WaiverFile.model_validate(block("how-to/false-alarm.md", "waivers:")).waivers[0].check in every_check()
    for first in ("[rls.matrix_matches_declared", "document: "):
        assert find_problems(LaunchList.model_validate(block("how-to/launch-list.md", first)).items) == []
    apart = block("how-to/launch-list.md", "manual: ")
    assert len(LaunchList.model_validate({"items": apart}).items) == 2
