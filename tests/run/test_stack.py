"""Only what the tasks look at is started, and every target carries how real it is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lib.core.permissions import Act
from lib.core.results import Check, Provenance
from lib.run import address, stack
from lib.run.params import load_params
from lib.run.run_file import RunFile, context_of, read_run_file
from lib.run.stack import RUN_FILE, new_run_id, start_stack

LIVE = {
    "STAGING_CHATWOOT_URL": "https://chat.example.com",
    "STAGING_CHATWOOT_API_TOKEN": "token-of-chatwoot",
    "STAGING_CHATWOOT_ACCOUNT_ID": "7",
    "STAGING_PUBLER_API_KEY": "key-of-publer",
    "STAGING_PUBLER_WORKSPACE_ID": "space",
    "STAGING_SMTP_URL": "smtp://us:password-of-mail@mail.example.com",
}


@pytest.fixture
def no_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a database server was started for tasks that need none")

    monkeypatch.setattr(stack, "start_postgres", refuse)


@pytest.fixture(autouse=True)
def public_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "resolve", lambda host: ["93.184.216.34"])


def stand(folder: Path, variables: dict[str, str], *, task: str = "health") -> RunFile:
    """Return the run file as a kernel reads it while the stack stands."""
    params = load_params("staging", variables=variables)
    folder.joinpath("run").mkdir()
    run_id = new_run_id(datetime.now(UTC))
    with start_stack(
        params, run_id=run_id, project="pack", run_folder=folder / "run", rendered=folder, tasks=(task, "readiness_summary")
    ) as run:
        path = run.work / RUN_FILE
        assert path.stat().st_mode & 0o777 == 0o600
        read = read_run_file(path)
        assert read.small is not None and read.small.is_dir() and not read.small.is_symlink()
    assert not run.work.exists() and not read.small.exists()
    return read


def check(subject: str) -> Check:
    return Check(id="health.x", title="x", subject=subject)


def test_a_rehearsal_of_health_starts_stand_ins_and_no_database(tmp_path: Path, no_postgres: None) -> None:
    run = stand(tmp_path, {})
    assert run.services.keys() == {"chatwoot", "publer", "mail"}
    assert {run.provenance_of(check(name)) for name in run.services} == {Provenance.SIMULATED}
    assert run.embedded == ("chatwoot", "mail", "publer")
    assert run.refusals == {}
    assert all(run.services[name]["url"].split("@")[-1].removeprefix("http://").startswith("127.0.0.1:") for name in run.services)


def test_live_health_starts_nothing_and_knows_its_secrets(tmp_path: Path, no_postgres: None) -> None:
    run = stand(tmp_path, LIVE)
    assert run.services["chatwoot"] == {"url": "https://chat.example.com", "token": "token-of-chatwoot", "account": "7"}
    assert {run.provenance_of(check(name)) for name in run.services} == {Provenance.LIVE}
    assert {"token-of-chatwoot", "key-of-publer", "password-of-mail"} <= set(run.secrets)
    assert {Act.CANARY, Act.NOTIFY} <= run.refusals.keys()
    assert "token-of-chatwoot" not in repr(run)
    assert "token-of-chatwoot" not in repr(context_of(run, "health", {}).services)


def test_with_some_variables_set_the_missing_are_named_and_nothing_stands_in(tmp_path: Path, no_postgres: None) -> None:
    variables = {name: value for name, value in LIVE.items() if "PUBLER" not in name}
    run = stand(tmp_path, variables)
    assert run.services.keys() == {"chatwoot", "mail"}
    assert run.missing == {"publer": ("STAGING_PUBLER_API_KEY", "STAGING_PUBLER_WORKSPACE_ID")}


def test_a_database_that_was_not_started_is_an_error_to_look_at(tmp_path: Path, no_postgres: None) -> None:
    run = stand(tmp_path, {})
    assert context_of(run, "health", {}).target.host == "database.invalid"


def test_health_alone_can_be_live_while_the_database_is_not_named(tmp_path: Path, no_postgres: None) -> None:
    run = stand(tmp_path, LIVE, task="migrations")
    assert run.missing == {"database": ("STAGING_DATABASE_URL",)}
    assert run.services == {}
