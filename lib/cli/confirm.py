"""`make confirm PACK=../project`: each line that init guessed, the dangerous ones first, one key each, each saved at once."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lib.cli.init import find_folder
from lib.core.errors import ParamsError
from lib.core.make_commands import make_command
from lib.core.visible import plain_line, say
from lib.core.wording import format_count
from lib.onboarding.unconfirmed import (
    Unconfirmed,
    change_line,
    confirm_line,
    find_unconfirmed,
    present_value,
    restore_line,
    text_at,
)

NO_TERMINAL = 2
KEYS = "y confirm   n or e change   s skip   b back   q stop"
END = ("q", "\x03", "\x04", "")
"""Keys that end the walk: q, Ctrl-C, Ctrl-D, and a terminal that went away."""

ESCAPE = b"\x1b"
LONGEST_SEQUENCE = 32
"""Bytes of what one key may send."""


def confirm(pack: str, *, is_list: bool = False) -> int:
    """Walk the lines that wait for a person's word, and return the exit code: 0, or 2 when there is no terminal to ask at.

    is_list: print them instead. Raises ParamsError when there is no such project, or init was never run for it.
    """
    folder = find_folder(pack)
    lines = find_unconfirmed(folder)
    if not lines:
        say("Every line is confirmed.")
        return 0
    if is_list:
        print_lines(lines)
        return 0
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print_lines(lines)
        say(
            f"This is not a terminal, so nobody can be asked. Fix: Run {make_command('confirm', PACK=str(pack))} in one, "
            f"or open launch/confirm.ipynb with {make_command('lab', PACK=str(pack))}",
            to=sys.stderr,
        )
        return NO_TERMINAL
    walk(folder, lines)
    return 0


def print_lines(lines: Sequence[Unconfirmed]) -> None:
    """Print each line with its place."""
    for line in lines:
        say(f"{line.file}:{line.number}: {plain_line(line.shown)}")
    say(f"{format_count(len(lines), 'line')} to decide.")


def walk(pack: Path, lines: Sequence[Unconfirmed]) -> None:
    """Ask about each line, and say at the end what is left."""
    now: dict[int, str] = {}
    with contextlib.suppress(KeyboardInterrupt):
        ask_all(pack, lines, now)
    left = len(find_unconfirmed(pack))
    say(f"{format_count(len(now), 'line')} confirmed, {left:,} left." if left else "Every line is confirmed.")


def ask_all(pack: Path, lines: Sequence[Unconfirmed], now: dict[int, str]) -> None:
    """Ask about each line until the last, or until a person stops. now: filled with what stands where one was decided."""
    place = 0
    while place < len(lines):
        with one_key_at_a_time(sys.stdin.fileno()):  # from before the line is shown: who answers it at once is heard
            show_line(lines[place], place, len(lines))
            key = read_key(sys.stdin.fileno())
        if key in END:
            break
        if key == "b":
            place = max(0, place - 1)
            take_back(pack, lines[place], now.pop(place, ""))
            continue
        if decide(pack, lines[place], key):
            now[place] = text_at(pack, lines[place])
        elif key != "s":
            continue
        place += 1


def show_line(line: Unconfirmed, place: int, count: int) -> None:
    """Show one line, where it stands, and where it was seen."""
    head = "DANGER  " if line.is_danger else ""
    say(f"\n{head}{place + 1} of {count}   {line.section}   {line.file}:{line.number}")
    say(f"  {plain_line(line.shown)}")
    say(f"  {line.seen}")
    say(f"  {KEYS}")


def decide(pack: Path, line: Unconfirmed, key: str) -> bool:
    """Do what a key asks of a line, and return whether the line is decided by it."""
    try:
        if key == "y":
            confirm_line(pack, line)
            say("  confirmed")
            return True
        if key in ("n", "e"):
            return change(pack, line)
    except ParamsError as exc:
        say(f"  {exc}")
    return False


def change(pack: Path, line: Unconfirmed) -> bool:
    """Ask for another value until it is one, and return whether one was given; nothing typed leaves the line as it is."""
    if not line.can_change:
        say("  This one has no value to change: correct the project, then run make init again. s skips it.")
        return False
    text = present_value(line)
    while True:
        text = ask_text("  value: ", text)
        if not text.strip() or text == present_value(line):
            say("  left as it is")
            return False
        try:
            change_line(pack, line, text)
        except ParamsError as exc:
            say(f"  {exc}")
            continue
        say("  changed and confirmed")
        return True


def take_back(pack: Path, line: Unconfirmed, now: str) -> None:
    """Bring a line back to how it was before it was decided. now: what stands there; '' when it was skipped."""
    if now:
        try:
            restore_line(pack, line, now)
        except ParamsError as exc:
            say(f"  {exc}")


@contextmanager
def one_key_at_a_time(descriptor: int) -> Iterator[None]:
    """Have the terminal hand over each key at once, Ctrl-C among them, and bring it back as it was."""
    before = termios.tcgetattr(descriptor)
    wanted = termios.tcgetattr(descriptor)
    wanted[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
    wanted[6][termios.VMIN], wanted[6][termios.VTIME] = 1, 0
    try:
        termios.tcsetattr(descriptor, termios.TCSANOW, wanted)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)


def read_key(descriptor: int) -> str:
    """Return the next key, in lower case; '' when the terminal went away."""
    try:
        data = os.read(descriptor, 1)
        if data == ESCAPE and select.select([descriptor], [], [], 0)[0]:
            os.read(descriptor, LONGEST_SEQUENCE)  # an arrow is ESC [ B: none of its letters is a key of ours
    except OSError:
        return ""
    return data.decode("ascii", "replace").lower()


def ask_text(prompt: str, present: str) -> str:
    """Return a line that a person typed, the present text given to be changed; '' when they gave up."""
    import readline  # it changes how a terminal is read, so only where a text is asked for

    readline.set_startup_hook(lambda: readline.insert_text(present))
    try:
        return input(prompt)
    except (EOFError, KeyboardInterrupt):
        return ""
    finally:
        readline.set_startup_hook(None)
