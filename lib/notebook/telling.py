"""What a cell says while something takes long: one line in JupyterLab, gone without a trace when it is over.

It is silent wherever nobody watches: in a run, under nbval or papermill, in a script. Little is imported: the first line
must be there before the rest of the workbook is.
"""

from __future__ import annotations

import contextvars
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from lib.core.environment import lab_server

TICK_S = 1.0
"""Seconds between two lines: long enough to be cheap, short enough to show that it lives."""
LINE = '<div role="status" style="font-style:italic;opacity:.8">{}</div>'
OPENING = "Loading the workbook"

Tell = Callable[[str], None]
"""Says what is being done now, in a few words without a full stop."""


class Line:
    """The one line of the cell that is executed. ours: whether it is the cell's only output, so that all may be cleared."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.text = ""
        self.since = 0.0
        self.handle: Any = None
        self.others = False
        self.ended = threading.Event()
        self.lock = threading.RLock()
        shell.display_pub.register_hook(self.see_display)
        self.watch_streams()
        shell.events.register("pre_run_cell", self.begin_cell)
        shell.events.register("post_run_cell", self.end_cell)

    def begin_cell(self, *_: object) -> None:
        """Take note that a cell begins with nothing put out yet."""
        self.others = False
        self.watch_streams()

    def end_cell(self, ended: Any = None) -> None:
        """Take the line away where a cell ended with it: what the cell raised or came to stands below it already."""
        came_to = (getattr(ended, name, None) for name in ("result", "error_in_exec", "error_before_exec"))
        self.others = self.others or any(one is not None for one in came_to)
        self.clear()

    def see_display(self, message: Any) -> Any:
        """Take note of what the cell shows besides. Called by the kernel with each message, which is let through."""
        content = message.get("content", {}) if isinstance(message, dict) else {}
        is_ours = self.handle is not None and content.get("transient", {}).get("display_id") == self.handle.display_id
        self.others = self.others or not (is_ours or message.get("header", {}).get("msg_type") == "clear_output")
        return message

    def watch_streams(self) -> None:
        """Take note of what the cell prints. IPython puts back a stream's own way of writing after each cell."""
        for stream in (sys.stdout, sys.stderr):
            if not isinstance(stream.write, Noted):
                stream.write = Noted(self, stream.write)  # type: ignore[method-assign]

    def tell(self, text: str) -> None:
        """Say what is being done from now on."""
        with self.lock:
            self.text, self.since = text, time.monotonic()
            if self.handle is not None:
                self.write()
                return
            from IPython.display import DisplayHandle

            self.handle, self.ended = DisplayHandle(), threading.Event()  # type: ignore[no-untyped-call]
            self.write(is_first=True)
            ticking = contextvars.copy_context()  # by it the kernel knows which cell a line belongs to
            threading.Thread(target=ticking.run, args=(self.tick, self.ended), name="telling", daemon=True).start()

    def tick(self, ended: threading.Event) -> None:
        """Write the line anew, with the seconds it took so far, until it is over."""
        while not ended.wait(TICK_S):
            with self.lock:
                if not ended.is_set():
                    self.write()

    def write(self, *, is_first: bool = False) -> None:
        took_s = time.monotonic() - self.since
        said = f"{self.text} … {took_s:.0f} s" if took_s >= TICK_S else f"{self.text} …"
        bundle = {"text/html": LINE.format(escape(said)), "text/plain": said}
        (self.handle.display if is_first else self.handle.update)(bundle, raw=True)

    def clear(self) -> None:
        """Take the line away; nothing of it is stored. What else the cell put out stays."""
        with self.lock:
            if self.handle is None:
                return
            self.ended.set()
            if self.others:
                self.handle.update({"text/plain": ""}, raw=True)
            else:
                self.shell.display_pub.clear_output(wait=False)
            self.handle = None


class Noted:
    """A stream's way of writing, which takes note that something was written."""

    def __init__(self, line: Line, write: Callable[[str], int]) -> None:
        self.line = line
        self.inner = write

    def __call__(self, text: str) -> int:
        self.line.others = True
        return self.inner(text)


_line: list[Line] = []


def line() -> Line | None:
    """Return the line of this kernel, None where nobody watches."""
    if lab_server() is None or "IPython" not in sys.modules:
        return None
    shell = sys.modules["IPython"].get_ipython()
    if shell is None or not hasattr(getattr(shell, "display_pub", None), "register_hook"):
        return None
    if not _line or _line[0].shell is not shell:
        _line[:] = [Line(shell)]
    return _line[0]


def begin() -> None:
    """Say at once that something is under way; it goes when the cell says something else, or ends."""
    if (here := line()) is not None:
        here.tell(OPENING)


@contextmanager
def telling(text: str) -> Iterator[Tell]:
    """Say what is being done while this lasts; what is yielded says something else."""
    here = line()
    if here is None:
        yield lambda _: None
        return
    here.tell(text)
    try:
        yield here.tell
    finally:
        here.clear()


begin()  # a notebook's first cell imports this first: what else it imports takes seconds, and somebody is waiting
