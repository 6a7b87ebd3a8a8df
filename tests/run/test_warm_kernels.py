"""A warm kernel is like an ordinary one in all that a notebook can see, but for what it costs; and it leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from lib.core.paths import ROOT
from lib.core.run_mark import VARIABLE
from lib.embedded.strays import end_strays, find_strays
from lib.run import warm_kernels
from lib.run.forked_process import ForkedProcess
from lib.run.kernels import Execution, KernelSlot, execute_notebook
from lib.run.warm_kernels import WarmKernels, is_ipykernel, modules_of, start_warm_kernels
from lib.tasks.base import Task
from lib.tasks.index import TASKS
from tests.support.credential_variables import set_fifty_credentials

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux alone")

MARK = "20261126T120000Z-warm"
PRIVATE = """
import re
with open("/proc/self/smaps_rollup") as file:
    print(sum(int(kib) for kib in re.findall(r"Private_(?:Clean|Dirty): +([0-9]+)", file.read())))
"""
EVERYTHING = [
    "x = 41",
    "x + 1",
    "print('out'); import sys; print('err', file=sys.stderr)",
    "import os; os.write(1, b'from below\\n'); import time; time.sleep(0.3)",
    "import subprocess; print(subprocess.run(['echo', 'from a program'], capture_output=True, text=True).stdout)",
    "import matplotlib; matplotlib.get_backend()",
    "import matplotlib.pyplot as plt; plt.plot([1, 3, 2]); plt.title('drawn'); plt.show()",
    "figure, axes = plt.subplots(); axes.bar(['a', 'b'], [1, 2])",
    "%config InlineBackend.figure_formats = ['svg']\nplt.rcParams['svg.hashsalt'] = 'same'\nplt.plot([3, 1, 2]); plt.show()",
    "from lib.tasks.health import figures\nfigures.sample_times([], 800.0)",
    "import pandas; pandas.DataFrame({'a': [1, 2], 'b': ['x', None]})",
    "from IPython.display import HTML, display; display(HTML('<b>bold</b>'))",
    "import numpy; numpy.arange(6).reshape(2, 3).sum(axis=0)",
    "from lib.display.tables import make_table\nmake_table([{'what': 'a', 'value': 1}], 'A table')",
    "__name__, __import__('sys').modules['__main__'].__name__, len(__import__('sys').argv)",
    "os.getcwd(), sorted(name for name in os.environ if name not in ('LAUNCH_RUN', 'LAUNCH_RUN_FILE'))",
    "sys.path, sys.flags.safe_path, os.getsid(0) == os.getpid(), os.getppid()",
    "import signal as s, threading\n[str(s.getsignal(one)) for one in (s.SIGTERM, s.SIGHUP, s.SIGCHLD, s.SIGPIPE)]",
    "sorted(one.name for one in threading.enumerate() if 'hread' not in one.name), threading.current_thread().name",
    "sorted(set(os.listdir('/proc/self/fd')) & {'0', '1', '2'}), os.readlink('/proc/self/fd/1').partition(':')[0]",
    "import locale, tempfile; locale.getlocale(), tempfile.gettempdir(), time.tzname, sys.stdout.encoding",
    "import asyncio; await asyncio.sleep(0); 'awaited'",
    "1 / 0",
]
"""The kinds of outputs that notebooks have, and what a kernel can see of its process."""


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmKernels]:
    with start_warm_kernels([task.path for task in TASKS], mark=MARK) as server:
        assert server is not None
        yield server


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Execution]:
    """Return what executes cells as one notebook in a kernel of its own; its files lie in tmp_path/<name>."""

    def execute(
        name: str, *cells: str, warm: WarmKernels | None, timeout_s: float = 60, slot: KernelSlot | None = None
    ) -> Execution:
        path, folder = tmp_path / f"01_{name}.ipynb", tmp_path / name
        folder.mkdir()
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nbformat.write(new_notebook(cells=[new_code_cell(one) for one in cells], metadata=kernel), path)
        return execute_notebook(
            Task(name=name, title=name, notebook=str(path), checks=()),
            {},
            run_file=folder / "run.json",
            folder=folder,
            timeout_s=timeout_s,
            slot=slot or KernelSlot(mark=f"{MARK}/{name}"),
            warm=warm,
        )

    return execute


def outputs(ended: Execution) -> list[list[dict[str, Any]]]:
    """Return what each cell put out, its streams joined, without what differs from one kernel to the next by its nature."""
    cells = []
    for cell in nbformat.read(ended.notebook, 4).cells:
        if "injected-parameters" in cell.metadata.get("tags", []) or "papermill-error" in str(cell.metadata.get("tags", "")):
            continue
        cells.append([plain(dict(one)) for one in cell.get("outputs", [])])
    return cells


def plain(output: dict[str, Any]) -> dict[str, Any]:
    text = re.sub(
        r"<dc:date>[^<]*</dc:date>|at 0x[0-9a-f]+|ipykernel_\d+/\d+", "", json.dumps(output, sort_keys=True, default=str)
    )
    return dict(json.loads(text))


def printed(ended: Execution) -> list[str]:
    """Return what each cell printed, without the empty ones."""
    assert ended.problem == ""
    said = ["".join(one.get("text", "") for one in cell if one["output_type"] == "stream").strip() for cell in outputs(ended)]
    return [text for text in said if text]


def log_of(tmp_path: Path, name: str) -> str:
    """Return what a kernel's log says, but for ipykernel's warning of TCP: files of sockets have short names only."""
    lines = (tmp_path / name / f"{name}.log").read_text().splitlines(keepends=True)
    return "".join(line for line in lines if "running over TCP without encryption" not in line)


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid)


def test_every_cell_puts_out_what_it_does_in_an_ordinary_kernel(run: Callable[..., Execution], warm: WarmKernels) -> None:
    ordinary, forked = run("same", *EVERYTHING, warm=None), run("same_", *EVERYTHING, warm=warm)
    assert ordinary.ended == forked.ended == "broken" and "ZeroDivisionError" in forked.problem
    assert [len(one) for one in outputs(ordinary)] == [len(one) for one in outputs(forked)]
    for source, one, other in zip(EVERYTHING, outputs(ordinary), outputs(forked), strict=True):
        assert one == other, source
    kinds = {kind for cell in outputs(forked) for one in cell for kind in one.get("data", {})}
    assert {"image/png", "image/svg+xml", "text/html", "text/plain"} <= kinds


def test_no_state_crosses_from_one_kernel_to_the_next(run: Callable[..., Execution], warm: WarmKernels, tmp_path: Path) -> None:
    leave = (
        "import builtins, json, os, sys; left = builtins.left = json.left = 1",
        f"os.environ['LEFT'] = '1'; os.chdir({str(tmp_path)!r}); sys.path.insert(0, '/left'); os.umask(0o77)",
        "from lib.core import redact; redact.register_secrets(['a-left-secret'])",
        "import random, numpy; print(random.random(), numpy.random.random(), __import__('uuid').uuid4())",
    )
    look = (
        "import builtins, json, os, sys; print('left' in globals(), hasattr(builtins, 'left'), hasattr(json, 'left'))",
        f"print('LEFT' in os.environ, os.getcwd() == {str(tmp_path)!r}, '/left' in sys.path, oct(os.umask(0)))",
        "from lib.core import redact; print(redact.redact('a-left-secret'))",
        leave[3],
    )
    first, second = printed(run("leaves", *leave, warm=warm)), printed(run("looks", *look, warm=warm))
    umask = os.umask(0)
    os.umask(umask)
    assert second[:3] == ["False False False", f"False False False {oct(umask)}", "a-left-secret"]
    assert not set(first[-1].split()) & set(second[-1].split())


def test_kernels_at_once_are_each_their_own(run: Callable[..., Execution], warm: WarmKernels) -> None:
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(run, f"k{n}", f"mine = {n}", "import os; print(mine, os.getpid())", warm=warm) for n in range(4)]
    said = [printed(one.result())[0].split() for one in asked]
    assert [number for number, _ in said] == ["0", "1", "2", "3"]
    assert len({pid for _, pid in said}) == 4


def test_every_kernel_is_reaped_and_nothing_of_it_is_left(run: Callable[..., Execution], warm: WarmKernels) -> None:
    files = len(list(Path(f"/proc/{warm.server.pid}/fd").iterdir()))
    ours = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(3):
        (pid,) = printed(run(f"ends{number}", "import os; print(os.getpid())", warm=warm))
        assert is_gone(int(pid))
    assert psutil.Process(warm.server.pid).children() == []
    assert len(list(Path(f"/proc/{warm.server.pid}/fd").iterdir())) == files
    assert len(list(Path("/proc/self/fd").iterdir())) <= ours
    assert find_strays(MARK, spared=[warm.server.pid]) == []


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("import os; os._exit(7)", 7),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV),
    ],
    ids=["exit", "kill", "segmentation fault"],
)
def test_a_kernel_that_dies_is_a_broken_notebook_with_its_exit_code(
    run: Callable[..., Execution], warm: WarmKernels, how: str, code: int
) -> None:
    ended = run("dies", how, warm=warm)
    assert ended.ended == "broken" and "Kernel died" in ended.problem
    assert warm.kernels[-1].poll() == code
    assert is_gone(warm.kernels[-1].pid)


def test_an_interrupt_reaches_the_cell(run: Callable[..., Execution], warm: WarmKernels, tmp_path: Path) -> None:
    started, slot = tmp_path / "started", KernelSlot(mark=f"{MARK}/asked")

    def interrupt() -> None:
        while not started.exists():
            time.sleep(0.02)
        slot.interrupt()

    asking = threading.Thread(target=interrupt)
    asking.start()
    code = f"import pathlib, time\npathlib.Path({str(started)!r}).touch()\nwhile True: time.sleep(0.05)"
    ended = run("asked", code, warm=warm, slot=slot)
    asking.join()
    assert ended.ended == "broken" and "KeyboardInterrupt" in ended.problem


def test_a_notebook_over_its_time_is_ended_with_all_that_it_started(
    run: Callable[..., Execution], warm: WarmKernels, tmp_path: Path
) -> None:
    note = tmp_path / "pid"
    apart = "import subprocess, time; one = subprocess.Popen(['sleep', '600'], start_new_session=True)"
    ended = run(
        "slow", f"{apart}; open({str(note)!r}, 'w').write(str(one.pid))\nwhile True: time.sleep(0.05)", warm=warm, timeout_s=4
    )
    assert ended.ended == "broken" and "longer than 4 s" in ended.problem
    pid = int(note.read_text())
    assert is_gone(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert is_gone(warm.kernels[-1].pid)


def test_a_kernel_is_found_by_the_mark_of_its_task_and_by_no_other(
    run: Callable[..., Execution], warm: WarmKernels, tmp_path: Path
) -> None:
    started = tmp_path / "started"
    code = f"import pathlib, time\npathlib.Path({str(started)!r}).touch()\nwhile True: time.sleep(0.05)"
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run, "marked", code, warm=warm)
        while not started.exists():
            time.sleep(0.02)
        pid = warm.kernels[-1].pid
        assert [one.pid for one in find_strays(f"{MARK}/marked")] == [pid]
        words = [word for word in psutil.Process(pid).cmdline() if word]
        assert words[:5] == [sys.executable, "-m", "ipykernel_launcher", "-f", str(tmp_path / "marked" / "marked.json")]
        assert find_strays(f"{MARK}/other") == []
        assert {one.pid for one in find_strays(MARK)} == {warm.server.pid}
        assert end_strays(f"{MARK}/marked") == 1
        assert running.result().ended == "broken"


def test_a_mark_that_finds_no_room_makes_an_ordinary_kernel(
    run: Callable[..., Execution], warm: WarmKernels, tmp_path: Path
) -> None:
    ended = run("long", "print('done')", warm=warm, slot=KernelSlot(mark="m" * 2000))
    assert printed(ended) == ["done"]
    assert "An ordinary kernel was started instead of a warm one" in log_of(tmp_path, "long")
    assert is_gone(warm.kernels[-1].pid)


def test_a_server_that_is_killed_takes_no_kernel_along_and_the_next_is_an_ordinary_one(
    run: Callable[..., Execution], tmp_path: Path
) -> None:
    started, go_on = tmp_path / "started", tmp_path / "go_on"
    code = (
        f"import pathlib, time\npathlib.Path({str(started)!r}).touch()\n"
        f"while not pathlib.Path({str(go_on)!r}).exists(): time.sleep(0.02)"
    )
    with start_warm_kernels([], mark=MARK) as server, ThreadPoolExecutor(1) as pool:
        assert server is not None
        running = pool.submit(run, "first", code, "print('went on')", warm=server)
        while not started.exists():
            time.sleep(0.02)
        server.server.kill()
        assert printed(run("second", "print('done')", warm=server)) == ["done"]
        assert "instead of a warm one: the warm server ended (-9)" in log_of(tmp_path, "second")
        go_on.touch()
        assert printed(running.result()) == ["went on"]
        assert log_of(tmp_path, "first") == ""
        assert len(server.kernels) == 1 and is_gone(server.kernels[0].pid)


def test_a_server_that_can_not_start_is_no_failed_run(
    run: Callable[..., Execution], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm_kernels, "SERVER", "import lib.run.no_such_server")
    with start_warm_kernels([], mark=MARK) as server:
        assert printed(run("goes", "print('done')", warm=server)) == ["done"]
    assert "No module named 'lib.run.no_such_server'" in log_of(tmp_path, "goes")


def test_a_killed_runner_takes_its_server_and_kernels_along(tmp_path: Path) -> None:
    started = tmp_path / "started"
    code = f"import pathlib, time; pathlib.Path({str(started)!r}).touch(); time.sleep(600)"
    path = tmp_path / "01_sleeps.ipynb"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=[new_code_cell(code)], metadata=kernel), path)
    runner = tmp_path / "runner.py"
    runner.write_text(
        "from pathlib import Path\n"
        "from lib.run.kernels import KernelSlot, execute_notebook\n"
        "from lib.run.warm_kernels import start_warm_kernels\n"
        "from lib.tasks.base import Task\n"
        f"folder = Path({str(tmp_path)!r})\n"
        f"task = Task(name='sleeps', title='sleeps', notebook={str(path)!r}, checks=())\n"
        "with start_warm_kernels([], mark='killed-run') as warm:\n"
        "    execute_notebook(task, {}, run_file=folder / 'run.json', folder=folder, timeout_s=600,\n"
        "                     slot=KernelSlot(mark='killed-run/sleeps'), warm=warm)\n"
    )
    with subprocess.Popen([sys.executable, runner], env={**os.environ, "PYTHONPATH": str(ROOT)}) as running:
        while not started.exists():
            assert running.poll() is None
            time.sleep(0.05)
        family = [one.pid for one in (*find_strays("killed-run"), *find_strays("killed-run/sleeps"))]
        assert len(family) == 2
        running.kill()
    until = time.monotonic() + 30
    while (left := [pid for pid in family if lives(pid)]) and time.monotonic() < until:
        time.sleep(0.02)
    assert left == []


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_warm_kernel_takes_two_fifths_of_an_ordinary_ones_memory_at_most(
    run: Callable[..., Execution], warm: WarmKernels
) -> None:
    work = (
        "from lib.notebook.session import open_task\nfrom lib.tasks.migrations import figures, looks",
        "from lib.tasks.health import figures\nfigures.sample_times([], 800.0)",
        PRIVATE,
    )
    (ordinary,), (forked,) = printed(run("all", *work, warm=None)), printed(run("shared", *work, warm=warm))
    assert int(ordinary) > 30_000  # KiB: else it did not measure what is meant
    assert int(forked) / int(ordinary) <= 0.4


def test_no_credential_of_the_runner_is_in_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    values = set_fifty_credentials(monkeypatch)
    with start_warm_kernels([], mark=MARK) as server:
        assert server is not None
        while not (given := psutil.Process(server.server.pid).environ()):
            time.sleep(0.01)  # a program that has just been started shows no variables yet
        words = " ".join(psutil.Process(server.server.pid).cmdline())
    assert given[VARIABLE].split()[-1] == MARK
    assert [value for value in values if value in str(given) or value in words] == []


def test_the_server_ends_with_what_started_it() -> None:
    with start_warm_kernels([], mark=MARK) as server:
        assert server is not None and server.server.poll() is None
    assert server.server.poll() == 0
    assert is_gone(server.server.pid)


def test_the_modules_of_notebooks_are_those_that_their_cells_import() -> None:
    names = modules_of([task.path for task in TASKS])
    assert {"lib.notebook.session", *(f"lib.tasks.{task.name}.looks" for task in TASKS)} <= set(names)
    assert modules_of([ROOT / "README.md", ROOT / "no_such.ipynb"]) == []


def test_only_ipykernel_in_this_python_is_forked() -> None:
    assert is_ipykernel([sys.executable, "-m", "ipykernel_launcher", "-f", "x.json"])
    assert not is_ipykernel(["/usr/bin/python3", "-m", "ipykernel_launcher", "-f", "x.json"])
    assert not is_ipykernel([sys.executable, "-m", "bash_kernel", "-f", "x.json"])


def test_how_a_kernel_ended_is_known_whoever_asks_first() -> None:
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.exit(5)"]) as child:
        kernel = ForkedProcess(child.pid)
        assert kernel.wait() == kernel.poll() == 5
        child.returncode = 5
    kernel.kill()  # nobody is there any more, and nobody else is hit
