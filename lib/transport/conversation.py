"""What a program says, read while it runs and kept within bounds: the head and the tail, and how much lies between."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from lib.core.redact import redact

HEAD, TAIL = 4_000_000, 2_000_000
"""Bytes kept of one channel, from its beginning and from its end: answers that are parsed are shorter than the first."""
MARGIN = 65_536
"""Characters beside a cut that are let go: a cut may halve a credential, and a half is not known."""
LONGEST_LINE = 4 * MARGIN
"""Characters of one line, where lines are kept."""
LINE_COST = 100
"""Bytes that a line takes besides its characters."""
CHUNK = 65_536
POLL_S = 0.05
"""Seconds between two looks at whether a program has ended, where the system can't tell when it does."""
SETTLE_S = 0.25
"""Seconds for the children of a program that has ended to say their last: `tee` behind a script, for one."""
DRAIN_S = 1.0
"""Seconds for what is still in the pipes once these are ended, too."""

Take = Callable[[bytes], None]


def cut_text(head: str, tail: str, left_out: int, unit: str) -> str:
    """Return the two ends of a text with a line between them that says how much is missing."""
    safe_head = head[: -2 * MARGIN] + redact(head[-2 * MARGIN :])[:-MARGIN]
    safe_tail = redact(tail[: 2 * MARGIN])[MARGIN:] + tail[2 * MARGIN :]
    return f"{safe_head.rstrip()}\n[… {left_out:,} {unit} left out …]\n{safe_tail.lstrip()}"


def shorten(text: str, *, most: int) -> str:
    """Return a text, or its two halves when it is longer than this many characters."""
    half = most // 2
    return text if len(text) <= most else cut_text(text[:half], text[-half:], len(text) - 2 * half, "characters")


class Kept:
    """The bytes of one channel: its head and its tail."""

    def __init__(self) -> None:
        self.head, self.tail, self.count = bytearray(), bytearray(), 0

    def take(self, data: bytes) -> None:
        """Keep some more, as far as there is room."""
        self.count += len(data)
        missing = HEAD - len(self.head)
        self.head += data[:missing]
        self.tail += data[missing:]
        if len(self.tail) > 2 * TAIL:
            del self.tail[:-TAIL]

    @property
    def left_out(self) -> int:
        """Bytes that came and were not kept."""
        return self.count - len(self.head) - len(self.tail)

    @property
    def text(self) -> str:
        """What was said, as text with plain line ends."""
        if not self.left_out:
            return plain_text_of(self.head + self.tail)
        return cut_text(plain_text_of(self.head), plain_text_of(self.tail), self.left_out, "bytes")


def plain_text_of(data: bytes | bytearray) -> str:
    return data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")


class KeptLines:
    """The lines of one channel, each with the seconds since the start at which it ended: the first ones and the last."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock, self.decoder = clock, io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("replace"), True)
        self.head: list[tuple[float, str]] = []
        self.tail: deque[tuple[float, str]] = deque()
        self.sizes = [0, 0]
        self.open, self.left_out = "", 0

    def take(self, data: bytes, *, final: bool = False) -> None:
        """Keep the lines that some more bytes bring to their end; final: what is open ends here."""
        *lines, self.open = (self.open + self.decoder.decode(data, final)).split("\n")
        for line in lines:
            self.keep(line)
        if len(self.open) > LONGEST_LINE:
            self.left_out += len(self.open) - LONGEST_LINE
            self.open = self.open[:LONGEST_LINE]
        if final and self.open:
            self.keep(self.open)
            self.open = ""

    def keep(self, line: str) -> None:
        """Keep one line: in the head while there is room, then in the tail for as long as no other needs its place."""
        if len(line) >= LONGEST_LINE:
            line = f"{redact(line[:LONGEST_LINE])[:-MARGIN]} [… the rest of this line left out …]"
        cost = len(line) + LINE_COST
        if not self.tail and self.sizes[0] + cost <= HEAD:
            self.head.append((self.clock(), line))
            self.sizes[0] += cost
            return
        self.tail.append((self.clock(), line))
        self.sizes[1] += cost
        while self.sizes[1] > TAIL and len(self.tail) > 1:
            _, gone = self.tail.popleft()
            self.sizes[1] -= len(gone) + LINE_COST
            self.left_out += len(gone)

    @property
    def lines(self) -> tuple[tuple[float, str], ...]:
        """Every kept line, with one in the place of those that were not."""
        gap = [(self.tail[0][0], f"[… {self.left_out:,} characters left out …]")] if self.left_out and self.tail else []
        return (*self.head, *gap, *self.tail)


def converse(process: subprocess.Popen[bytes], channels: Mapping[IO[bytes], Take], stdin: bytes, *, timeout_s: float) -> None:
    """Feed a program and take all that it says until it has ended; what its children still say then is not waited for.

    Raises subprocess.TimeoutExpired when it has not ended in time.
    """
    deadline = time.monotonic() + timeout_s
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as opened:
        for pipe, take in channels.items():
            os.set_blocking(pipe.fileno(), False)
            selector.register(pipe, selectors.EVENT_READ, take)
        if process.stdin:
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE, memoryview(stdin))
        is_told = watch_end(process, selector, opened)
        while process.poll() is None:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise subprocess.TimeoutExpired(process.args, timeout_s)
            pump(selector, left_s if is_told else min(left_s, POLL_S))
        if is_told:
            selector.unregister(is_told[0])
        drain(process, selector)


def watch_end(process: subprocess.Popen[bytes], selector: selectors.BaseSelector, opened: contextlib.ExitStack) -> list[int]:
    """Let the selector know of the program's end; return what it is told by, nothing where the system has no such thing."""
    try:
        descriptor = os.pidfd_open(process.pid)  # type: ignore[attr-defined,unused-ignore]  # Linux alone has it
    except (AttributeError, OSError):
        return []
    opened.callback(os.close, descriptor)
    selector.register(descriptor, selectors.EVENT_READ, None)
    return [descriptor]


def pump(selector: selectors.BaseSelector, timeout_s: float) -> None:
    """Move what can be moved, once, waiting at most this long for it."""
    if not selector.get_map():
        time.sleep(min(timeout_s, POLL_S / 10))
        return
    for key, events in selector.select(timeout_s):
        if key.data is None:
            continue  # the program's end
        alive = feed(selector, key) if events & selectors.EVENT_WRITE else listen(key)
        if not alive:
            selector.unregister(key.fileobj)
            key.fileobj.close()  # type: ignore[union-attr]


def listen(key: selectors.SelectorKey) -> bool:
    """Take what is in a pipe; return whether more can come."""
    try:
        data = os.read(key.fd, CHUNK)
    except BlockingIOError:
        return True
    if data:
        key.data(data)
    return bool(data)


def feed(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> bool:
    """Hand a program more of its input; return whether there is more. One that reads no more gets no more."""
    try:
        rest = key.data[os.write(key.fd, key.data[:CHUNK]) :]
    except BlockingIOError:
        return True
    except OSError:
        return False
    selector.modify(key.fileobj, selectors.EVENT_WRITE, rest)
    return bool(rest)


def drain(process: subprocess.Popen[bytes], selector: selectors.BaseSelector) -> None:
    """Take what is left in the pipes of a program that has ended; who else holds them is soon ended, not waited for."""
    if process.stdin and not process.stdin.closed:
        selector.unregister(process.stdin)
    for seconds, end in ((SETTLE_S, end_stragglers), (DRAIN_S, end_holders), (DRAIN_S, None)):
        until = time.monotonic() + seconds
        while selector.get_map() and (left_s := until - time.monotonic()) > 0:
            pump(selector, left_s)
        if not selector.get_map():
            return
        if end:
            end(process)


def end_stragglers(process: subprocess.Popen[bytes]) -> None:
    """End what a program left running in its group when it ended itself."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left, or on macOS only a dead one
        os.killpg(process.pid, signal.SIGKILL)


def end_holders(process: subprocess.Popen[bytes]) -> None:
    """End every process that can still write into a program's pipes, though it left its group. Linux alone knows them."""
    pipes = [pipe for pipe in (process.stdout, process.stderr) if pipe and not pipe.closed]
    names = {f"pipe:[{os.fstat(pipe.fileno()).st_ino}]" for pipe in pipes}
    for folder in Path("/proc").glob("[0-9]*") if names else ():
        with contextlib.suppress(OSError):  # it ended meanwhile, or it is somebody else's
            if int(folder.name) != os.getpid() and any(is_open(one, names) for one in (folder / "fd").iterdir()):
                os.kill(int(folder.name), signal.SIGKILL)


def is_open(descriptor: Path, names: set[str]) -> bool:
    """Return whether a descriptor of a process, below /proc, is a pipe of these, open for writing."""
    if str(descriptor.readlink()) not in names:
        return False
    flags = (descriptor.parents[1] / "fdinfo" / descriptor.name).read_text().partition("flags:")[2].split()[0]
    return int(flags, 8) & os.O_ACCMODE == os.O_WRONLY
