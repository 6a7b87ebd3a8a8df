"""`make init PACK=../project`: reads a project, tries its database, and writes what it is expected to be into its launch folder.

The first run writes at once; a later one shows the diff, then writes, unless DRY_RUN=1. A person's lines are never changed.
"""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from lib.core.errors import ParamsError, WorkbookError
from lib.core.pack_files import is_folder
from lib.core.paths import ROOT
from lib.core.plain_yaml import load_yaml
from lib.core.visible import plain_line, say
from lib.core.wording import format_count, format_duration
from lib.onboarding.draft_list import draft_list
from lib.onboarding.expectations import expect
from lib.onboarding.launch_files import PROJECT_FILE, LaunchPlan, plan_launch, read_text, write_plan
from lib.onboarding.observed import ObservedDatabase
from lib.onboarding.project_files import ProjectFiles, read_project
from lib.onboarding.report import format_report
from lib.onboarding.unconfirmed import find_unconfirmed, waiting_lines
from lib.run.applicability import with_consequences
from lib.run.project import spell_name

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
T = TypeVar("T")
Observe = Callable[..., ObservedDatabase]


def init(pack: str, *, name: str = "", is_dry: bool = False, observe: Observe | None = None) -> int:
    """Write a project's launch folder, tell what was seen, and return the exit code 0.

    pack: the project's folder, from where the user stands. name: how the project is called; its folder's name when ''.
    is_dry: show what would be written, and write nothing. observe: replaces the observation of the database.
    Raises ParamsError, before anything is written, when the folder can't be one to write into.
    """
    folder = find_folder(pack)
    require_writable(folder)
    chosen = choose_name(name, folder)
    read_text(folder, PROJECT_FILE)  # what can't be read is told before the database is looked at
    files = tell_step("Reading the project's files", lambda: read_project(folder))
    observed, problems = look_at_database(folder, files, observe)
    wanted = expect(chosen, files, observed)
    day = datetime.now(UTC).date().isoformat()
    rows = observed.rehearsal_rows if observed else ""
    plan = plan_launch(folder, wanted, rows=rows, day=day)
    drafted = draft_list(folder, files.directions, not_applicable=declared_apart(plan.project_text), owner=files.owner, day=day)
    if drafted.change is not None:
        plan = replace(plan, changes=(*plan.changes, drafted.change))
    show_changes(plan)
    if not is_dry:
        write_plan(folder, plan)
    tell_written(plan, folder, is_dry=is_dry)
    waiting = waiting_lines(PROJECT_FILE, plan.project_text) if is_dry else find_unconfirmed(folder)
    if is_dry and drafted.change is not None:
        waiting += waiting_lines(drafted.change.path, drafted.change.after or "")
    report = format_report(
        files,
        observed,
        problems=list(dict.fromkeys((*files.problems, *problems, *drafted.problems))),
        waiting=waiting,
        differences=plan.differences,
        pack=shlex.quote(pack),
    )
    say("\n".join(report))
    return 0


def declared_apart(project_text: str) -> dict[str, str]:
    """Return what a project's file says does not apply, with what follows from that."""
    said = load_yaml(project_text).get("not_applicable") or {}
    return with_consequences({str(name): str(reason) for name, reason in said.items()})


def find_folder(pack: str) -> Path:
    """Return the project's folder. Raises ParamsError when it is missing, no folder, or this workbook's own."""
    if not pack.strip():
        raise ParamsError("PACK is not given. Fix: Name your project's checkout, such as PACK=../project")
    folder = (Path.cwd() / pack).expanduser().resolve()
    if not folder.exists():
        raise ParamsError(f"PACK={pack}: there is no folder {folder}. Fix: Name your project's checkout, such as PACK=../project")
    if not is_folder(folder):
        raise ParamsError(f"PACK={pack} is a file, not a folder. Fix: Name the folder that the project is checked out in.")
    if folder.is_relative_to(ROOT):
        raise ParamsError(
            f"PACK={pack} is inside this workbook. Fix: Name the checkout of your own project, such as PACK=../project"
        )
    return folder


def require_writable(folder: Path) -> None:
    """Raise ParamsError unless files can be put into the launch folder."""
    place = folder / "launch"
    if not os.access(place if place.is_dir() else folder, os.W_OK | os.X_OK):
        raise ParamsError(f"{plain_line(str(folder))} can't be written into. Fix: Correct its permissions: chmod u+w {folder}")


def choose_name(name: str, folder: Path) -> str:
    """Return how the project is called: as asked, else as its file says already, else as its folder is."""
    if name and not NAME.fullmatch(name):
        raise ParamsError(f"NAME={name}: a project's name is letters, digits, dots, dashes and underscores. Fix: Choose another.")
    return name or spell_name(folder.name)


def tell_step(what: str, work: Callable[[], T]) -> T:
    """Say what is being done, do it, and return what came of it."""
    say(f"{what} ...")
    return work()


def look_at_database(folder: Path, files: ProjectFiles, observe: Observe | None) -> tuple[ObservedDatabase | None, Sequence[str]]:
    """Return what the database is, None when it can't be observed or there is none, and what went wrong, as sentences."""
    if files.supabase is None or not files.supabase.migrations:
        return None, ()
    started = time.monotonic()
    say("Trying the database ...")
    try:
        observed = (observe or default_observer())(folder, emit=lambda text: say(f"  {plain_line(text)}"))
    except WorkbookError as exc:
        return None, (f"The database could not be observed: {exc}",)
    say(f"  took {format_duration(time.monotonic() - started)}")
    is_new = observed.seed_problem and not any(observed.seed_problem in one for one in (*files.problems, *observed.problems))
    return observed, (*observed.problems, *((f"The seed: {observed.seed_problem}",) if is_new else ()))


def default_observer() -> Observe:
    from lib.onboarding.database import observe_database  # its kin take long to import, and a project may have no database

    return observe_database


def show_changes(plan: LaunchPlan) -> None:
    """Show what a later run changes; the first run's files are new, and are named only."""
    if not plan.is_first:
        for change in plan.changes:
            say()
            say(change.diff)


def tell_written(plan: LaunchPlan, folder: Path, *, is_dry: bool) -> None:
    """Say which files were written, or would be."""
    say()
    if not plan.changes:
        say(f"Nothing to write: {plain_line(folder.name)}/launch says all of it already.")
        return
    verb = "Dry run, nothing was written. Would write" if is_dry else "Wrote"
    say(f"{verb} {format_count(len(plan.changes), 'file')} in {plain_line(folder.name)}:")
    for change in plan.changes:
        say(f"  {change.path}" + ("" if change.after is not None else " (removed)"))
