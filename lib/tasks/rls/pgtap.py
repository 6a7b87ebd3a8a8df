"""The pack's own pgTAP tests: each file run by psql inside a transaction that is always rolled back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tap.parser import Parser

from lib.clients.postgres.statements import split_statements
from lib.core.errors import CommandError, TargetError
from lib.core.redact import redact
from lib.transport.database import Database, quote_name, read_query
from lib.transport.process import CommandRun, run_command

FOLDER = Path("supabase", "tests")
SUFFIXES = (".sql", ".pg")
"""What `supabase test db` runs. Source: https://supabase.com/docs/reference/cli/supabase-test-db"""

FILE_TIMEOUT_S = 120
"""Seconds one file may take in total; hundreds of policy tests need about one."""
CONNECTION_LOST = 2
SCRIPT_STOPPED = 3
"""psql's exit codes. Source: https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-EXIT-STATUS"""

TAP_LINE = re.compile(r"(?:not )?ok(?: |$)|1\.\.\d+(?: |$)|#|Bail out!")
"""Source: https://testanything.org/tap-version-13-specification.html"""

STILL_INSIDE = "launch: still in its transaction"
ENDING_WORDS = ("commit", "end", "rollback", "abort")


@dataclass(frozen=True, kw_only=True)
class TapFile:
    """The outcome of one test file; it is good when it has no problem and no failed test.

    planned: None when the file printed no plan. skipped, todo: tests that count as passed, yet tested nothing.
    problem: why its tests prove nothing, or not all of them. fix: what to do about the problem, if known.
    """

    path: str
    planned: int | None = None
    ran: int = 0
    skipped: int = 0
    todo: int = 0
    failed: tuple[str, ...] = ()
    problem: str | None = None
    fix: tuple[str, ...] = ()
    transcript: str = ""
    command: str | None = None
    exit_code: int | None = None

    @property
    def is_good(self) -> bool:
        return self.problem is None and not self.failed


def find_test_files(pack: Path) -> list[Path]:
    """Return the pack's pgTAP files by path."""
    folder = pack / FOLDER
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file())


def run_test_files(database: Database, pack: Path, *, psql: Path, statement_timeout_s: float) -> Iterator[TapFile]:
    """Run each file against the database and yield its outcome.

    statement_timeout_s: longest one statement of a file may take, in seconds.
    Raises TargetError when no test could be run at all: the server has no pgTAP, or does not answer.
    """
    opening = open_pgtap(database)
    for path in find_test_files(pack):
        name = path.relative_to(pack).as_posix()
        text = path.read_text(encoding="utf-8", errors="replace")
        escape = find_escape(text)
        if escape is not None:
            yield TapFile(path=name, problem=f"{escape}, so it was not run")
            continue
        try:
            run = run_test_file(database, path, opening, psql=psql, statement_timeout_s=statement_timeout_s)
        except CommandError as exc:
            yield TapFile(path=name, problem=exc.message.rstrip("."), fix=exc.fix)
            continue
        if run.exit_code == CONNECTION_LOST:
            raise TargetError(
                f"psql lost {database.display_name} at {name}: {last_line(run.stderr)}.", fix="Run again when it answers."
            )
        yield read_run(name, run, ends_itself=ends_itself(text))


def open_pgtap(database: Database) -> str:
    """Return the SQL that makes pgTAP usable inside a transaction. Raises TargetError when it can't be."""
    found = database.rows(read_query(__package__, "pgtap_extension"))[0]
    schema = found["installed_in"] or ("extensions" if found["has_extensions"] else "public")
    if found["installed_in"] is None and not found["is_available"]:
        raise TargetError(
            f"The server of {database.display_name} has no pgTAP, so no policy test can run.",
            fix="Install the extension pgtap on the server, or enable it in the project's dashboard.",
        )
    create = "" if found["installed_in"] else f"create extension pgtap with schema {quote_name(schema)}; "
    beyond = "" if schema in ("public", "extensions") else f", {quote_name(schema)}"
    return f'{create}set local search_path = "$user", public, extensions{beyond};'


def run_test_file(database: Database, path: Path, opening: str, *, psql: Path, statement_timeout_s: float) -> CommandRun:
    """Run one file in its own transaction and roll it back."""
    limits = f"set local statement_timeout = {round(statement_timeout_s * 1000)}; set local lock_timeout = 2000;"
    still = f"select '{STILL_INSIDE}' where current_setting('launch.inside', true) = 'yes';"
    # One -c each: psql sends a -c of several statements as one, whose own BEGIN would not outlive it.
    steps = ["begin;", f"{limits} {opening}", "set local launch.inside = 'yes';"]
    argv: list[str | Path] = [psql, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
    for step in steps:
        argv += ["-c", step]
    argv += ["-f", path.name, "-c", still, "-c", "rollback;"]
    return run_command(argv, timeout_s=FILE_TIMEOUT_S, env=database.libpq_environment, cwd=path.parent)


def find_escape(text: str) -> str | None:
    """Return how a file would leave its transaction, or None: nothing it does may outlive the transaction."""
    for number, line in enumerate(text.splitlines(), start=1):
        word = line.strip().partition(" ")[0]
        if word in ("\\c", "\\connect", "\\!"):
            return f"line {number} has {word}, which leaves the transaction"
    statements = split_statements(without_meta_commands(text))
    for place, statement in enumerate(statements):
        words = statement.words
        if not statement.is_transaction_control or "prepared" in words:
            if words[:1] == ("prepare",) and words[1:2] == ("transaction",):
                return f"line {statement.line} has PREPARE TRANSACTION, which would keep what it did"
            continue
        if words[0] in ("commit", "end"):
            return f"line {statement.line} has {words[0].upper()}, which would keep what it did"
        if words[0] in ENDING_WORDS and place + 1 < len(statements):
            return f"statements follow the {words[0].upper()} of line {statement.line}, outside any transaction"
    return None


def ends_itself(text: str) -> bool:
    """Whether the file's last statement is its own ROLLBACK."""
    statements = split_statements(without_meta_commands(text))
    last = statements[-1] if statements else None
    return last is not None and last.is_transaction_control and last.words[0] in ENDING_WORDS


def without_meta_commands(text: str) -> str:
    """Return the text with psql's own backslash lines blanked, line numbers kept."""
    return "\n".join("" if line.lstrip().startswith("\\") else line for line in text.split("\n"))


def read_run(name: str, run: CommandRun, *, ends_itself: bool) -> TapFile:
    """Return the outcome of one finished file from its TAP; psql's exit code is 0 even when tests failed."""
    lines = list(Parser().parse_text(tap_of(run.whole_stdout)))
    plans = [line.expected_tests for line in lines if line.category == "plan"]
    tests = [line for line in lines if line.category == "test"]
    bails = [line.reason for line in lines if line.category == "bail"]
    broken = [test for test in tests if not test.ok and not test.todo]
    failed = tuple(redact(f"{test.number}: {test.description.removeprefix('- ') or 'unnamed'}") for test in broken)
    is_inside = STILL_INSIDE in run.stdout.splitlines()
    return TapFile(
        path=name,
        planned=plans[0] if plans else None,
        ran=len(tests),
        skipped=sum(bool(test.skip) for test in tests),
        todo=sum(bool(test.todo) for test in tests),
        failed=failed,
        problem=find_problem(run, plans, len(tests), bails, left=not is_inside and not ends_itself)
        or find_idle(len(tests), sum(bool(test.skip or test.todo) for test in tests)),
        transcript=run.transcript,
        command=run.command,
        exit_code=run.exit_code,
    )


def tap_of(stdout: str) -> str:
    """Return the lines that are TAP: the parser would read `okay` as a test and `1234` as a plan."""
    return "".join(f"{line}\n" for line in stdout.splitlines() if TAP_LINE.match(line))


def find_problem(run: CommandRun, plans: list[int], ran: int, bails: list[str], *, left: bool) -> str | None:
    """Return why a file's tests prove nothing, or not all of them; None when they do."""
    if run.exit_code != 0:
        return f"broke after {ran} tests: {first_error(run.stderr)}"
    if bails:
        return f"bailed out: {redact(bails[0])}"
    if left:
        return "ended the transaction it ran in, so what it did may have stayed"
    if ran == 0:
        return "ran no test"
    if not plans:
        return f"printed no plan, so it is not known whether {ran} tests are all"
    if len(plans) > 1:
        return f"printed {len(plans)} plans"
    return None if plans[0] == ran else f"planned {plans[0]} tests and ran {ran}"


def find_idle(ran: int, aside: int) -> str | None:
    """Return that a file tested nothing, since each of its tests was skipped or is still to do; None when one was not."""
    return f"skipped each of its {ran} tests, or has them still to do, so it tested nothing" if aside == ran else None


def first_error(stderr: str) -> str:
    """Return psql's first error line, else its last line."""
    said = [line for line in stderr.splitlines() if "ERROR:" in line or "FATAL:" in line]
    return redact(said[0]) if said else last_line(stderr)


def last_line(text: str) -> str:
    """Return the last line that is not blank."""
    lines = [line for line in text.splitlines() if line.strip()]
    return redact(lines[-1]) if lines else "it printed nothing"
