"""make confirm, at a terminal: one key a line, each saved at once."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.core.environment import clean
from lib.core.paths import ROOT
from tests.support.forked_commands import run_command
from tests.support.onboarding_worlds import write

AT_END = "# observed 2026-11-26, unconfirmed"
TEXT = (
    f"# DANGER? public.a: anon may insert: is that meant?  {AT_END}\n"
    f"name: shop\nseed:\n  schemas: [public]  {AT_END}\n  applies: true  {AT_END}\n  command_timeout_s: 9  {AT_END}\n"
)
LONGEST_WAIT_S = 60


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write(tmp_path, {"launch/project.yaml": TEXT})


class Walk:
    """A confirm at a terminal of its own; what it says is waited for, never slept for."""

    def __init__(self, pack: Path) -> None:
        self.terminal, theirs = pty.openpty()
        environment = {**clean(os.environ), "PYTHONPATH": str(ROOT), "TERM": "dumb"}
        argv = [sys.executable, "-m", "lib", "confirm", "--pack", str(pack)]
        self.process = subprocess.Popen(argv, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.said = ""

    def wait_for(self, words: str) -> None:
        """Read on until the words came; forget what came before them."""
        limit = time.monotonic() + LONGEST_WAIT_S
        while words not in self.said:
            assert select.select([self.terminal], [], [], max(0.0, limit - time.monotonic()))[0], f"never said: {words}"
            try:
                self.said += os.read(self.terminal, 4096).decode()
            except OSError:
                raise AssertionError(f"ended without: {words}\n{self.said}") from None
        self.said = self.said.partition(words)[2]

    def press(self, keys: str, then: str) -> None:
        os.write(self.terminal, keys.encode())
        self.wait_for(then)

    def end(self) -> int:
        return self.process.wait(LONGEST_WAIT_S)


@pytest.fixture
def walk(pack: Path) -> Iterator[Walk]:
    walk = Walk(pack)
    yield walk
    walk.process.kill()
    walk.process.wait()
    os.close(walk.terminal)


def text_of(pack: Path) -> str:
    return (pack / "launch/project.yaml").read_text()


def test_keys_confirm_change_skip_and_go_back_each_saved_at_once(walk: Walk, pack: Path) -> None:
    walk.wait_for("DANGER  1 of 4")
    walk.wait_for("q stop")
    walk.press("y", "2 of 4")
    walk.wait_for("q stop")
    assert "is that meant? Seen and accepted.\n" in text_of(pack)
    walk.press("b", "DANGER  1 of 4")
    walk.wait_for("q stop")
    assert text_of(pack) == TEXT
    walk.press("Y", "2 of 4")
    walk.wait_for("q stop")
    walk.press("s", "3 of 4")
    walk.wait_for("q stop")
    walk.press("e", "value: ")
    walk.press("\x15{a: \r", "This is not YAML")
    walk.wait_for("value: ")
    walk.press("\x15false\r", "changed and confirmed")
    walk.wait_for("4 of 4")
    walk.wait_for("q stop")
    assert "  applies: false\n" in text_of(pack)
    walk.press("\x1b[B", "4 of 4")  # an arrow is no key of ours, whatever its letters
    walk.wait_for("q stop")
    walk.press("q", "2 lines confirmed, 2 left.")
    assert walk.end() == 0
    assert f"schemas: [public]  {AT_END}\n" in text_of(pack) and f"command_timeout_s: 9  {AT_END}\n" in text_of(pack)


def test_ctrl_c_stops_and_what_was_said_stays(walk: Walk, pack: Path) -> None:
    walk.wait_for("q stop")
    walk.press("y", "2 of 4")
    walk.wait_for("q stop")
    walk.press("\x03", "1 line confirmed, 3 left.")
    assert walk.end() == 0
    assert "is that meant? Seen and accepted.\n" in text_of(pack)


def test_no_to_a_question_leaves_it(walk: Walk, pack: Path) -> None:
    walk.wait_for("q stop")
    walk.press("n", "correct the project")
    walk.press("q", "0 lines confirmed, 4 left.")
    assert text_of(pack) == TEXT


def test_a_line_changed_meanwhile_is_left(walk: Walk, pack: Path) -> None:
    walk.wait_for("q stop")
    write(pack, {"launch/project.yaml": "# mine\n" + TEXT})
    walk.press("y", "was changed meanwhile")
    walk.press("q", "left.")
    assert text_of(pack) == "# mine\n" + TEXT


def run(pack: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run_command("confirm", "--pack", str(pack), *words)


def test_without_a_terminal_lines_are_listed_and_how_is_said(pack: Path) -> None:
    done = run(pack)
    assert done.returncode == 2 and "4 lines to decide." in done.stdout
    assert "not a terminal" in done.stderr and "Fix: Run make confirm" in done.stderr
    assert text_of(pack) == TEXT


def test_a_list_is_printed(pack: Path) -> None:
    done = run(pack, "--list")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "launch/project.yaml:1: # DANGER? public.a: anon may insert: is that meant?"


def test_when_all_is_confirmed_it_says_so(pack: Path) -> None:
    write(pack, {"launch/project.yaml": "name: shop\n"})
    assert run(pack).stdout == "Every line is confirmed.\n"
