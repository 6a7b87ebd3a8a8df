"""The warm server: a process that has imported what notebooks import, and forks a kernel whenever it is asked. Linux only.

    main([<number of the socket>, <parent's process id>, <module to import>...])

It is started before anything of the run is known, with a kernel's environment, and nothing of a run passes through it but
the environment, folder and files of each kernel. It has one thread and no ZeroMQ context: only then a fork is safe. It ends
when the parent's end of the socket is closed, so also when the parent is killed.

A kernel is forked twice, so that it becomes a child of the parent, which adopts orphans: the parent sees how it ends, and a
warm server that dies takes no kernel along.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import json
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from lib.core.run_mark import VARIABLE

LONGEST_REQUEST = 200_000
"""Bytes of one request, most of them variables; a socket of Linux takes 212,992 as it is set up."""
ADOPTED_WITHIN_S = 10
"""Seconds until the parent has adopted a kernel; the system needs less than a millisecond."""
POLL_S = 0.0005
CLOSES_WITHIN_S = 0.2
"""Seconds that a kernel gets to close its sockets at its end; it needs 20 ms, and all outputs of its cells are out by then."""
KILL_WITH_PARENT = 1
"""PR_SET_PDEATHSIG. Source: include/uapi/linux/prctl.h"""
ROOM_FOR_MARK = 400
"""Characters that a mark may be longer than the server's; a run's and a task's name have 60 each at most."""
FOR_IMPORTS = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
"""What a server has besides a kernel's variables. matplotlib notes its backend by name when it is imported, as ipykernel
names it to every kernel; the backend itself is imported in the kernel, where a shell is, else no figure is ever shown.
numpy starts threads when it is imported, unless it may have only one."""
ARG_START, ARG_END, ENV_START, ENV_END = 45, 46, 47, 48
"""Places in /proc/<pid>/stat, counted from `state`: where words and variables lie in memory. Source: proc_pid_stat(5)."""
EVERY_KERNEL = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "ipykernel.debugger",
    "IPython.core.completer",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "tornado.platform.asyncio",
    "sqlite3",
)
"""What ipykernel imports by itself, at its start and at its first cell."""
WITH_FIGURES = ("matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg")
"""What matplotlib imports when a figure is written, where notebooks use it at all."""


class UnsafeFork(Exception):
    """This process must not fork: the message says why."""


def main(argv: Sequence[str]) -> None:
    """Import the modules, then fork a kernel for each request until the other end is closed."""
    by_imports = preload([*EVERY_KERNEL, *argv[2:]])
    serve(socket.socket(fileno=int(argv[0])), int(argv[1]), by_imports)


def serve(control: socket.socket, parent: int, by_imports: Mapping[str, str]) -> None:
    """Fork a kernel for each request until the other end is closed. by_imports: what `preload` returned."""
    while True:
        data, files, _, _ = socket.recv_fds(control, LONGEST_REQUEST, 2)
        if not data:
            return
        answer, log = socket.socket(fileno=files[0]), files[1]
        asked = json.loads(data)
        fork_kernel({**asked, "env": {**by_imports, **asked["env"]}}, parent, answer, log, control)
        answer.close()
        os.close(log)


def be_server(control: socket.socket, parent: int, by_imports: Mapping[str, str]) -> NoReturn:
    """Wait to be told of a run, and then be its warm server: a fork of a process that has imported all that kernels do."""
    code = 1
    try:
        os.setsid()
        data, files, _, _ = socket.recv_fds(control, LONGEST_REQUEST, 1)
        if data:
            asked = json.loads(data)
            os.dup2(files[0], 1)
            os.dup2(files[0], 2)
            os.close(files[0])
            begin_anew(asked["env"], Path(asked["cwd"]))
            show_mark(asked["env"][VARIABLE])
            serve(control, parent, {**by_imports, **preload(asked["modules"])})
        code = 0
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(code)  # nothing of the other process's own end may happen here


def preload(names: Sequence[str]) -> dict[str, str]:
    """Import modules, and set what they hold apart from what the garbage collector walks through: its marks are writes.

    A page of memory is shared with every kernel until it is written to. Returns the variables that imports have set, as
    ipykernel's debugger does: a kernel has them as if it had imported it itself.
    """
    started_with = dict(os.environ)
    for name in names:
        import_for_kernels(name)
    for name in WITH_FIGURES if "matplotlib" in sys.modules else ():
        import_for_kernels(name)
    gc.collect()
    gc.freeze()
    return {name: value for name, value in os.environ.items() if started_with.get(name) != value}


def import_for_kernels(name: str) -> None:
    """Import a module; of one that can't be imported, the notebook that imports it says so in its page."""
    try:
        importlib.import_module(name)
    except Exception:
        traceback.print_exc()


def check_fork() -> None:
    """Raise UnsafeFork unless this process has one thread and no ZeroMQ context: a fork takes locks along, and no threads."""
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        raise UnsafeFork(f"the warm server has {threads} threads")
    zmq: Any = sys.modules.get("zmq")
    if zmq is not None and zmq.Context._instance is not None:
        raise UnsafeFork("the warm server has a ZeroMQ context")


def fork_kernel(asked: dict[str, Any], parent: int, answer: socket.socket, log: int, control: socket.socket) -> None:
    """Fork one kernel, which answers for itself. Returns in this process alone."""
    try:
        check_fork()
    except UnsafeFork as exc:
        with suppress(OSError):
            answer.send(json.dumps({"refused": str(exc)}).encode())
        return
    between = os.fork()
    if between:
        os.waitpid(between, 0)
        return
    code = 1
    try:
        if os.fork() == 0:
            control.close()
            code = be_kernel(asked, parent, answer, log)
        else:
            code = 0
    finally:
        os._exit(code)  # nothing of the server's own end may happen here


def be_kernel(asked: dict[str, Any], parent: int, answer: socket.socket, log: int) -> int:
    """Become the kernel that was asked for, and return its exit code once it has ended."""
    app = None
    try:
        answer.send(json.dumps({"pid": os.getpid()}).encode())
        os.setsid()
        take_over(asked, log)
        with suppress(OSError):  # nobody waits for it any more
            problem = live_with(parent) or show_mark(asked["env"].get(VARIABLE, ""))
            if problem:
                answer.send(json.dumps({"refused": problem}).encode())
                return 1
        show_command([sys.executable, "-m", *asked["argv"]])
        app = open_kernel(asked["argv"], parent)
        answer.send(b'{"ready": true}')
        answer.close()
        app.start()
        return 0
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
        return 1
    finally:
        end_as_python_does(app)


def take_over(asked: dict[str, Any], log: int) -> None:
    """Take the kernel's own environment, folder, output, signals, random streams and `__main__` in the place of the server's."""
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    begin_anew(asked["env"], Path(asked["cwd"]))
    sys.argv = list(asked["argv"])
    sys.modules["__main__"] = ModuleType("__main__")


def begin_anew(env: Mapping[str, str], cwd: Path) -> None:
    """Take a process's own variables, folder, signals, random streams and temporary folder in the place of its server's."""
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.chdir(cwd)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    random.seed()
    numpy: Any = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed()
    tempfile.tempdir = None


def live_with(parent: int) -> str:
    """Wait until the parent has adopted this process, and end with it from then on. Returns why that can't be, or ''."""
    until = time.monotonic() + ADOPTED_WITHIN_S
    while os.getppid() != parent:
        if time.monotonic() > until:
            return "the system gave the kernel to another parent"
        time.sleep(POLL_S)
    ctypes.CDLL(None, use_errno=True).prctl(KILL_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    return "" if os.getppid() == parent else "the run has ended"  # it may have, just before


def show_mark(mark: str) -> str:
    """Make the mark of this kernel's task readable for others. Returns why that can't be, or ''.

    /proc/<pid>/environ shows the memory in which a process was given its variables when it was started, and a fork has its
    parent's. The server's mark has room behind it, so this kernel's is written into its own copy of that memory.
    """
    start, end = read_places(ENV_START, ENV_END)
    given = Path("/proc/self/environ").read_bytes()
    name, words = f"{VARIABLE}=".encode(), mark.encode()
    at = given.find(name) if given.startswith(name) else given.find(b"\0" + name) + 1
    room = given.find(b"\0", at) - at - len(name)
    if not start or len(given) != end - start or not given[at:].startswith(name) or len(words) > room:
        return "the system hides where the kernel's variables are, or its mark is too long"
    ctypes.memmove(start + at + len(name), words.ljust(room), room)
    return ""


def show_command(words: Sequence[str]) -> None:
    """Let `ps` show a kernel's command in the place of the server's, as far as there is room."""
    start, end = read_places(ARG_START, ARG_END)
    if start:
        ctypes.memmove(start, "\0".join(words).encode()[: end - start - 1].ljust(end - start, b"\0"), end - start)


def read_places(*names: int) -> list[int]:
    """Return what /proc/self/stat says at these places; 0 where the system hides it."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return [int(fields[name]) for name in names]


def open_kernel(argv: Sequence[str], parent: int) -> Any:
    """Return ipykernel's application, set up and listening."""
    from ipykernel.kernelapp import IPKernelApp

    app: Any = IPKernelApp.instance()
    # Its own default was read from this process's variables when it was imported.
    app.initialize([*argv[1:], f"--IPKernelApp.parent_handle={parent}"])
    return app


def end_as_python_does(app: Any) -> None:
    """Do what Python does at its end, but for taking modules apart: that would copy all the memory that is shared.

    app: ipykernel's, None of a kernel that never came to be. It ends its thread that publishes outputs and waits for the one that
    takes requests, which may be waiting for the first; so it gets a while, and no more.
    """
    with suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
    if app is not None:
        atexit.unregister(app.close)
    with suppress(BaseException):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    if app is not None:
        closing = threading.Thread(target=app.close, daemon=True)
        closing.start()
        closing.join(CLOSES_WITHIN_S)
