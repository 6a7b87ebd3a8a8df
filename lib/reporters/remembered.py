"""What is kept of a run beyond its folder: its line in the history, how long its tasks took, and the project's commit."""

from __future__ import annotations

from pathlib import Path

from lib.clients.git_command import run_git
from lib.core.errors import CommandError
from lib.evidence.durations import remember_durations
from lib.evidence.history import History, HistoryEntry, remember_run
from lib.evidence.kept_results import KeptResult, keep_result
from lib.evidence.log import EvidenceLine
from lib.reporters.report import RunReport

GIT_TIMEOUT_S = 10


def remember(history: History, report: RunReport) -> None:
    """Keep a run in the history. Raises WorkbookError when it can't be used."""
    remember_run(history, history_entry(report))
    timed = {one.task.name: one.took_s for one in report.tasks if one.took_s is not None}
    remember_durations(history, report.run.run_id, timed)


def history_entry(report: RunReport) -> HistoryEntry:
    """Return the run as history keeps it."""
    return HistoryEntry(
        run_id=report.run.run_id,
        project=report.run.project,
        environment=report.run.environment,
        verdict=report.verdict.word,
        partial=report.outcome.partial,
        finished=report.outcome.finished,
        commit_id=report.commit,
        started_at=report.outcome.started_at,
        duration_s=report.outcome.duration_s,
        lines=report.lines,
        unconfirmed=bool(report.run.unconfirmed),
        kept=[keep_one(report, line) for line in report.found],
    )


def keep_one(report: RunReport, line: EvidenceLine) -> KeptResult:
    """Return what is kept of one line, as it was found and as it counted."""
    proved = report.promotion.proved.get(line.check)
    is_waived = line.check in report.waived.covered or line.check in report.waived.hidden
    return keep_result(
        line,
        report.ended_at,
        result=report.results[line.check],
        is_waived=is_waived,
        proved=proved.provenance if proved else None,
    )


def read_commit(pack: Path) -> str | None:
    """Return the commit the pack stands at, with `+` when it has changes since; None outside version control."""
    try:
        commit = run_git(pack, "rev-parse", "--short=12", "HEAD", timeout_s=GIT_TIMEOUT_S)
        words = ("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=dirty")
        changed = run_git(pack, *words, timeout_s=GIT_TIMEOUT_S)
    except CommandError:
        return None
    name = commit.stdout.strip()
    if commit.exit_code != 0 or not name:
        return None
    return name if changed.exit_code == 0 and not changed.stdout.strip() else f"{name}+"
