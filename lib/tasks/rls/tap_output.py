"""What one pgTAP file printed, what pgTAP itself counted, and what that proves. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tap.parser import Parser

from lib.core.redact import redact

TAP_LINE = re.compile(r"(?:not )?ok(?: |$)|1\.\.\d+(?: |$)|#|Bail out!")
"""Source: https://testanything.org/tap-version-13-specification.html"""

PRINTED_LIMIT = 20_000
"""Lines that are kept of one file; the largest suite seen prints 700."""


@dataclass(frozen=True, kw_only=True)
class TapTest:
    """One test of a file, as it printed it."""

    number: str
    name: str
    is_ok: bool
    is_skipped: bool = False
    is_todo: bool = False


@dataclass(frozen=True, kw_only=True)
class TapFile:
    """The outcome of one test file; it is good when it has no problem and no failed test.

    planned: None when the file printed no plan. skipped, todo: tests that count as passed, yet tested nothing.
    failed: by number and name. unfinished: tests that failed and are marked as still to do.
    problem: why its tests prove nothing, or not all of them. fix: what to do about the problem, if known.
    tests: each of them, in order.
    """

    path: str
    planned: int | None = None
    ran: int = 0
    skipped: int = 0
    todo: int = 0
    failed: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    problem: str | None = None
    fix: tuple[str, ...] = ()
    transcript: str = ""
    tests: tuple[TapTest, ...] = ()
    duration_s: float = 0.0

    @property
    def is_good(self) -> bool:
        return self.problem is None and not self.failed


@dataclass(kw_only=True)
class TapRun:
    """One file as it ran.

    lines: what its statements answered and what the server remarked, in order. printed: the answers alone.
    counted: how many tests pgTAP counted, None when it started over; last: its number of the newest one.
    failed: how many pgTAP found failing. error: where and why the file stopped, or ''. has_left: its transaction was ended.
    """

    lines: list[str] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    counted: int | None = 0
    last: int = 0
    failed: int | None = None
    error: str = ""
    fix: tuple[str, ...] = ()
    has_left: bool = False
    duration_s: float = 0.0

    def print(self, texts: list[str]) -> None:
        """Take the rows of one statement's answer; one row may have several lines."""
        lines = [line for text in texts for line in text.splitlines()]
        room = PRINTED_LIMIT - len(self.printed)
        if len(lines) > room:
            self.error = self.error or f"printed more than {PRINTED_LIMIT:,} lines"
        self.printed += lines[:room]
        self.lines += lines[:room]

    def note(self, remark: str) -> None:
        """Take a remark of the server."""
        if len(self.lines) < PRINTED_LIMIT:
            self.lines.append(f"NOTICE: {remark}")

    def count(self, number: int, *, is_known: bool) -> None:
        """Take pgTAP's number of the newest test after a statement. is_known: whether that statement lets it go on counting."""
        if not is_known:
            self.counted = None
        elif self.counted is not None:
            self.counted += max(number - self.last, 0)
        self.last = number

    def transcript(self, name: str) -> str:
        """The file and everything it printed, redacted, as kept in evidence."""
        ending = f"ERROR: {self.error}" if self.error else "rolled back"
        lines = [f"-- {name}, statement by statement", *self.lines, ending]
        return redact("\n".join(lines)) + f"\n[{self.duration_s:.2f} s]\n"


def read_run(name: str, run: TapRun) -> TapFile:
    """Return the outcome of one finished file from its TAP and from what pgTAP counted."""
    lines = list(Parser().parse_text(tap_of(run.printed)))
    plans = [line.expected_tests for line in lines if line.category == "plan"]
    tests = [line for line in lines if line.category == "test"]
    bails = [line.reason for line in lines if line.category == "bail"]
    failed, unfinished = (
        tuple(format_test(test) for test in tests if not test.ok and bool(test.todo) is is_todo) for is_todo in (False, True)
    )
    aside = sum(bool(test.skip or test.todo) for test in tests)
    return TapFile(
        path=name,
        planned=plans[0] if plans else None,
        ran=len(tests),
        skipped=sum(bool(test.skip) for test in tests),
        todo=sum(bool(test.todo) for test in tests),
        failed=failed,
        unfinished=unfinished,
        problem=find_problem(run, plans, len(tests), bails)
        or find_uncounted(run, len(tests), len(failed))
        or find_idle(len(tests), aside),
        fix=run.fix,
        transcript=run.transcript(name),
        tests=tuple(map(read_test, tests)),
        duration_s=run.duration_s,
    )


def read_test(test: object) -> TapTest:
    """Return one test. test: of tap.py."""
    number, _, name = format_test(test).partition(": ")
    is_ok, skip, todo = (bool(getattr(test, word, False)) for word in ("ok", "skip", "todo"))
    return TapTest(number=number, name=name, is_ok=is_ok, is_skipped=skip, is_todo=todo)


def format_test(test: object) -> str:
    """Return a test's number and name. test: of tap.py."""
    number, description = getattr(test, "number", "?"), str(getattr(test, "description", ""))
    return redact(f"{number}: {description.removeprefix('- ') or 'unnamed'}")


def tap_of(lines: list[str]) -> str:
    """Return the lines that are TAP: the parser would read `okay` as a test and `1234` as a plan."""
    return "".join(f"{line}\n" for line in lines if TAP_LINE.match(line))


def find_problem(run: TapRun, plans: list[int], ran: int, bails: list[str]) -> str | None:
    """Return why a file's tests prove nothing, or not all of them; None when they do."""
    if run.error:
        return f"broke after {ran} tests: {run.error}"
    if bails:
        return f"bailed out: {redact(bails[0])}"
    if run.has_left:
        return "ended the transaction it ran in, so what it did may have stayed"
    if ran == 0:
        return "ran no test"
    if not plans:
        return f"printed no plan, so it is not known whether {ran} tests are all"
    if len(plans) > 1:
        return f"printed {len(plans)} plans"
    return None if plans[0] == ran else f"planned {plans[0]} tests and ran {ran}"


def find_uncounted(run: TapRun, ran: int, failed: int) -> str | None:
    """Return that lines were printed which are no tests of pgTAP's, or that tests of its were not shown as it found them."""
    if run.counted is not None and run.counted != ran:
        return f"printed {ran} results of tests, and pgTAP itself ran {run.counted}"
    if run.failed is not None and run.failed > failed:
        return f"printed {failed} failed tests, and pgTAP itself found {run.failed}"
    return None


def find_idle(ran: int, aside: int) -> str | None:
    """Return that a file tested nothing, since each of its tests was skipped or is still to do; None when one was not."""
    return f"skipped each of its {ran} tests, or has them still to do, so it tested nothing" if aside == ran else None
