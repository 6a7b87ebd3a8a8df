"""What a person sees while a run goes on: a live table on a terminal, plain lines anywhere else."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lib.core.results import Outcome
from lib.core.visible import plain_line, without_commands
from lib.core.wording import format_counts, format_duration, outcome_symbol
from lib.run.time_left import describe_left, estimate_left
from lib.tasks.base import Task
from lib.tasks.index import in_order

STYLES = {"pass": "green", "fail": "red", "error": "magenta", "skip": "yellow"}
ENDED = {"not_ready": "not ready"}
"""How a task ended -> the words for it, where they are others."""
BEAT_S = 30
"""Seconds without a line after which what goes on is said again, where no live table shows it."""
UNTIMED: Mapping[str, float] = {}
"""How long each task takes, when no earlier run says it."""


@dataclass(kw_only=True)
class TaskLine:
    """One task as the display knows it.

    looking: the check that is looked at. doing: that, and how far it is. took_s: seconds from its start to its end, once it
    has ended.
    """

    title: str
    state: str = "waiting"
    looking: str = ""
    doing: str = ""
    started: float | None = None
    took_s: float | None = None
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def elapsed_s(self) -> float | None:
        """Seconds since it was started, until its end; None before."""
        return self.took_s if self.took_s is not None else None if self.started is None else time.monotonic() - self.started

    @property
    def took(self) -> str:
        return "" if self.elapsed_s is None else format_duration(self.elapsed_s)

    @property
    def runs(self) -> bool:
        return self.state == "running"


class Progress:
    """Follows the events that the kernels write; use it in a `with`.

    tasks: in the order in which they are started. expected: task -> seconds that it took in earlier runs. jobs: how many run at
    once.
    """

    def __init__(
        self,
        tasks: tuple[Task, ...],
        events: Path,
        *,
        console: Console | None = None,
        expected: Mapping[str, float] = UNTIMED,
        jobs: int = 1,
    ) -> None:
        self.console = console or open_console()
        self.tasks, self.expected, self.jobs = tasks, expected, jobs
        self.lines = {task.name: TaskLine(title=task.title) for task in in_order(tasks)}
        self.titles = {check.id: check.title for task in tasks for check in (*task.checks, task.completed)}
        self.events = events
        self.offset = 0
        self.spoke = time.monotonic()
        self.is_live = self.console.is_terminal and not self.console.is_dumb_terminal
        self.live = Live(get_renderable=self.show, console=self.console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Progress:
        if self.is_live:
            self.live.start()
        elif self.left:
            self.say(f"By earlier runs it takes {self.left.removesuffix(' left')}.")
        return self

    def __exit__(self, *_: object) -> None:
        self.follow()
        if self.is_live:
            self.live.stop()  # the verdict's own table comes next

    @property
    def left(self) -> str:
        """How long the run still takes, by earlier ones; '' when nobody knows, and when all is over."""
        ended = {name for name, line in self.lines.items() if not line.runs and line.state != "waiting"}
        if len(ended) == len(self.lines):
            return ""
        elapsed = {name: line.elapsed_s or 0.0 for name, line in self.lines.items() if line.runs}
        return describe_left(estimate_left(self.tasks, self.expected, elapsed, ended, jobs=self.jobs))

    def begin(self, task: Task) -> None:
        """Say that a task's notebook is being executed."""
        self.lines[task.name].state, self.lines[task.name].started = "running", time.monotonic()
        self.say(f"{task.name}: started")

    def end(self, task: Task, how: str, problem: str = "", *, took_s: float | None = None) -> None:
        """Say how a task ended: ready, not_ready, broken, blocked or stopped. took_s: seconds, of one that was executed."""
        self.follow()
        line = self.lines[task.name]
        line.took_s = took_s if took_s is not None else line.elapsed_s
        line.state, line.doing = ENDED.get(how, how), problem  # a ready one has none
        tail = f": {problem}" if problem else ""
        took = f" after {line.took}" if line.started else ""
        left = f"; {self.left}" if self.left else ""
        self.say(f"{task.name}: {ENDED.get(how, how)}{took} ({format_counts(line.counts)}){left}{tail}")

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
        if time.monotonic() - self.spoke > BEAT_S:
            self.beat()

    def take(self, event: dict[str, str]) -> None:
        """Take in one event: a look that begins, how far it is, or a result."""
        line = self.lines[event["task"]]
        if event["state"] == "looking":
            line.doing = line.looking = self.name_check(event["what"])
            return
        if event["state"] == "under way":
            line.doing = f"{line.looking}: {event['what']}"
            return
        line.counts[event["state"]] = line.counts.get(event["state"], 0) + 1
        if event["state"] in ("fail", "error"):
            self.say(f"{event['task']}:   {outcome_symbol(Outcome(event['state']))} {self.name_check(event['what'])}")

    def name_check(self, check: str) -> str:
        """Return a check as a person knows it, with its id."""
        return f"{self.titles[check]} ({check})" if check in self.titles else check

    def beat(self) -> None:
        """Say what goes on, where nothing was said for a while."""
        for name, line in self.lines.items():
            if line.runs:
                self.say(f"{name}: {line.doing or 'starting'}, after {line.took}{f'; {self.left}' if self.left else ''}")

    def say(self, text: str) -> None:
        """Print one plain line, where no live table shows the same."""
        self.spoke = time.monotonic()
        if not self.is_live:
            self.console.print(escape(without_commands(plain_line(text))), soft_wrap=not self.console.is_terminal)

    def show(self) -> Group:
        """Return the live display: the table, what is looked at now, and how long it still takes."""
        return Group(self.table(), *self.below())

    def table(self) -> Table:
        """Return one row a task, in their notebooks' order: state, results so far, time so far."""
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        for line in self.lines.values():
            counts = " ".join(
                f"[{STYLES[word]}]{outcome_symbol(Outcome(word))} {number}[/]" for word, number in line.counts.items()
            )
            table.add_row(escape(plain_line(line.title)), line.state, counts, line.took)
        return table

    def below(self) -> Iterator[Text]:
        """Yield what each running task looks at, why others ended early, and how long it still takes."""
        for line in self.lines.values():
            if line.doing:
                yield Text(f"{plain_line(line.title)}: {plain_line(line.doing)}", style="dim")
        if self.left:
            yield Text(self.left[0].upper() + self.left[1:], style="dim")


def open_console() -> Console:
    """Return standard output as a console: a terminal only when it is one, whatever FORCE_COLOR says; a pipe gets no colours."""
    return Console(file=sys.stdout, highlight=False, force_terminal=sys.stdout.isatty())
