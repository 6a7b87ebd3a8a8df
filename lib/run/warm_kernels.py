"""Kernels that are forked from a warm server: started once a run, asked for each kernel, and given up when it fails.

Whatever goes wrong with it is a WarmKernelError, and the kernel is then an ordinary one. What the server is, and why a fork
of it is safe: `lib.run.warm_server`.
"""

from __future__ import annotations

import ast
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from lib.core.run_mark import VARIABLE, mark_with
from lib.embedded.strays import adopt_orphans
from lib.run.forked_process import ForkedProcess
from lib.run.params import kernel_variables
from lib.run.warm_server import FOR_IMPORTS, ROOM_FOR_MARK, be_server

SERVER = "import sys; del sys.path[0]; from lib.run.warm_server import main; main(sys.argv[1:])"
"""Python's first place to look for modules is the folder where the user stands, whose html.py would be taken for Python's own.
Python's option against it, -P, would be handed on by every kernel to the Pythons that it starts."""
LAUNCHER = ["-m", "ipykernel_launcher"]
"""Of the command by which a kernel specification starts ipykernel, behind the name of Python."""
ENDS_WITHIN_S = 5
"""Seconds that a server gets to end once its socket is closed; it needs milliseconds."""


class WarmKernelError(Exception):
    """No warm kernel could be had: the message says why."""


class WarmKernels:
    """A warm server, and the kernels that were forked from it. Threads may use it at once."""

    def __init__(self, server: subprocess.Popen[bytes] | ForkedProcess, control: socket.socket, said: IO[bytes]) -> None:
        self.server, self.control, self.said = server, control, said
        self.kernels: list[ForkedProcess] = []

    async def fork(
        self, argv: list[str], *, env: Mapping[str, str], cwd: str | None, log: int, timeout_s: float
    ) -> ForkedProcess:
        """Return a kernel that listens. argv: of ipykernel. log: the open file that it writes to beside its cells.

        Raises WarmKernelError; no kernel is left then.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        asked = {"argv": argv, "env": dict(env), "cwd": str(cwd or Path.cwd())}
        with ours:
            ours.setblocking(False)
            with theirs:
                try:
                    socket.send_fds(self.control, [json.dumps(asked).encode()], [theirs.fileno(), log])
                except OSError as exc:
                    raise WarmKernelError(self.why_ended()) from exc
            try:
                return await asyncio.wait_for(self.receive(ours), timeout_s)
            except TimeoutError as exc:
                raise WarmKernelError(f"it took longer than {timeout_s:g} s") from exc

    async def receive(self, answer: socket.socket) -> ForkedProcess:
        """Return the kernel that answers. Raises WarmKernelError when it does not come to listen."""
        kernel = None
        try:
            while True:
                data = await asyncio.get_running_loop().sock_recv(answer, 1000)
                said: dict[str, Any] = json.loads(data) if data else {"refused": self.why_ended()}
                if "pid" in said:
                    kernel = ForkedProcess(said["pid"])
                    self.kernels.append(kernel)
                elif "ready" in said and kernel is not None:
                    return kernel
                else:
                    raise WarmKernelError(said.get("refused", "its answer was not understood"))
        except BaseException:
            if kernel is not None:
                kernel.kill()
                kernel.wait()
            raise

    def why_ended(self) -> str:
        """Return what is known of a kernel or server that ended: the last line that the server wrote."""
        with suppress(subprocess.TimeoutExpired):
            self.server.wait(timeout=0.1)
        if self.server.poll() is None:
            return "the kernel ended before it listened"
        self.said.seek(0)
        last = self.said.read().decode(errors="replace").strip().rpartition("\n")[2]
        return f"the warm server ended ({self.server.returncode})" + (f": {last}" if last else "")

    def close(self) -> None:
        """End the server, and take note of how each kernel ended. Kernels that run go on. It may be called again."""
        self.control.close()
        try:
            self.server.wait(timeout=ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()
        for kernel in self.kernels:
            kernel.poll()


class WaitingServer:
    """A warm server that was forked before anything of a run was known, and waits to be told whose it is."""

    def __init__(self, by_imports: Mapping[str, str]) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self.control.close()
            be_server(theirs, parent, by_imports)
        theirs.close()
        self.process = ForkedProcess(pid)

    def begin(self, asked: Mapping[str, Any], said: IO[bytes]) -> WarmKernels:
        """Tell it its variables, folder and the modules that its notebooks import. said: the open file that it writes to."""
        with suppress(OSError):  # it has ended: the first kernel says so, and is an ordinary one
            socket.send_fds(self.control, [json.dumps(asked).encode()], [said.fileno()])
        return WarmKernels(self.process, self.control, said)


waiting: list[WaitingServer] = []
"""The server that was forked together with this run's process, where it was forked itself."""


@contextmanager
def start_warm_kernels(notebooks: Iterable[Path], *, mark: str) -> Iterator[WarmKernels | None]:
    """Yield a warm server that is importing what these notebooks import; None where there is none. It ends with this.

    mark: of the run that it belongs to.
    """
    if sys.platform != "linux":  # a fork of a process with frameworks loaded is unsafe on macOS
        yield None
        return
    adopt_orphans()
    marked = mark_with(mark)
    env = {**kernel_variables(), **FOR_IMPORTS, VARIABLE: marked[VARIABLE] + " " * ROOM_FOR_MARK}
    modules = modules_of(notebooks)
    if waiting:
        with tempfile.TemporaryFile() as said:
            warm = waiting.pop().begin({"env": {**env, **marked}, "cwd": str(Path.cwd()), "modules": modules}, said)
            try:
                yield warm
            finally:
                warm.close()
        return
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    words = [sys.executable, "-c", SERVER, str(theirs.fileno()), str(os.getpid()), *modules]
    with tempfile.TemporaryFile() as said:
        with theirs:
            server = subprocess.Popen(
                words,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is the runner's to answer
            )
        warm = WarmKernels(server, ours, said)
        try:
            yield warm
        finally:
            warm.close()


def modules_of(notebooks: Iterable[Path]) -> list[str]:
    """Return the names of the modules that notebooks import, each once. A notebook that can't be read has none."""
    names: dict[str, None] = {}
    for path in notebooks:
        with suppress(OSError, ValueError, KeyError, TypeError, SyntaxError):
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            for cell in cells:
                if cell["cell_type"] == "code":
                    names.update(dict.fromkeys(imported_by("".join(cell["source"]))))
    return list(names)


def imported_by(code: str) -> Iterator[str]:
    """Yield the names of the modules that code of a cell imports at its outermost level. Raises SyntaxError."""
    for node in ast.parse(code).body:
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            # A name may be a module of a package, or a thing of a module: only the package's folder tells.
            folder = Path(__file__).parents[2] / node.module.replace(".", "/")
            yield from (f"{node.module}.{one.name}" for one in node.names if (folder / f"{one.name}.py").exists())


def is_ipykernel(command: list[str]) -> bool:
    """Return whether a kernel's command starts ipykernel in this very Python: no other kernel can be forked from ours."""
    return command[:1] == [sys.executable] and command[1:3] == LAUNCHER


def forwarded(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a process's options is for a kernel: its variables, its parent among them, and its folder."""
    return {"env": {**options["env"], "JPY_PARENT_PID": str(os.getpid())}, "cwd": options.get("cwd")}
