"""Judges the project's own pgTAP tests. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lib.clients.postgres.platform_statements import WAYS_OUT, find_lacking
from lib.core.busyness import RUN_AGAIN, Control, Standing, too_busy_for, weigh_timeout
from lib.core.results import Result
from lib.core.wording import format_count, join_words, name_some
from lib.tasks.rls.cli_tests import CliTests
from lib.tasks.rls.pgtap import FOLDER
from lib.tasks.rls.tap_output import TapFile
from lib.tasks.rls.task import PGTAP_TESTS_PASS

TIMED_OUT = re.compile(r"canceling statement due to (?:statement|lock) timeout")
"""What the server says of a statement that ran out of time, which a busy machine causes as well as a slow policy."""


def judge_pgtap(files: Sequence[TapFile], control: Control, *, timeout_s: float, by_cli: CliTests | None = None) -> Result:
    """Judge the pack's own tests: every file ran as many as it planned, and all of them passed.

    control: what this machine met meanwhile. timeout_s: what one statement is given; what ran out of it beside a control
    that was held up is no fail. by_cli: what `supabase test db` came to; None where nobody asked for it.
    """
    check = PGTAP_TESTS_PASS
    if not files:
        return check.errored(
            f"There is no test file in {FOLDER.as_posix()}.", fix=f"Write pgTAP tests of the policies in {FOLDER.as_posix()}."
        )
    if by_cli is not None and by_cli.result == "NOTESTS":
        said = f"`supabase test db` found no tests, and {FOLDER.as_posix()} has {format_count(len(files), 'file')}."
        return check.errored(said, fix="Name the files *.sql or *.pg, and give each a plan.")
    bad = [f"{one.path}: {one.problem or name_some(one.failed)}" for one in files if not one.is_good]
    ran, good = sum(one.ran for one in files), sum(one.ran - len(one.failed) for one in files)
    clocked = [one for one in files if not one.is_good and not one.failed and TIMED_OUT.search(one.problem or "")]
    if bad and len(clocked) == len(bad) and weigh_timeout(timeout_s, control) is Standing.UNCLEAR:
        return check.errored(f"{too_busy_for(control, timeout_s)} {name_some(bad)}.", observed=good, unit="tests", fix=RUN_AGAIN)
    lacking = [one for one in files if not one.is_good and not one.failed and find_lacking(one.problem or "")]
    if bad and len(lacking) + len(clocked) == len(bad) and lacking:
        names = sorted({find_lacking(one.problem or "") for one in lacking})
        return check.errored(
            f"{name_some([one.path for one in lacking])} could not run: the server that was tried lacks {join_words(names)}.",
            observed=good,
            unit="tests",
            fix=WAYS_OUT,
        )
    aside = [f"{one.skipped + one.todo} in {one.path}" for one in files if one.skipped + one.todo]
    noted = f"Skipped or still to do, so not tested: {name_some(aside)}." if aside else ""
    unfinished = [f"{one.path}: {name}" for one in files for name in one.unfinished]
    noted += f" Failing, and marked as still to do: {name_some(unfinished)}." if unfinished else ""
    idle = sum(one.skipped + one.todo for one in files)
    if by_cli is not None:
        disagrees = bool(bad) is (by_cli.result == "PASS") if by_cli.result else False
        bad += [f"supabase test db: {by_cli.result}, unlike the files one by one"] if disagrees else []
        noted += f" {format_by_cli(by_cli)}" if by_cli.result or not bad else ""
    hints = [hint for one in files for hint in one.fix]
    return check.judge(
        holds=not bad,
        observed=good - idle,
        expected=max(ran, sum(one.planned or 0 for one in files)) - idle,
        unit="tests",
        detail=f"{name_some(bad)}. {noted.strip()}".strip() if bad else noted.strip(),
        fix=[*dict.fromkeys(hints), "Read the output of the file, kept as tap-<number>-<file>.txt."],
        objects=[f"{one.path}: {name}" for one in files if not one.is_good for name in one.failed or ("stopped",)],
    )


def format_by_cli(by_cli: CliTests) -> str:
    """Return what became of the command that people run, as a sentence."""
    if by_cli.why_not:
        return f"`supabase test db` was not counted: {by_cli.why_not}"
    return f"`supabase test db` ran {format_count(by_cli.tests, 'test')}: {by_cli.result}."
