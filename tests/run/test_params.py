"""What users write is understood whole, or refused with one line for each thing wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lib.core.errors import ParamsError
from lib.core.paths import ROOT
from lib.core.permissions import Act
from lib.run.layers import merge
from lib.run.params import is_strict, load_params

LOCAL = (ROOT / "params" / "local.yaml").read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "local.yaml").write_text(LOCAL)
    (tmp_path / "staging.yaml").write_text("extends: local\ntargets:\n  database: ${STAGING_DATABASE_URL}\n")
    return tmp_path


@pytest.mark.parametrize("environment", ["local", "staging", "production"])
def test_shipped_params_are_valid(environment: str) -> None:
    assert load_params(environment, variables={}).rehearsal


def test_all_variables_set_is_live(folder: Path) -> None:
    params = load_params("staging", variables={"STAGING_DATABASE_URL": "postgresql://x"}, folder=folder)
    assert (params.rehearsal, params.addresses, params.missing) == (False, {"database": {"url": "postgresql://x"}}, {})


def test_no_variable_set_is_a_rehearsal_that_names_it(folder: Path) -> None:
    params = load_params("staging", variables={"STAGING_DATABASE_URL": "  "}, folder=folder)
    assert (params.rehearsal, params.rehearsed_for) == (True, ("STAGING_DATABASE_URL",))


def test_live_writes_are_off_unless_asked_for_by_name(folder: Path) -> None:
    live = {"STAGING_DATABASE_URL": "postgresql://x"}
    assert load_params("staging", variables=live, folder=folder).refusals.keys() == {Act.MIGRATIONS, Act.FIXTURES}
    assert load_params("staging", variables={**live, "ALLOW_WRITES": "1"}, folder=folder).refusals
    asked = {**live, "ALLOW_WRITES": "staging"}
    assert load_params("staging", variables=asked, folder=folder).refusals.keys() == {Act.MIGRATIONS, Act.FIXTURES}
    text = (folder / "staging.yaml").read_text()
    (folder / "staging.yaml").write_text(f"{text}writes: [migrations]\n")
    assert load_params("staging", variables=asked, folder=folder).refusals.keys() == {Act.FIXTURES}
    assert load_params("staging", variables=live, folder=folder).refusals.keys() == {Act.MIGRATIONS, Act.FIXTURES}


def test_an_address_is_not_shown_in_repr(folder: Path) -> None:
    params = load_params("staging", variables={"STAGING_DATABASE_URL": "postgresql://u:hunter2@h/d"}, folder=folder)
    assert "hunter2" not in repr(params)


def test_every_problem_is_told_at_once(folder: Path) -> None:
    (folder / "bad.yaml").write_text(
        "extends: local\ntargets:\n  databse: embedded\nrun:\n  jobs: two\nmigrations:\n  max_blocked_ms: '5'\nnonsense: 1\n"
    )
    with pytest.raises(ParamsError) as caught:
        load_params("bad", variables={}, folder=folder)
    text = str(caught.value)
    assert len(caught.value.problems) == 4
    assert "targets: unknown key 'databse'; did you mean 'database'?" in text
    assert "run.jobs" in text
    assert "migrations.max_blocked_ms" in text
    assert "unknown key 'nonsense'" in text


def test_a_credential_in_the_file_is_refused_and_not_repeated(folder: Path) -> None:
    (folder / "bad.yaml").write_text("extends: local\ntargets:\n  database: postgresql://u:hunter2@h/d\n")
    with pytest.raises(ParamsError) as caught:
        load_params("bad", variables={}, folder=folder)
    assert "targets.database" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1", "not valid YAML"),
        ("- a", "must be a mapping"),
        ("extends: bad\n", "extends itself"),
        ("extends: nope\n", "nope"),
    ],
)
def test_a_file_that_is_no_params_file_is_told(folder: Path, text: str, said: str) -> None:
    (folder / "bad.yaml").write_text(text)
    with pytest.raises(ParamsError, match=said):
        load_params("bad", variables={}, folder=folder)


@pytest.mark.parametrize("name", ["nope", "../local", "", "LOCAL"])
def test_an_unknown_environment_names_those_there_are(folder: Path, name: str) -> None:
    with pytest.raises(ParamsError, match="environments here: local, staging"):
        load_params(name, variables={}, folder=folder)


def test_a_pack_that_is_not_there_is_told(folder: Path) -> None:
    with pytest.raises(ParamsError, match="PACK=/nowhere/at/all: there is no folder"):
        load_params("local", pack="/nowhere/at/all", variables={}, folder=folder)


@pytest.mark.parametrize(("value", "strict"), [("1", True), ("yes", True), ("", False), ("0", False), ("false", False)])
def test_strict_is_read_as_people_write_it(value: str, strict: bool) -> None:
    assert is_strict({"STRICT": value}) is strict


def test_merging_replaces_lists_and_merges_mappings() -> None:
    assert merge({"a": {"b": [1], "c": 2}}, {"a": {"b": [3]}}) == {"a": {"b": [3], "c": 2}}


def test_an_unknown_switch_of_a_stand_in_is_told(folder: Path) -> None:
    text = (ROOT / "params" / "local.yaml").read_text()
    (folder / "local.yaml").write_text(text.replace("fly: {fault: none,", "fly: {fault: deploy_hang, crash_afer_s: 1,"))
    with pytest.raises(ParamsError) as raised:
        load_params("local", variables={}, folder=folder)
    said = "\n".join(raised.value.problems)
    assert "embedded.fly: unknown key 'crash_afer_s'; did you mean 'crash_after_s'?" in said
    assert "embedded.fly.fault" in said
    assert "deploy_hangs" in said


def test_params_are_read_without_what_opens_connections() -> None:
    """Every command and every kernel reads params first; drivers take most of a second to import."""
    drivers = "sqlalchemy", "psycopg", "httpx", "uvicorn", "papermill", "pandas", "matplotlib"
    code = f"import sys, lib.run.params; print(*sorted(set({drivers!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
