"""A machine that is forked finds, prints and comes to what one does that is started by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from lib.embedded.fly.warm_machines import OWN_VARIABLES, WarmMachine, WarmMachines

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="machines are forked on Linux alone")

Work = Callable[[WarmMachines], Awaitable[Any]]
VARIABLES = {**OWN_VARIABLES, "PORT": "1", "GREETING": "grüß\udcff"}
WHERE = """
import contextlib, os, signal, sys, warnings
from pathlib import Path
print(sys.argv, sys.path, os.getcwd(), sys.flags, __name__, __package__, __file__, sys.executable)
print(sorted(os.environ.items()), os.environb[b"GREETING"])
print([signal.getsignal(one) for one in sorted(signal.valid_signals())], signal.set_wakeup_fd(-1))
print(os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid(), sys.stdin.read() == "", sys.warnoptions, warnings.filters)
print([(one.encoding, one.errors, one.line_buffering, one.isatty()) for one in (sys.stdin, sys.stdout, sys.stderr)])
print([number for number in os.listdir("/proc/self/fd") if Path(f"/proc/self/fd/{number}").exists()])
print(Path("/proc/self/status").read_text().split("SigBlk:")[1].split()[0])
for name in ("lib", "warm_machines", "command", "machine_server", "no_such_module"):
    with contextlib.suppress(ImportError):
        print("found", __import__(name))
print("to the log", file=sys.stderr)
"""


def make_image(folder: Path, text: str, **files: str) -> Path:
    (folder / "image" / "app").mkdir(parents=True)
    (folder / "image" / "app" / "__main__.py").write_text(text, encoding="utf-8")
    for name, said in files.items():
        (folder / "image" / f"{name}.py").write_text(said)
    return folder / "image"


def with_machines(work: Work) -> Any:
    """Return what the work comes to with a server of its own, which has ended afterwards with all its machines."""

    async def work_and_end() -> Any:
        warm = WarmMachines()
        try:
            return await work(warm)
        finally:
            if warm.control is not None and not warm.is_gone:
                warm.give_up(warm.control)

    found = asyncio.run(work_and_end())
    assert not [one for one in psutil.Process().children(recursive=True) if "machine_server" in " ".join(one.cmdline())]
    return found


async def begin(
    warm: WarmMachines, image: Path, *words: str, variables: Mapping[str, str] = VARIABLES, log: str = "log"
) -> WarmMachine | None:
    with (image.parent / log).open("ab") as file:
        return await warm.start([sys.executable, "-m", "app", *words], cwd=image, variables=variables, log=file)


async def one_by_itself(image: Path) -> int:
    with (image.parent / "other").open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app", "--one", "two words",
            cwd=image, env=VARIABLES, stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
        return await process.wait()


def test_it_finds_what_a_started_one_does(tmp_path: Path) -> None:
    image = make_image(tmp_path, WHERE)

    async def work(warm: WarmMachines) -> tuple[int, int]:
        machine = await begin(warm, image, "--one", "two words")
        assert machine is not None
        return await machine.wait(), await one_by_itself(image)

    assert with_machines(work) == (0, 0), (tmp_path / "log").read_text()
    assert (tmp_path / "log").read_text().splitlines() == (tmp_path / "other").read_text().splitlines()
    assert len((tmp_path / "log").read_text().splitlines()) > 8
    assert "machine_server" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('it is over')", 1, "it is over\n"),
        ("raise ValueError('a fault of the app')", 1, "ValueError: a fault of the app\n"),
        ("raise KeyboardInterrupt", -signal.SIGINT, "KeyboardInterrupt\n"),
        ("import os; os._exit(9)", 9, ""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, ""),
        ("import threading, time; threading.Thread(target=lambda: (time.sleep(0.1), print('last'))).start()", 0, "last\n"),
        ("import atexit; atexit.register(print, 'goodbye'); print('hello')", 0, "hello\ngoodbye\n"),
        ("def", 1, "SyntaxError: invalid syntax\n"),
    ],
)
def test_it_ends_as_a_started_one_does(tmp_path: Path, text: str, code: int, said: str) -> None:
    image = make_image(tmp_path, text)

    async def work(warm: WarmMachines) -> tuple[int, int]:
        machine = await begin(warm, image, "--one", "two words")
        assert machine is not None
        return await machine.wait(), await one_by_itself(image)

    assert with_machines(work) == (code, code)
    for log in ("log", "other"):
        assert (tmp_path / log).read_text().endswith(said)
    assert bool((tmp_path / "log").read_text()) == bool(said)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_reaches_it_and_none_reaches_who_has_its_number_later(tmp_path: Path, number: signal.Signals) -> None:
    image = make_image(tmp_path, "print('up', flush=True)\nimport time\ntime.sleep(60)\n")

    async def work(warm: WarmMachines) -> int:
        machine = await begin(warm, image)
        assert machine is not None and machine.returncode is None
        while not (tmp_path / "log").read_text():
            await asyncio.sleep(0.01)
        machine.send_signal(number)
        code = await machine.wait()
        machine.kill()
        assert machine.returncode == code
        return code

    assert with_machines(work) == -number


@pytest.mark.parametrize(
    ("files", "variables"),
    [
        ({"queue": "TAKEN = True"}, {}),
        ({"psycopg": ""}, {}),
        ({}, {"PYTHONPATH": "/somewhere"}),
        ({}, {"PYTHONUNBUFFERED": "1"}),
        ({}, {"LC_ALL": "tr_TR.UTF-8"}),
        ({}, {"TZ": "Asia/Tokyo"}),
        ({}, {"HOME": "/home/app"}),
        ({}, {"LANG": "C"}),
        ({}, {"A": "b\0c"}),
    ],
)
def test_one_that_would_not_be_the_same_is_left_to_be_started(
    tmp_path: Path, files: dict[str, str], variables: dict[str, str]
) -> None:
    image = make_image(tmp_path, "", **files)
    assert with_machines(lambda warm: begin(warm, image, variables={**VARIABLES, **variables})) is None


@pytest.mark.parametrize("command", [["node", "-m", "app"], [sys.executable, "app.py"], [sys.executable, "-m"], ["app"]])
def test_other_programs_are_left_to_be_started(tmp_path: Path, command: list[str]) -> None:
    async def work(warm: WarmMachines) -> tuple[WarmMachine | None, object]:
        with (tmp_path / "log").open("ab") as file:
            return await warm.start(command, cwd=tmp_path, variables=VARIABLES, log=file), warm.server

    assert with_machines(work) == (None, None)


def test_many_at_once_are_told_apart(tmp_path: Path) -> None:
    image = make_image(tmp_path, "import sys; sys.exit(int(sys.argv[1]))")

    async def one(warm: WarmMachines, number: int) -> int:
        machine = await begin(warm, image, str(number))
        assert machine is not None
        return await machine.wait()

    async def work(warm: WarmMachines) -> list[int]:
        return list(await asyncio.gather(*(one(warm, number) for number in range(40))))

    assert with_machines(work) == list(range(40))


def test_one_that_nobody_waits_for_any_more_is_ended(tmp_path: Path) -> None:
    image = make_image(tmp_path, "import time; time.sleep(60)")

    async def work(warm: WarmMachines) -> None:
        asked = asyncio.create_task(begin(warm, image))
        while not warm.asked:
            await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        while warm.asked or warm.running:
            await asyncio.sleep(0.01)

    with_machines(work)


def test_when_their_server_dies_they_end_and_the_next_is_started_by_itself(tmp_path: Path) -> None:
    image = make_image(tmp_path, "import time; time.sleep(60)")

    async def work(warm: WarmMachines) -> tuple[int, WarmMachine | None]:
        machine = await begin(warm, image)
        assert machine is not None and warm.server is not None
        its_process = psutil.Process(machine.pid)
        warm.server.kill()
        code = await machine.wait()
        its_process.wait(timeout=30)
        return code, await begin(warm, image)

    assert with_machines(work) == (-signal.SIGKILL, None)


def test_its_variables_show_in_no_list_of_processes(tmp_path: Path) -> None:
    image = make_image(tmp_path, "print('up', flush=True)\nimport time\ntime.sleep(60)\n")

    async def work(warm: WarmMachines) -> bytes:
        machine = await begin(warm, image, variables={**VARIABLES, "PASSWORD": "canary-value"})
        assert machine is not None and warm.server is not None
        while not (tmp_path / "log").read_text():
            await asyncio.sleep(0.01)
        return b"".join(Path(f"/proc/{pid}/environ").read_bytes() for pid in (machine.pid, warm.server.pid, os.getpid()))

    assert b"canary-value" not in with_machines(work)
