"""What a run or a notebook stands on: the embedded server, the private folder, the run file.

A live environment gets its own target and still an embedded server, for twins and restores.
"""

from __future__ import annotations

import secrets
import shutil
import string
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from lib.database import Database
from lib.embedded.fly.start import EmbeddedFly, Switches, app_names, start_fly
from lib.embedded.folders import state_base
from lib.embedded.leftovers import clean_leftovers
from lib.embedded.postgres import EmbeddedPostgres, start_postgres
from lib.embedded.previous_schema import make_previous_schema
from lib.errors import CommandError, WorkbookError
from lib.params import ROOT, Params
from lib.results import Provenance
from lib.run_file import RunFile
from lib.targets.supabase_cli import open_cli, stage_project

TOOLS = ROOT / ".tools"
RUN_FILE = "run.json"


def new_run_id(now: datetime) -> str:
    """Return an id that sorts by time and no other run of the same second has."""
    letters = "".join(secrets.choice(string.ascii_lowercase) for _ in range(4))
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{letters}"


def clean_up_leftovers() -> int:
    """Remove what killed runs of this checkout left behind and return how many there were."""
    return len(clean_leftovers(state_base(ROOT)))


@contextmanager
def stand_up(
    params: Params, *, run_id: str, run_folder: Path, rendered: Path, tasks: tuple[str, ...]
) -> Iterator[RunFile]:
    """Yield the run file of a standing stack, and take the stack down whatever happens.

    rendered: the folder that keeps the environment's runs and backups.
    """
    with ExitStack() as standing:
        server = standing.enter_context(start_postgres(state_base(ROOT) / run_id, tools=TOOLS))
        run = describe_run(params, server, run_id=run_id, run_folder=run_folder, rendered=rendered, tasks=tasks)
        if params.rehearsal and "deploy_rehearsal" in tasks:
            run = add_fly(run, params, standing.enter_context(stand_up_fly(params, server, run_id)))
        run.write(run.work / RUN_FILE)
        yield run


def stand_up_fly(params: Params, server: EmbeddedPostgres, run_id: str) -> EmbeddedFly:
    """Return the stand-in for Fly.io with the pack's apps; the one that is a release behind has a database that is, too."""
    wanted, switches = params.sections["deploy_rehearsal"], params.embedded.fly
    behind = make_previous_schema(server, params.pack, newest=wanted.previous_migration)
    urls = {name: server.postgres_url for name in app_names(params.pack)}
    if behind is not None:
        urls[wanted.previous_schema_app] = behind.url
    return start_fly(
        state_base(ROOT) / f"{run_id}-fly",
        pack=params.pack,
        secrets={name: {"DATABASE_URL": url} for name, url in urls.items()},
        switches=Switches(fault=switches.fault, crash_after_s=switches.crash_after_s, boot_s=switches.boot_s),
    )


def add_fly(run: RunFile, params: Params, fly: EmbeddedFly) -> RunFile:
    """Return the run file with the stand-in's flyctl, unless params name another."""
    flyctl = Path(params.run.flyctl) if params.run.flyctl else fly.flyctl
    return run.model_copy(update={"flyctl": flyctl})


def describe_run(
    params: Params,
    server: EmbeddedPostgres,
    *,
    run_id: str,
    run_folder: Path,
    rendered: Path,
    tasks: tuple[str, ...],
) -> RunFile:
    """Return the run file, its private folder made."""
    work = server.state_dir / "work"
    work.mkdir(mode=0o700)
    live = params.addresses.get("database")
    target = live or server.postgres_url
    passwords = [Database(url).password for url in (target, server.postgres_url, server.superuser_url)]
    return RunFile(
        run_id=run_id,
        environment=params.environment,
        rehearsal=params.rehearsal,
        provenance=Provenance.LIVE if live else Provenance.EMBEDDED,
        provenances={"fly": Provenance.SIMULATED if params.rehearsal else Provenance.LIVE},
        writes_allowed=params.writes_allowed,
        production_writes_allowed=params.production_writes_allowed,
        tasks=tasks,
        pack=params.pack,
        run_folder=run_folder,
        rendered=rendered,
        work=work,
        kept=rendered / params.environment / "kept",
        events=work / "events.jsonl",
        target_url=target,
        scratch_url=server.superuser_url,
        supabase=find_supabase(params.run.supabase_cli),
        squawk=Path(sys.executable).parent / "squawk",
        postgres_bin=server.bin_dir,
        flyctl=Path(params.run.flyctl or shutil.which("flyctl") or shutil.which("fly") or "flyctl"),
        fly_token=params.addresses.get("fly"),
        sections={name: section.model_dump(mode="json") for name, section in params.sections.items()},
        secrets=tuple(secret for secret in (*passwords, params.addresses.get("fly")) if secret),
    )


def find_supabase(asked: str | None) -> Path:
    """Return the Supabase CLI: the one params name, else the pinned one, else the one on PATH."""
    pinned = sorted((TOOLS / "node_modules" / "@supabase").glob("cli-*/bin/supabase"))
    if asked is None and pinned:
        return pinned[0]
    found = shutil.which(asked or "supabase")
    if found is None:
        named = f"run.supabase_cli: {asked}" if asked else "The Supabase CLI"
        raise WorkbookError(
            f"{named} was not found. Next: run `make setup`, or install the Supabase CLI and put it on PATH."
        )
    return Path(found)


def prepare_target(run: RunFile, *, seeded: bool) -> None:
    """Bring an embedded target to where later tasks start: migrations applied, nothing judged.

    seeded: whether the seed is applied too.
    Raises CommandError when the pack's own migrations or seed do not apply.
    """
    project = stage_project(run.pack, run.work / "prepare")
    cli = open_cli(run.supabase, project, timeout_s=float(run.sections["migrations"]["command_timeout_s"]))
    try:
        cli.push(Database(run.target_url), include_seed=seeded)
    except CommandError as exc:
        raise CommandError(f"The pack could not be applied before this task: {exc}") from exc
