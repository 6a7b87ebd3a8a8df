"""What users write is understood whole, or refused with one line for each thing wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.core.errors import ParamsError
from lib.core.paths import ROOT
from lib.core.permissions import Act
from lib.run.params import is_strict, load_params
from tests.support.layered import PARAMS

DEFAULTS = (PARAMS / "defaults.yaml").read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("defaults", "local"):
        shutil.copyfile(PARAMS / f"{name}.yaml", tmp_path / f"{name}.yaml")
    (tmp_path / "staging.yaml").write_text("targets:\n  database: ${STAGING_DATABASE_URL}\n")
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
        ("extends: local\nseed:\n  applies: 2026-99-99\n", "line 3: month must be in 1..12"),
        ("extends: local\nseed:\n  applies: 2026-11-26\n", "line 3: a date is no plain value"),
        ("extends: local\nrun:\n  notebook_timeout_s: .inf\n", "line 3: inf is no number"),
        ("extends: local\nrun:\n  notebook_timeout_s: .nan\n", "line 3: nan is no number"),
        (f"extends: local\nrun:\n  notebook_timeout_s: {'9' * 5000}\n", "line 3: .*4300 digits"),
        ("extends: local\nrun:\n  notebook_timeout_s: 1.0e+300\n", "line 3: a number with 301 digits"),
        ("extends: local\nrun:\n  notebook_timeout_s: 9999999\n", "at most 1,728,000 s make sense"),
        ("extends: local\nmigrations:\n  scales: [0]\n", "migrations.scales.0: input should be greater than or equal to 1"),
        ("extends: local\nmigrations:\n  scales: []\n", "migrations.scales"),
        (f"a: {'[' * 5000}{']' * 5000}", "more than 40 levels of nesting"),
        ("a: &a [*a]", "its aliases make it endless"),
        ("a0: &a0 [x, x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(30)), "its aliases make it endless"),
        ("extends: local\npack: a\npack: b\n", "line 3: the key 'pack' is there twice"),
        ("a: !!python/object:os.system x", "line 1: could not determine a constructor"),
        ("? [a, b]\n: c", "line 1: found unhashable key"),
        ("a: !!binary '###'", "line 1: a bytes is no plain value"),
        ("a: !!timestamp never", "line 1"),
        ("a: " + "x" * 3_000_000, "3,000,003 characters"),
        ("a: \x00", "has a NUL byte at line 1"),
    ],
)
def test_a_file_that_is_no_params_file_is_told(folder: Path, text: str, said: str) -> None:
    (folder / "bad.yaml").write_text(text)
    with pytest.raises(ParamsError, match=said) as caught:
        load_params("bad", variables={}, folder=folder)
    assert len(caught.value.problems) == 1
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_file_in_another_encoding_and_a_folder_are_told(folder: Path) -> None:
    (folder / "bad.yaml").write_bytes("extends: local\npack: größe\n".encode("latin-1"))
    with pytest.raises(ParamsError, match="not UTF-8 text"):
        load_params("bad", variables={}, folder=folder)
    os.mkfifo(folder / "pipe.yaml")
    with pytest.raises(ParamsError, match="there is no params/pipe"):
        load_params("pipe", variables={}, folder=folder)


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.floats(), max_size=2),
    st.sampled_from([0, -1, 10**400, 1e308, "", " ", "${X}", "\x1b[2J", "2026-99-99"]),
)  # fmt: skip
PLACES = [(name, key) for name, part in yaml.safe_load(DEFAULTS).items() if isinstance(part, dict) for key in part]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(PLACES), value=ODD)
def test_whatever_stands_there_is_taken_or_told_in_short_lines(folder: Path, place: tuple[str, str], value: object) -> None:
    text = yaml.safe_dump({"extends": "local", place[0]: {place[1]: value}}, allow_unicode=True)
    (folder / "odd.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        load_params("odd", variables={}, folder=folder)
    except ParamsError as exc:
        assert exc.problems
        assert all(len(problem) < 600 for problem in exc.problems)


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


def test_an_unknown_switch_of_a_stand_in_is_told(folder: Path) -> None:
    (folder / "defaults.yaml").write_text(DEFAULTS.replace("fly: {fault: none,", "fly: {fault: deploy_hang, crash_afer_s: 1,"))
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
