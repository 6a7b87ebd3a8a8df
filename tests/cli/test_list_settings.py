"""The page about settings has every key of every model once, each with a meaning, and defaults as the file has them."""

from __future__ import annotations

import re

import pytest
import yaml

from lib.cli.list_settings import describe_settings
from lib.core.paths import ROOT
from lib.run.params_file import ParamsFile
from lib.run.schemas import all_models

PAGE = describe_settings()
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.*?) \| (.*) \|$", re.MULTILINE)


def section(title: str) -> str:
    """Return one section of the page, from its heading to the next."""
    return re.split(r"^#+ ", PAGE.partition(f"# {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def test_every_key_of_every_model_has_a_row_with_a_meaning() -> None:
    rows = [(name, meaning) for name, _, _, _, meaning in ROW.findall(PAGE)]
    wanted = {name for model in all_models(ParamsFile) for name in model.model_fields} - ParamsFile.model_fields.keys()
    assert wanted <= {name for name, _ in rows}
    assert [name for name, meaning in rows if len(meaning) < 5] == []


def test_every_heading_is_there_once() -> None:
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    assert sorted(headings) == sorted(set(headings))


@pytest.mark.parametrize("name", ["migrations", "backup_restore", "deploy_rehearsal"])
def test_defaults_are_those_of_the_file(name: str) -> None:
    said = yaml.safe_load((ROOT / "params" / "defaults.yaml").read_text())[name]
    shown = {key: default for key, _, default, _, _ in ROW.findall(section(f"`{name}`"))}
    numbers = {key: value for key, value in said.items() if isinstance(value, int | float) and not isinstance(value, bool)}
    assert numbers
    assert {key: shown[key] for key in numbers} == {key: f"`{value}`" for key, value in numbers.items()}


def test_a_key_that_only_the_project_can_say_is_marked() -> None:
    assert "| `app` | text | the project says it |" in section("`deploy_rehearsal`")
    assert "| `max_age_h` | number, > 0 | required | h |" in section("`promotes_from`")
