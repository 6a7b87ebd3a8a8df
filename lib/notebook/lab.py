"""Outside a run: the stack of one notebook, in JupyterLab, VS Code or under nbval.

In a lab its database lies on the server that all notebooks of the lab share; anywhere else on one of its own. The vendors'
stand-ins are the notebook's own, so that what one notebook deploys or sends is no other's. All of it is anew at each
`open_task`, and gone with the kernel.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lib.clients.supabase.project_config import CONFIG
from lib.core.environment import lab_pack
from lib.core.errors import DatabaseError, ParamsError
from lib.core.paths import ROOT
from lib.core.run_mark import unmark
from lib.core.section import Section
from lib.embedded.postgres.lent import LentPostgres
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.notebook.telling import Tell
from lib.run.inputs import digest, digest_files, walk
from lib.run.params import Params, load_params
from lib.run.params_file import parameter_problem
from lib.run.project import spell_name
from lib.run.run_file import RunFile
from lib.run.shared_server import LABS, server_to_share
from lib.run.stack import Lend, clean_up_leftovers, fill_target, fills_with_rows, new_run_id, prepare_target, start_stack
from lib.tasks.base import Task
from lib.tasks.index import SECTIONS, all_tasks, task_named

EXPLORED = ROOT / ".run" / "explored"
"""Where notebooks run by hand keep what they found; not part of any run's evidence."""

_standing: dict[str, ExitStack] = {}
"""Task -> what stands for it in this kernel."""


@atexit.register
def take_down() -> None:
    """End all that stands for this kernel."""
    for name in list(_standing):
        _standing.pop(name).close()


def understand(name: str, environment: str, parameters: Mapping[str, Any], *, pack: Path | None = None) -> tuple[Task, Params]:
    """Return the task and the settings of its environment, before anything is started.

    Raises ParamsError for an unknown environment or task, and for a parameter of another name or type.
    """
    chosen = str(pack) if pack else lab_pack()
    params = load_params(environment, pack=chosen)
    task = find_task(name)
    own = next((one for one in params.own_tasks if one.name == name), None)
    if own is not None:
        problems = [
            ParamsError.unknown_key(f"the {name} notebook's parameters", key, own.parameters)
            for key in sorted(parameters.keys() - own.parameters.keys())
        ]
    else:
        problems = section_problems(name, params.sections, parameters)
    if problems:
        raise ParamsError(problems)
    return task, params


def section_problems(name: str, sections: Mapping[str, Section], parameters: Mapping[str, Any]) -> list[str]:
    """Return one line for each parameter that the task's section can't take."""
    if name not in SECTIONS:
        return [f"the {name} notebook has no parameter '{key}': it has none but environment." for key in sorted(parameters)]
    try:
        SECTIONS[name].model_validate({**sections[name].model_dump(mode="json"), **parameters})
    except ValidationError as exc:
        return [parameter_problem(name, problem) for problem in exc.errors()]
    return []


def start_lab(task: Task, params: Params, tell: Tell) -> RunFile:
    """Return the run file of a stack that stands until this kernel ends, or opens the task again.

    An embedded target is brought to where the task starts: what it needs is applied first.
    """
    if task.name in _standing:
        _standing.pop(task.name).close()
    clean_up_leftovers()
    folder = EXPLORED / params.environment / task.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    unmark()  # what another task of this kernel started stays when this one's is taken down
    lent: list[LentPostgres] = []
    standing = ExitStack()
    try:
        run = standing.enter_context(
            start_stack(
                params,
                run_id=new_run_id(datetime.now(UTC)),
                project=spell_name(params.name or params.pack.name),
                run_folder=folder,
                rendered=EXPLORED,
                tasks=(task.name,),
                lend=lender(params, tell, lent),
            )
        )
        prepare(run, task, lent[0] if lent else None, tell)
    except BaseException:
        standing.close()
        raise
    _standing[task.name] = standing
    return run


def lender(params: Params, tell: Tell, lent: list[LentPostgres]) -> Lend | None:
    """Return what gives a stack its part of the lab's server; None outside a lab. lent: filled with what was given."""
    share = server_to_share(params)
    if share is None:
        tell("Starting the embedded parts of this notebook")
        return None

    def lend(state: Path) -> EmbeddedPostgres:
        server = share(tell)
        tell("Making a fresh database for this notebook")
        lent.append(LentPostgres(server, state_dir=state))
        return lent[0]

    return lend


def prepare(run: RunFile, task: Task, server: LentPostgres | None, tell: Tell) -> None:
    """Bring an embedded database to where a task starts: migrations, seed, or the rehearsal rows where there is no seed."""
    if not run.rehearsal or "database" not in run.embedded or task.name in run.not_applicable:
        return
    if task.needs or task.prepares_with:
        seeded = "seed" in task.waits_for and "seed" not in run.not_applicable
        tell(f"Applying the project's migrations{' and seed' if seeded else ''} to it")
        if server is None:
            prepare_target(run, seeded=seeded)
        else:
            prepare_once(run, server, seeded=seeded)
    if task.wants_rows and fills_with_rows(run):
        tell("Adding the project's rehearsal rows to it")
        fill_target(run)


def prepare_once(run: RunFile, server: LentPostgres, *, seeded: bool) -> None:
    """Apply migrations and seed, or copy a database of this lab that has the very same ones already."""
    name = name_prepared(run, seeded=seeded)
    if name is None:
        prepare_target(run, seeded=seeded)
        return
    with alone(name):
        if server.has_template(name):
            server.start_from(name)
            return
        prepare_target(run, seeded=seeded)
        with suppress(DatabaseError):  # somebody is connected to it: then the next one applies them again
            server.keep_as(name)


def name_prepared(run: RunFile, *, seeded: bool) -> str | None:
    """Return the name of the database that has these very files applied; None where files beside `supabase/` may count too."""
    folder = run.pack / "supabase"
    with suppress(OSError):
        if ".." in (run.pack / CONFIG).read_text(encoding="utf-8", errors="replace"):
            return None
    return f"prepared_{digest([digest_files(folder, walk(folder)), str(run.supabase), seeded])[:16]}"


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Hold the lock of a name inside, so that two notebooks opened at once do not both make the same."""
    LABS.mkdir(parents=True, exist_ok=True)
    with (LABS / f"{name}-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def find_task(name: str) -> Task:
    """Return the task of this name. Raises ParamsError when there is none."""
    try:
        return task_named(name)
    except (KeyError, TypeError):
        known = ", ".join(task.name for task in all_tasks())
        raise ParamsError(f"There is no task {name} here. Fix: Open one of {known}.") from None
