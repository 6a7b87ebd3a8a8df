"""A run's pages: one a task, and the front page; every word on them comes from the RunReport."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from lib.core.files import write_whole
from lib.core.results import Outcome
from lib.core.wording import verdict_sentence
from lib.evidence.ages import age_s, looked_at
from lib.evidence.fault_log import read_trials
from lib.evidence.log import FILE, EvidenceLine
from lib.reporters import ctrf, github, junit, metrics, oscal, sarif
from lib.reporters.documents.note import SUMMARY_FILE
from lib.reporters.documents.qa_links import FILE as QA_FILE
from lib.reporters.faults import PAGE, add_up, describe_faults, sum_up_faults
from lib.reporters.first_screen import first_screen
from lib.reporters.html.model import Change, CheckRow, FileLink, Neighbour, PageHeader, RunSummary, TaskRow, WaiverRow
from lib.reporters.html.render import render_faults, render_index, render_task_page
from lib.reporters.report import RunReport, count_gates, count_reused
from lib.reporters.sealing import format_standing
from lib.reporters.summary import TaskSummary, verdict_of
from lib.tasks.base import Task
from lib.tasks.index import SUMMARY, all_tasks, every_check
from lib.tasks.readiness_summary.attachments import FEEDBACK

INDEX = "index.html"
OTHERS: Mapping[str, str] = {
    github.FILE: "this run in a few lines of Markdown, as a pull request shows it",
    junit.FILE: "each check as a test case, for a CI's list of tests; red exactly when the run is NO-GO or BLOCKED",
    sarif.FILE: "each finding with its file and line, for code scanning and editors",
    ctrf.FILE: "each check as a test in the Common Test Report Format, for dashboards of test results",
    oscal.FILE: "each check as an observation, each gate as a finding, in OSCAL, for tools of governance",
    metrics.FILE: "verdict, results and durations in figures, for Prometheus",
}
"""What other programs read of a run -> what it is for."""


def write_task_page(report: RunReport, one: TaskSummary, notebook: NotebookNode | None) -> None:
    """Write one task's page; without a notebook it still shows every result."""
    page = render_task_page(notebook, task_header(report, one))
    write_whole(report.run.run_folder / f"{one.task.name}.html", page)


def write_index(report: RunReport, notebook: NotebookNode | None) -> None:
    """Write the front page. notebook: the summary's."""
    write_whole(report.run.run_folder / INDEX, render_index(notebook, summarize_run(report)))


def write_faults_page(report: RunReport) -> None:
    """Write the page that says what each green is worth."""
    header = replace(run_header(report), title="What each green is worth", notebook=None)
    page = sum_up_faults(read_trials(report.run.run_folder), add_up(report.lines))
    write_whole(report.run.run_folder / PAGE, render_faults(header, page))


def task_header(report: RunReport, summary: TaskSummary) -> PageHeader:
    """Return what the head of one task's page says."""
    own = report.lines_of(summary.task)
    gates = [check.id for check in summary.task.checks if check.gate]
    verdict = verdict_of(own, gates=gates, proved=report.proved)
    untried = sum(line.gate and line.judged.is_untried and line.check not in report.proved for line in own)
    started_at = summary.started_at or report.outcome.started_at
    tasks = [one.task for one in report.tasks if one.task.name != SUMMARY.name]
    here = tasks.index(summary.task)
    return replace(
        run_header(report),
        title=summary.task.title,
        task=summary.task.name,
        verdict=verdict,
        sentence=verdict_sentence(verdict, count_gates(own, report.proved), untried=untried, reused=count_reused(own)),
        reused=f"{summary.reused[:1].upper()}{summary.reused[1:]}." if summary.reused else "",
        gates=count_gates(own, report.proved),
        started_at=started_at.isoformat(),
        duration_s=summary.duration_s,
        notebook=notebook_of(report, summary.task),
        checks=tuple(replace(check_row(line, report.ended_at), items=items_of(report, line.check)) for line in own),
        before=neighbour(tasks[here - 1]) if here else None,
        after=neighbour(tasks[here + 1]) if here + 1 < len(tasks) else None,
        place=f"{here + 1} of {len(tasks)}",
    )


def items_of(report: RunReport, check: str) -> tuple[int, ...]:
    """Return the numbers of the launch list's items that ask for a check."""
    return tuple(item.number for item in report.run.launch_list if check in item.checks)


def neighbour(task: Task) -> Neighbour:
    """Return a task's page, as the page beside it links to it."""
    return Neighbour(title=task.title, page=f"{task.name}.html")


def run_header(report: RunReport) -> PageHeader:
    """Return what the head of the front page says."""
    run, outcome = report.run, report.outcome
    return PageHeader(
        project=run.project,
        environment=run.environment,
        run_id=run.run_id,
        title="Launch readiness",
        task=SUMMARY.name,
        verdict=report.verdict,
        sentence=report.sentence,
        gates=report.gates,
        started_at=outcome.started_at.isoformat(),
        duration_s=outcome.duration_s,
        pack=run.pack.name,
        commit=report.commit,
        rehearsed=run.rehearsal,
        partial=outcome.partial,
        finished=outcome.finished,
        leaks=outcome.leaks,
        reused=f"{report.reused}." if report.reused else "",
        signer=format_standing(report),
        notebook=notebook_of(report, SUMMARY),
        checks=tuple(check_row(line, report.ended_at) for line in report.lines),
    )


def notebook_of(report: RunReport, task: Task) -> str | None:
    """Return the name of a task's executed notebook in the run's folder, if it is there."""
    name = f"{task.name}.ipynb"
    return name if (report.run.run_folder / name).exists() else None


def check_row(line: EvidenceLine, now: datetime) -> CheckRow:
    """Return one line of evidence as a row of a page. now: when facts have the age that is shown."""
    titles = every_check()
    return CheckRow(
        check=line.check,
        title=titles[line.check].title if line.check in titles else line.check,
        task=line.task,
        outcome=line.result,
        gate=line.gate,
        provenance=line.provenance,
        subject=line.subject,
        skipped_because=line.skipped_because,
        see=line.see,
        observed=line.observed,
        expected=line.expected,
        unit=line.unit,
        detail=line.detail,
        fix=line.fix,
        command=line.command,
        exit_code=line.exit_code,
        started_at=line.started_at.isoformat(),
        age_s=age_s(looked_at(line), now),
        as_of=line.as_of.isoformat() if line.as_of else None,
        duration_s=line.duration_s,
        artifacts=tuple(FileLink(path=one.path, sha256=one.sha256) for one in line.artifacts),
        faults=line.faults,
        reused_from=line.reused_from.run_id if line.reused_from else None,
        objects=line.objects if line.gate else (),
        again=line.again,
    )


def summarize_run(report: RunReport) -> RunSummary:
    """Return everything the summary page says."""
    return RunSummary(
        header=run_header(report),
        launch_list=report.items,
        tally=report.tally,
        untried=frozenset(line.check for line in report.untried),
        not_applicable={name_of(name): reason for name, reason in report.run.not_applicable.items()},
        unconfirmed=report.run.unconfirmed,
        waivers=tuple(waiver_rows(report)),
        tasks=tuple(task_row(one) for one in report.tasks if one.task.name != SUMMARY.name),
        changes=None if report.changes is None else tuple(change_row(row) for row in report.changes),
        previous=report.previous,
        files=list_links(report.run.run_folder),
        faults=describe_faults(add_up(report.lines)),
        first=first_screen(report),
    )


def waiver_rows(report: RunReport) -> Iterator[WaiverRow]:
    """Yield each waiver of the project with what it came to in this run."""
    for one, what in report.waived.told:
        yield WaiverRow(
            check=one.check,
            title=name_of(one.check),
            object=one.object,
            reason=one.reason,
            who=" ".join(filter(None, (one.who, one.ticket))),
            until=one.until,
            came_to=what.value,
        )


def name_of(name: str) -> str:
    """Return a task's or check's title, or a target's name, as a person knows it."""
    titles = {task.name: task.title for task in all_tasks()}
    check = every_check().get(name)
    return check.title if check else titles.get(name, name)


def task_row(one: TaskSummary) -> TaskRow:
    """Return one task as a row of the summary page."""
    return TaskRow(
        task=one.task.name,
        title=one.task.title,
        state=one.state,
        counts=one.counts,
        duration_s=one.duration_s,
        provenance=one.provenance,
        page=f"{one.task.name}.html",
        reused=one.reused,
    )


def change_row(row: Mapping[str, Any]) -> Change:
    """Return one changed result as the page takes it."""
    titles = every_check()
    words = {outcome.value: outcome for outcome in Outcome}
    title = titles[row["check"]].title if row["check"] in titles else row["check"]
    return Change(check=row["check"], title=title, before=words.get(row["before"]), now=words.get(row["now"]))


def list_links(run_folder: Path) -> tuple[FileLink, ...]:
    """Return every file to open beside the pages: the note, the evidence, what other programs read, then the artifacts."""
    entries = sorted((run_folder / "docs" / FEEDBACK).glob("*.md"))
    first = [run_folder / SUMMARY_FILE, *entries, run_folder / QA_FILE, run_folder / FILE, *(run_folder / one for one in OTHERS)]
    artifacts = sorted(path for path in (run_folder / "artifacts").rglob("*") if path.is_file())
    abouts = {
        SUMMARY_FILE: "the execution summary, ready to paste",
        **{path.relative_to(run_folder).as_posix(): "the feedback entry" for path in entries},
        QA_FILE: "links to the vendors' newest health evidence, for QA",
        FILE: "one result a line",
        **OTHERS,
    }
    return tuple(
        FileLink(path=name, about=abouts.get(name, ""), size_bytes=path.stat().st_size)
        for path in (*first, *artifacts)
        if path.exists() and (name := path.relative_to(run_folder).as_posix())
    )
