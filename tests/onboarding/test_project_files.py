"""What a project's files say is read by name and place; whatever is odd is one sentence, never an error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lib.core.redact import known_secrets
from lib.onboarding.project_files import ProjectFiles, is_direction, is_runbook, read_project
from tests.support.onboarding_worlds import make_supabase_project, make_whole_project, write

SPARSE = 100 * 1024 * 1024


def test_a_whole_project_is_read(tmp_path: Path) -> None:
    files = read_project(make_whole_project(tmp_path))
    assert files.supabase is not None
    assert (files.supabase.migrations, files.supabase.tests, files.supabase.major) == (1, 1, 17)
    assert files.supabase.seeds == ("supabase/seed.sql",) and files.supabase.schemas == ("public", "app")
    assert [(one.app, one.role, one.paths) for one in files.fly] == [
        ("shop-staging", "staging", ("/up",)),
        ("shop", "production", ("/up",)),
    ]
    assert files.commands == ("test", "lint")
    assert files.alerts is not None
    assert (files.alerts.rules, files.alerts.tests) == ("deploy/alerts.yml", "deploy/alerts.test.yml")
    assert (files.alerts.thresholds, files.alerts.without) == ({"Slow": 0.5}, ("Down",))
    assert files.credentials.examples == {"STRIPE_SECRET_KEY": (".env.example",)}
    assert files.credentials.workflows == {"CHATWOOT_API_TOKEN": (".github/workflows/ci.yml",)}
    assert files.credentials.places == ("app.env#CHATWOOT_API_TOKEN", "publer.json#api_key")
    assert (files.vendors, files.owner) == ({"chatwoot", "publer"}, "@shop/team")
    assert (files.runbooks, files.directions) == (("docs/runbooks/deploy.md",), ("docs/direction.md",))
    assert files.problems == (
        "The script ci of package.json was left out: it may change more than a copy of the project (deploy).",
    )


def test_values_of_the_vault_are_secrets_from_here_on(tmp_path: Path) -> None:
    files = read_project(make_whole_project(tmp_path))
    assert {"abcdefgh12345678", "zyxwvuts87654321"} <= known_secrets()
    assert not any(value in repr(files) for value in ("abcdefgh12345678", "zyxwvuts87654321", "sk_live"))


def test_an_empty_folder_has_nothing_and_no_problem(tmp_path: Path) -> None:
    files = read_project(tmp_path)
    assert (files.supabase, files.fly, files.commands, files.alerts, files.problems) == (None, (), (), None, ())


def make_odd(root: Path, kind: str, name: str) -> None:
    """Put something odd where a file of that name is expected."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link out":
        path.symlink_to("/etc/passwd")
    elif kind == "link to itself":
        path.symlink_to(path.name)
    elif kind == "folder":
        path.mkdir()
    elif kind == "huge":
        with path.open("wb") as file:
            file.truncate(SPARSE)
    else:
        path.write_bytes({"UTF-16": "app = 1".encode("utf-16"), "broken": b"{[: = alert: expr: '", "NUL": b"a\0b"}[kind])


@pytest.mark.parametrize("kind", ["fifo", "link out", "link to itself", "huge", "UTF-16", "broken", "NUL"])
@pytest.mark.parametrize(
    "name",
    [
        "fly.toml",
        "apps/api/fly.toml",
        "package.json",
        "supabase/config.toml",
        "prometheus-alerts.yml",
        ".env.example",
        "CODEOWNERS",
    ],
)
def test_an_odd_file_is_one_sentence(tmp_path: Path, kind: str, name: str) -> None:
    make_odd(tmp_path, kind, name)
    said = [one for one in read_project(tmp_path).problems if Path(name).name in one]
    if name in (".env.example", "CODEOWNERS") and kind == "broken":
        assert said == []  # such files are read by their lines; one that gives no name gives none
    else:
        assert len(said) == 1 and said[0].endswith(".") and "\n" not in said[0]


@pytest.mark.parametrize("kind", ["fifo", "link out", "folder"])
def test_an_odd_folder_is_no_error(tmp_path: Path, kind: str) -> None:
    for name in ("supabase", "vault", ".github/workflows"):
        make_odd(tmp_path, kind, name)
    assert isinstance(read_project(tmp_path), ProjectFiles)


def test_odd_things_in_supabase_are_said(tmp_path: Path) -> None:
    make_supabase_project(tmp_path)
    (tmp_path / "supabase/seed.sql").unlink()
    os.mkfifo(tmp_path / "supabase/seed.sql")
    (tmp_path / "supabase/config.toml").write_text('[db]\nseed = 1\n[api]\nschemas = "public"\n')
    said = " ".join(read_project(tmp_path).problems)
    assert "supabase/config.toml" in said


def test_a_supabase_folder_further_down_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"apps/web/supabase/config.toml": "", "package.json": "{}"})
    assert read_project(tmp_path).elsewhere == ("apps/web",)


@pytest.mark.parametrize(
    ("name", "runbook", "direction"),
    [
        ("docs/runbooks/a.md", True, False),
        ("ops/deploy-runbook.md", True, False),
        ("docs/direction.md", False, True),
        ("DIRECTION.md", False, True),
        ("docs/directions-to-the-office.txt", False, False),
        ("docs/readme.md", False, False),
    ],
)
def test_documents_are_known_by_name(name: str, runbook: bool, direction: bool) -> None:
    assert (is_runbook(name), is_direction(name)) == (runbook, direction)
