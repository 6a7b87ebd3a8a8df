"""No fixture reaches production, by any switch, and one permission allows one act."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lib.core.errors import ParamsError
from lib.core.paths import ROOT
from lib.core.permissions import Act
from lib.run.params import load_params
from lib.run.production import is_production

STAGING = {"STAGING_DATABASE_URL": "postgresql://u:pass-of-db@db.example.com:5432/postgres"}
PRODUCTION = {"PRODUCTION_DATABASE_URL": "postgresql://u:pass-of-db@db.example.org:5432/postgres"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the shipped params."""
    shutil.copytree(ROOT / "params", tmp_path / "params")
    return tmp_path / "params"


def change(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / f"{name}.yaml").read_text()
    assert old in text
    (folder / f"{name}.yaml").write_text(text.replace(old, new))


@pytest.mark.parametrize("asked", ["", "production", "staging", "1"])
def test_fixtures_are_refused_in_production_whatever_is_asked(folder: Path, asked: str) -> None:
    params = load_params("production", variables={**PRODUCTION, "ALLOW_WRITES": asked}, folder=folder)
    assert Act.FIXTURES in params.refusals
    assert "holds real data" in params.not_applicable["seed"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("applies: false", "applies: true", "seed.applies is true"),
        ("writes: [migrations", "writes: [fixtures, migrations", "writes lists fixtures"),
    ],
)
def test_params_that_would_bring_fixtures_to_production_are_refused(folder: Path, old: str, new: str, said: str) -> None:
    change(folder, "production", old, new)
    with pytest.raises(ParamsError, match="fixtures are never applied to production") as caught:
        load_params("production", variables={}, folder=folder)
    assert said in str(caught.value)
    assert "Fix: " in str(caught.value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, True) for name in ("production", "prod", "prod-eu", "production_2", "live")),
        ("staging", False),
        ("product", False),
    ],
)
def test_which_environments_are_production(name: str, expected: bool) -> None:
    assert is_production(name) is expected


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:another@db.example.org:5432/postgres",
        "postgresql://u:pass-of-db@db.example.org/postgres",
        "postgresql://u:pass-of-db@db.example.org:5432/",
    ],
)
def test_a_staging_variable_that_names_productions_database_stops_the_run(folder: Path, url: str) -> None:
    with pytest.raises(ParamsError, match="staging and production name the same database, by PRODUCTION_DATABASE_URL"):
        load_params("staging", variables={**PRODUCTION, "STAGING_DATABASE_URL": url}, folder=folder)


def test_two_projects_behind_one_pooler_are_two_databases(folder: Path) -> None:
    pooler = "postgresql://postgres.{}:pass-of-db@pooler.example.com:5432/postgres"
    variables = {"STAGING_DATABASE_URL": pooler.format("a"), "PRODUCTION_DATABASE_URL": pooler.format("b")}
    assert not load_params("staging", variables=variables, folder=folder).rehearsal


@pytest.mark.parametrize("act", ["migrations", "fixtures"])
def test_an_act_that_is_not_listed_is_refused_by_name(folder: Path, act: str) -> None:
    change(folder, "staging", f"{act}, ", "")
    params = load_params("staging", variables={**STAGING, "ALLOW_WRITES": "staging"}, folder=folder)
    assert params.refusals.keys() == {Act(act)}
    assert f"does not list {act}" in params.refusals[Act(act)].reason
    assert f"Add {act} to `writes` in params/staging.yaml" in params.refusals[Act(act)].fix


def test_a_rehearsal_may_do_everything(folder: Path) -> None:
    assert load_params("staging", variables={}, folder=folder).refusals == {}


def test_an_unknown_act_is_told(folder: Path) -> None:
    change(folder, "staging", "migrations, ", "everything, ")
    with pytest.raises(ParamsError, match=r"params/staging.yaml:\d+: writes.0: .*everything"):
        load_params("staging", variables={}, folder=folder)


@pytest.mark.parametrize(
    ("part", "said"),
    [("is_live: yes please", "write true or false"), ("token: true", "write the name of an environment variable")],
)
def test_is_live_is_a_yes_or_no_and_nothing_else_is(folder: Path, part: str, said: str) -> None:
    change(folder, "staging", "    token: ${STAGING_GITHUB_TOKEN}", f"    {part}  #")
    with pytest.raises(ParamsError, match=said):
        load_params("staging", variables={}, folder=folder)


def test_a_service_of_ones_own_may_be_called_live(folder: Path) -> None:
    variables = {
        "STAGING_CHATWOOT_URL": "http://10.0.0.5",
        "STAGING_CHATWOOT_API_TOKEN": "t" * 20,
        "STAGING_CHATWOOT_ACCOUNT_ID": "1",
    }
    assert load_params("staging", variables=variables, folder=folder).provenances["chatwoot"] == "simulated"
    change(folder, "staging", "  chatwoot:\n", "  chatwoot:\n    is_live: true\n")
    assert load_params("staging", variables=variables, folder=folder).provenances["chatwoot"] == "live"
