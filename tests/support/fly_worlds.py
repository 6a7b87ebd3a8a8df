"""What tests of the deploy stand on: a seeded database, a pack that may be changed, a platform of its own."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lib.core.paths import ROOT
from lib.core.results import Provenance
from lib.embedded.fly.start import EmbeddedFly, Switches, app_names, start_fly
from lib.embedded.postgres.previous_schema import apply_text
from lib.embedded.state_folders import state_base
from lib.tasks.deploy_rehearsal.task import DeployRehearsal
from lib.transport.context import Context, Programs, Service
from lib.transport.database import Database
from tests.support.local_sections import local_sections

APP = "idea-board-staging"
PRODUCTION = "idea-board"
BEHIND = "idea-board-previous-schema"
OF_CONTEXT = ("refusals", "production_writes_allowed", "flyctl", "postgres_bin", "drill_database", "embedded")
"""What `context_of` changes of the context itself."""


def reference(release: str, app: str = APP) -> str:
    return f"registry.fly.io/{app}:{release}"


def fill(database: Database, *, newest: str = "9") -> Database:
    """Apply the sample pack's migrations up to a version, and its seed."""
    for path in sorted((ROOT / "pack/supabase/migrations").glob("*.sql")):
        if path.name.partition("_")[0] <= newest:
            apply_text(database, path.read_text(encoding="utf-8"), timeout_s=60)
    apply_text(database, (ROOT / "pack/supabase/seed.sql").read_text(encoding="utf-8"), timeout_s=60)
    return database


def copy_pack(folder: Path) -> Path:
    """Return a copy of the sample pack that a test may change."""
    return Path(shutil.copytree(ROOT / "pack", folder / "pack", ignore=shutil.ignore_patterns("__pycache__")))


@contextmanager
def standing_fly(
    database: Database, *, pack: Path | None = None, behind: Database | None = None, **switches: Any
) -> Iterator[EmbeddedFly]:
    """Yield a platform whose apps read the database; `behind` is the one a release behind."""
    pack = pack or ROOT / "pack"
    urls = {name: database.url for name in app_names(pack)}
    if behind is not None:
        urls[BEHIND] = behind.url
    with start_fly(
        state_base(ROOT) / f"tests-fly-{secrets.token_hex(4)}",
        pack=pack,
        secrets={name: {"DATABASE_URL": url} for name, url in urls.items()},
        switches=Switches(**switches),
    ) as fly:
        yield fly


def flyctl(fly: EmbeddedFly, *words: str, pack: Path | None = None, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run flyctl in the pack's folder to its end."""
    return subprocess.run(
        [fly.flyctl, *words], cwd=pack or ROOT / "pack", input=stdin, capture_output=True, text=True, timeout=60
    )


def flyctl_json(fly: EmbeddedFly, *words: str) -> Any:
    done = flyctl(fly, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def deploy(
    fly: EmbeddedFly, release: str, *words: str, strategy: str = "rolling", app: str = APP, pack: Path | None = None
) -> subprocess.CompletedProcess[str]:
    argv = [
        "deploy",
        "--app",
        app,
        "--config",
        "fly.toml",
        "--image",
        reference(release, app),
        "--strategy",
        strategy,
        "--ha=false",
        "--yes",
    ]
    return flyctl(fly, *argv, *words, pack=pack)


def wait_passing(fly: EmbeddedFly, app: str = APP) -> list[dict[str, Any]]:
    """Return the app's machines once every check of theirs passes."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        machines: list[dict[str, Any]] = flyctl_json(fly, "machine", "list", "--app", app)
        if all(one["state"] == "started" and all(check["status"] == "passing" for check in one["checks"]) for one in machines):
            return machines
    raise AssertionError("the machines never passed their checks")


def settings(**changes: Any) -> DeployRehearsal:
    """Return the task's section as the sample has it, quick, with changes."""
    said = local_sections()["deploy_rehearsal"].model_dump(mode="json")
    quick = {"baseline_s": 0.3, "watch_s": 0.5}
    # Limits that only a test of the limit itself lowers: how busy the machine is decides no outcome.
    quick |= {"health_timeout_s": 30, "rollback_limit_s": 60, "command_timeout_s": 60, "max_downtime_s": 60}
    quick["max_error_ratio"] = 0.5  # a test of the limit itself sets it
    return DeployRehearsal.model_validate({**said, **quick, **changes})


def context_of(
    database: Database, fly: EmbeddedFly, folder: Path, *, pack: Path | None = None, **changes: Any
) -> Context[DeployRehearsal]:
    """Return the context that the task's looks get; the words of OF_CONTEXT change it, the rest its settings."""
    own = {name: changes.pop(name) for name in OF_CONTEXT if name in changes}
    drill = {"drill_database": own["drill_database"].url} if own.get("drill_database") else {}
    sections: Mapping[str, Any] = {"migrations": type("Migrations", (), {"schemas": ["public"]})()}
    return Context(
        environment="local",
        pack=pack or ROOT / "pack",
        settings=settings(**changes),
        sections=sections,
        target=database,
        scratch=database,
        programs=Programs(
            supabase=Path("x"),
            squawk=Path("x"),
            postgres_bin=own.get("postgres_bin", Path("x")),
            flyctl=own.get("flyctl", fly.flyctl),
        ),
        work=folder / "work",
        kept=folder / "kept",
        is_rehearsal=True,
        provenances={"database": Provenance.EMBEDDED, "fly": Provenance.SIMULATED},
        embedded=own.get("embedded", frozenset({"database", "fly"})),
        refusals=own.get("refusals", {}),
        production_writes_allowed=own.get("production_writes_allowed", False),
        services={"fly": Service(name="fly", parts={"url": "http://127.0.0.1/", "token": "", **drill})},
    )
