"""What a person sees while a run goes on: a live table on a terminal, plain lines anywhere else."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from lib.core.results import Outcome
from lib.core.visible import plain_line
from lib.core.wording import format_counts, format_duration, outcome_symbol
from lib.tasks.base import Task

STYLES = {"pass": "green", "fail": "red", "error": "magenta", "skip": "yellow"}
ENDED = {"not_ready": "not ready"}
"""How a task ended -> the words for it, where they are others."""


@dataclass(kw_only=True)
class TaskLine:
    """One task as the display knows it."""

    title: str
    state: str = "waiting"
    doing: str = ""
    started: float | None = None
    ended: float | None = None
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def took(self) -> str:
        if self.started is None:
            return ""
        return format_duration((self.ended or time.monotonic()) - self.started)


class Progress:
    """Follows the events that the kernels write; use it in a `with`."""

    def __init__(self, tasks: tuple[Task, ...], events: Path, *, console: Console | None = None) -> None:
        self.console = console or Console(file=sys.stdout, highlight=False, soft_wrap=True)
        self.lines = {task.name: TaskLine(title=task.title) for task in tasks}
        self.events = events
        self.offset = 0
        self.live = Live(get_renderable=self.table, console=self.console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Progress:
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.follow()
        if self.console.is_terminal:
            self.live.stop()
            self.console.print(self.table())

    def begin(self, task: Task) -> None:
        """Say that a task's notebook is being executed."""
        self.lines[task.name].state, self.lines[task.name].started = "running", time.monotonic()
        self.say(f"{task.name}: started")

    def end(self, task: Task, how: str, problem: str = "") -> None:
        """Say how a task ended: ready, not_ready, broken, blocked or stopped."""
        self.follow()
        line = self.lines[task.name]
        line.state, line.doing, line.ended = ENDED.get(how, how), problem, time.monotonic()
        tail = f": {problem}" if problem else ""
        took = f" after {line.took}" if line.started else ""
        self.say(f"{task.name}: {ENDED.get(how, how)}{took} ({format_counts(line.counts)}){tail}")

    def keep(self, task: Task, counts: dict[str, int]) -> None:
        """Say that a task's results are there already. counts: outcome word -> number."""
        self.lines[task.name].counts = {word: number for word, number in counts.items() if number}
        self.end(task, "kept")

    def follow(self) -> None:
        """Take in what the kernels said since the last call."""
        try:
            with self.events.open("rb") as file:
                file.seek(self.offset)
                data = file.read()
        except OSError:
            return  # nothing was said yet, or it can't be read: the evidence has what was found
        whole = data[: data.rfind(b"\n") + 1]
        self.offset += len(whole)
        for text in whole.splitlines():
            with suppress(ValueError, KeyError, TypeError):  # a line that a full disk cut
                self.take(json.loads(text))

    def take(self, event: dict[str, str]) -> None:
        """Take in one event: a look that begins, or a result."""
        line = self.lines[event["task"]]
        if event["state"] == "looking":
            line.doing = event["what"]
            return
        line.counts[event["state"]] = line.counts.get(event["state"], 0) + 1
        if event["state"] in ("fail", "error"):
            self.say(f"{event['task']}:   {outcome_symbol(Outcome(event['state']))} {event['what']}")

    def say(self, text: str) -> None:
        """Print one plain line, where no live table shows the same."""
        if not self.console.is_terminal:
            self.console.print(escape(plain_line(text)))

    def table(self) -> Table:
        """Return the live table: task, state, results so far, time so far, what is looked at now."""
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        for line in self.lines.values():
            counts = " ".join(
                f"[{STYLES[word]}]{outcome_symbol(Outcome(word))} {number}[/]" for word, number in line.counts.items()
            )
            table.add_row(
                escape(plain_line(line.title)), line.state, counts, line.took, f"[dim]{escape(plain_line(line.doing))}[/]"
            )
        return table
