"""The warm server forks only where a fork is safe, and holds nothing that a kernel could mistake for its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lib.core.paths import ROOT
from lib.run.warm_kernels import FOR_IMPORTS, modules_of
from lib.tasks.index import TASKS

PRELOADED = """
import sys
from pathlib import Path
from lib.run.warm_server import EVERY_KERNEL, check_fork, preload
preload([*EVERY_KERNEL, *sys.argv[1:]])
check_fork()
"""
BY_A_THREAD = "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
BY_A_CONTEXT = "import zmq; zmq.Context.instance()"


def in_a_server(code: str, *modules: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process that has imported what a warm server imports, in its environment."""
    env = {**os.environ, **FOR_IMPORTS, "PYTHONPATH": str(ROOT)}
    done = [sys.executable, "-c", PRELOADED + code, *modules]
    return subprocess.run(done, env=env, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux alone")
def test_what_notebooks_import_leaves_a_fork_safe_and_knows_no_run() -> None:
    asked = (
        "from lib.core.redact import known_secrets\n"
        "from lib.notebook import telling\n"
        "from lib.tasks import index\n"
        "print(set(known_secrets()), telling._line, index._projects, __import__('IPython').get_ipython())\n"
        "print('matplotlib_inline.backend_inline' in sys.modules, 'lib.notebook.lab' in sys.modules)\n"
    )
    done = in_a_server(asked, *modules_of([task.path for task in TASKS]))
    assert done.stdout.splitlines() == ["set() [] [] None", "False False"], done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux alone")
@pytest.mark.parametrize(
    ("made", "why"),
    [
        (BY_A_THREAD, "the warm server has 2 threads"),
        ("import zmq; zmq.Context.instance()", "the warm server has a ZeroMQ context"),
    ],
    ids=["thread", "context"],
)
def test_a_thread_or_a_context_forbids_a_fork(made: str, why: str) -> None:
    done = in_a_server(f"{made}\ncheck_fork()")
    assert done.returncode == 1
    assert f"UnsafeFork: {why}" in done.stderr


def test_a_module_that_can_not_be_imported_is_said_and_the_others_are_imported() -> None:
    done = in_a_server("print('colorsys' in sys.modules)", "no_such_module", "colorsys")
    assert done.stdout == "True\n"
    assert "No module named 'no_such_module'" in done.stderr
