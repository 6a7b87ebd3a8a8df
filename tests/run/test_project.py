"""Each project has its own folder in rendered/, and what an older workbook left there is moved over once."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from lib.core.files import point_at
from lib.core.incidents import Incident
from lib.evidence.history import RUNS, open_history
from lib.evidence.incident_store import INCIDENTS, OLDER, open_incidents
from lib.run.older_layout import open_rendered
from lib.run.project import find_project, open_project, spell_name, without_login

AT = datetime(2026, 11, 20, tzinfo=UTC)
FIRST, SECOND = "20261120T010000Z-aaaa", "20261121T010000Z-bbbb"


def git(folder: Path, *words: str) -> None:
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@x", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@x"}
    subprocess.run(["git", "-C", folder, *words], env={**os.environ, **who}, check=True, capture_output=True)


def repository(folder: Path, text: str = "x") -> Path:
    folder.mkdir(parents=True)
    (folder / "file").write_text(text)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", text)
    return folder


def plain(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def test_a_project_is_called_as_its_folder(tmp_path: Path) -> None:
    assert open_project(tmp_path / "rendered", plain(tmp_path / "my app")) == "my-app"
    assert (tmp_path / "rendered" / "my-app").is_dir()


def test_two_of_one_name_are_told_apart_and_stay_so(tmp_path: Path) -> None:
    rendered = tmp_path / "rendered"
    one, other = plain(tmp_path / "a" / "app"), plain(tmp_path / "b" / "app")
    names = [open_project(rendered, one), open_project(rendered, other)]
    assert names[0] == "app"
    assert names[1].startswith("app-")
    assert [open_project(rendered, one), open_project(rendered, other)] == names
    assert [find_project(rendered, one), find_project(rendered, other)] == names


def test_a_clone_is_the_same_project_wherever_it_lies(tmp_path: Path) -> None:
    rendered = tmp_path / "rendered"
    first = repository(tmp_path / "a" / "app")
    git(tmp_path, "clone", "--quiet", str(first), str(tmp_path / "b" / "app"))
    assert [open_project(rendered, first), open_project(rendered, tmp_path / "b" / "app")] == ["app", "app"]


def test_another_history_under_the_same_name_is_another_project(tmp_path: Path) -> None:
    rendered = tmp_path / "rendered"
    assert open_project(rendered, repository(tmp_path / "a" / "app", "one")) == "app"
    assert open_project(rendered, repository(tmp_path / "b" / "app", "two")) != "app"


def test_two_folders_of_one_repository_are_two_projects(tmp_path: Path) -> None:
    root = repository(tmp_path / "root")
    names = {open_project(tmp_path / "rendered", plain(root / part / "web")) for part in ("shop", "blog")}
    assert len(names) == 2


def test_a_shallow_clone_is_known_by_its_origin(tmp_path: Path) -> None:
    rendered = tmp_path / "rendered"
    source = repository(tmp_path / "source")
    for text in ("two", "three"):
        (source / "file").write_text(text)
        git(source, "commit", "--quiet", "-am", text)
        git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{source}", str(tmp_path / text / "app"))
        assert open_project(rendered, tmp_path / text / "app") == "app"


@pytest.mark.parametrize(
    ("name", "spelled"), [("../x", "x"), ("a b/c", "a-b-c"), ("...", "project"), ("Ä", "project"), ("x" * 200, "x" * 60)]
)
def test_a_name_is_safe_as_a_folders(name: str, spelled: str) -> None:
    assert spell_name(name) == spelled


def test_a_token_in_the_origin_is_not_kept(tmp_path: Path) -> None:
    project = repository(tmp_path / "app")
    git(project, "remote", "add", "origin", "https://user:hunter2hunter2@github.com/x/app.git")
    open_project(tmp_path / "rendered", project)
    assert "hunter2" not in (tmp_path / "rendered" / "app" / "project.json").read_text()
    assert without_login("https://user:hunter2@github.com/x/app.git") == "github.com/x/app"


def older_run(rendered: Path, environment: str, run_id: str, pack: str | None) -> Path:
    folder = rendered / environment / run_id
    folder.mkdir(parents=True)
    (folder / "index.html").write_text(run_id)
    if pack:
        (folder / "manifest.json").write_text(json.dumps({"pack": pack}))
    return folder


def older_history(rendered: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{rendered / 'history.sqlite'}")
    columns = [sa.Column(one.name, one.type, primary_key=one.primary_key) for one in RUNS.columns if one.name != "project"]
    runs = sa.Table("runs", sa.MetaData(), *columns)
    incidents = sa.Table(OLDER, sa.MetaData(), *(sa.Column(c.name, c.type) for c in INCIDENTS.columns if c.name != "project"))
    with engine.begin() as connection:
        for table in (runs, incidents):
            table.create(connection)
        for run_id in (FIRST, SECOND):
            connection.execute(sa.insert(runs), {
                "run_id": run_id, "environment": "staging", "verdict": "GO", "partial": False, "finished": True,
                "commit_id": None, "started_at": AT, "duration_s": 1.0,
            })  # fmt: skip
        connection.execute(sa.insert(incidents), {
            "environment": "staging", "live": True, "subject": "publer", "opened_at": AT, "run_id": FIRST,
            "failing": ["health.publer_available"], "told_at": AT, "closed_at": None,
        })  # fmt: skip
    engine.dispose()


def test_an_older_rendered_is_moved_over_once_and_nothing_is_lost(tmp_path: Path) -> None:
    rendered, ours = tmp_path / "rendered", plain(tmp_path / "ours")
    older_run(rendered, "staging", FIRST, "ours")
    older_run(rendered, "staging", SECOND, "theirs")
    older_run(rendered, "local", SECOND, None)
    (rendered / "local" / "kept" / "backups").mkdir(parents=True)
    (rendered / "staging" / "dry_runs" / FIRST).mkdir(parents=True)
    point_at(rendered / "staging" / "latest", SECOND)
    (rendered / "README.md").write_text("about")
    older_history(rendered)
    for _ in range(2):
        assert open_rendered(rendered, ours) == "ours"
        assert (rendered / "ours" / "staging" / FIRST / "index.html").read_text() == FIRST
        assert (rendered / "theirs" / "staging" / "latest" / "index.html").read_text() == SECOND
        assert (rendered / "theirs" / "staging" / "dry_runs" / FIRST).is_dir()
        assert (rendered / "ours" / "local" / SECOND).is_dir()
        assert (rendered / "ours" / "local" / "kept" / "backups").is_dir()
        assert not (rendered / "staging").exists()
        assert (rendered / "README.md").exists()
    history = open_history(rendered)
    with history.connect() as connection:
        owners = {row.run_id: row.project for row in connection.execute(sa.select(RUNS.c.run_id, RUNS.c.project))}
    assert owners == {FIRST: "ours", SECOND: "theirs"}
    [incident] = open_incidents(history, "ours", "staging", live=True)
    assert incident == Incident(
        subject="publer", opened_at=AT, run_id=FIRST, failing=("health.publer_available",), notified_at=AT
    )
    assert open_incidents(history, "theirs", "staging", live=True) == []


def test_a_project_called_like_an_environment_is_no_older_layout(tmp_path: Path) -> None:
    rendered = tmp_path / "rendered"
    assert open_rendered(rendered, plain(tmp_path / "staging")) == "staging"
    older_run(rendered, "staging/local", FIRST, "staging")
    assert open_rendered(rendered, tmp_path / "staging") == "staging"
    assert (rendered / "staging" / "local" / FIRST).is_dir()
