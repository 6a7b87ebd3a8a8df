"""Execute one notebook in a kernel of its own, bounded in time, through papermill.

The kernel gets its run by the name of a private file, never a credential by a variable or parameter.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import papermill
import psutil
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError

from lib.core.breakages import note_breakage
from lib.core.redact import redact
from lib.core.run_mark import mark_with
from lib.embedded.strays import end_strays
from lib.run.engine import ENGINE
from lib.run.params import RUN_FILE_VARIABLE, kernel_variables
from lib.run.provisioner import START_TIMEOUT_S, TaskClient, TaskProvisioner
from lib.run.warm_kernels import WarmKernels
from lib.tasks.base import Task

LONGEST_SOCKET_PATH = 90
"""Bytes. A Unix socket's path must stay under 104 (macOS) with the suffix that the kernel adds."""

logging.getLogger("papermill").setLevel(logging.ERROR)
logging.getLogger("traitlets").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", module="papermill")


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How one notebook's execution ended.

    ended: `ready`, `not_ready` (the last cell said so) or `broken` (a cell raised, the kernel died,
    time ran out); problem: one sentence for a broken one.
    """

    notebook: Path
    ended: str
    problem: str = ""


@dataclass(kw_only=True)
class KernelSlot:
    """The kernel process of one running notebook, so that it can be ended from outside. mark: of all that it starts."""

    mark: str
    pid: int | None = None
    ended_because: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def end(self, because: str) -> None:
        """End the kernel and every program it started; the execution then ends as broken."""
        with self.lock:
            self.ended_because = self.ended_because or because
            if self.pid is not None:
                end_tree(self.pid)
                end_strays(self.mark)

    def interrupt(self) -> None:
        """Interrupt the cell that the kernel executes: what it runs may tidy up and then ends as broken."""
        with self.lock:
            self.ended_because = self.ended_because or "the run was stopped"
            if self.pid is not None:
                os.kill(self.pid, signal.SIGINT)


def end_tree(pid: int) -> None:
    """End a process and all that it started, at once."""
    try:
        root = psutil.Process(pid)
        family = [*root.children(recursive=True), root]
    except psutil.NoSuchProcess:
        return
    for process in family:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def execute_notebook(
    task: Task,
    parameters: Mapping[str, Any],
    *,
    run_file: Path,
    folder: Path,
    timeout_s: float,
    slot: KernelSlot,
    warm: WarmKernels | None = None,
) -> Execution:
    """Execute the task's notebook and say how it ended; the executed notebook is in `folder`.

    timeout_s: wall seconds for the whole notebook; then its kernel is ended. warm: what its kernel is forked from.
    """
    output = folder / f"{task.name}.ipynb"
    # A folder of its own: a person's IPython profile may run anything in every kernel.
    own = {RUN_FILE_VARIABLE: str(run_file), "IPYTHONDIR": str(folder / "ipython"), **mark_with(slot.mark)}
    variables = {**kernel_variables(), **own}
    timer = threading.Timer(timeout_s, slot.end, [f"it ran longer than {timeout_s:g} s (run.notebook_timeout_s)"])
    timer.daemon = True
    timer.start()
    try:
        papermill.execute_notebook(
            str(task.path),
            str(output),
            parameters=dict(parameters),
            engine_name=ENGINE,
            progress_bar=False,
            start_timeout=START_TIMEOUT_S,
            kernel_manager_class=kernel_class(variables, folder, task.name, slot, warm),
        )
    except PapermillExecutionError as exc:
        if exc.ename == "NotReadyError":
            return Execution(notebook=output, ended="not_ready")
        said = redact(f"{exc.ename}: {exc.evalue}").partition("\n")[0]
        return Execution(notebook=output, ended="broken", problem=f"a cell of {task.notebook} raised {said}")
    except (DeadKernelError, CellTimeoutError) as exc:
        why = slot.ended_because or redact(str(exc)).partition("\n")[0] or "its kernel died"
        return Execution(notebook=output, ended="broken", problem=f"{task.notebook} was ended: {why}")
    except Exception as exc:
        if slot.ended_because:  # what a client says whose kernel we ended is of no interest
            return Execution(notebook=output, ended="broken", problem=f"{task.notebook} was ended: {slot.ended_because}")
        # One notebook that could not be executed must not take the others' results along.
        if isinstance(exc, OSError) and exc.strerror:
            return Execution(
                notebook=output, ended="broken", problem=f"{task.notebook} could not be written down: {exc.strerror.lower()}"
            )
        note_breakage(folder, "runner", exc)
        said = redact(f"{type(exc).__name__}: {exc}").partition("\n")[0]
        return Execution(
            notebook=output, ended="broken", problem=f"{task.notebook} could not be executed: {said} (a bug of ours)"
        )
    finally:
        timer.cancel()
        end_strays(slot.mark)
    return Execution(notebook=output, ended="ready")


def kernel_class(
    variables: Mapping[str, str], folder: Path, name: str, slot: KernelSlot, warm: WarmKernels | None = None
) -> type[AsyncKernelManager]:
    """Return a kernel manager whose kernel knows this run, speaks over files where it can, and can be ended.

    warm: what the kernel is forked from; without it, it is an ordinary one.
    """
    connection_file = folder / f"{name}.json"
    transport_of = "ipc" if len(str(connection_file)) < LONGEST_SOCKET_PATH else "tcp"

    class TaskKernelManager(AsyncKernelManager):
        def __init__(self, **options: Any) -> None:
            ours = {"connection_file": str(connection_file), "transport": transport_of, "client_factory": TaskClient}
            super().__init__(**{**options, **ours})

        async def _async_start_kernel(self, **options: Any) -> None:
            self.kernel_id = self.kernel_id or str(uuid4())
            self.provisioner = TaskProvisioner(kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self)
            self.provisioner.warm = warm
            # What a kernel prints beside its cells is for whoever mends the workbook, not for the terminal.
            with (folder / f"{name}.log").open("ab") as log:
                await super()._async_start_kernel(**{**options, "env": dict(variables), "stdout": log, "stderr": log})
            with slot.lock:
                slot.pid = getattr(self.provisioner, "pid", None)
                if slot.ended_because and slot.pid is not None:
                    end_tree(slot.pid)

        start_kernel = _async_start_kernel

    return TaskKernelManager
