"""From a run's evidence and executed notebooks to what people open: pages, notes, seal, `latest`, history.

Every file is written whole; `latest` moves last, so that whoever follows it never meets half a run. Each part is made by
itself: one that can't be made, on a full disk or through a bug of ours, costs that part alone, is said, and leaves the run
unfinished.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import nbformat
from nbformat import NotebookNode

from lib.core.breakages import note_breakage
from lib.core.errors import WorkbookError
from lib.core.files import point_at, write_whole
from lib.core.last_look import UNREAD, Leak, lock_away, look_once_more
from lib.core.redact import redact
from lib.core.verdict import Verdict
from lib.evidence.history import History, last_run, open_history
from lib.evidence.log import FILE, EvidenceLine, EvidenceLog, as_bytes, read_lines
from lib.reporters.data_files import WRITERS
from lib.reporters.documents.draft import draft_documents, write_document
from lib.reporters.overview import write_overviews
from lib.reporters.pages import write_faults_page, write_index, write_task_page
from lib.reporters.promotion import NO_PROMOTION, promote
from lib.reporters.remembered import read_commit, remember
from lib.reporters.report import RunReport, report_run
from lib.reporters.sealing import Sealer, open_sealer
from lib.reporters.terminal import format_verdict
from lib.run.endings import RunOutcome, TaskRun, error_line
from lib.run.params import history_url
from lib.run.record import remove_record
from lib.run.run_file import RunFile
from lib.tasks.index import SUMMARY

Made = TypeVar("Made")


@dataclass(frozen=True, kw_only=True)
class Published:
    """A published run: its verdict, the exit code, the words for the terminal, and what could not be published."""

    report: RunReport
    verdict: Verdict
    exit_code: int
    words: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts of a run as they are made, and one sentence for each that could not be."""

    work: Path
    problems: list[str] = field(default_factory=list)

    def make(self, what: str, step: Callable[[], Made], *, otherwise: Made) -> Made:
        """Return what the step makes; when it can't, `otherwise`, and the reason is kept."""
        try:
            return step()
        except OSError as exc:
            why = exc.strerror or type(exc).__name__
        except WorkbookError as exc:
            why = str(exc).rstrip(".")
        except Exception as exc:
            why = f"{type(exc).__name__}: {exc}".splitlines()[0] + " (a bug of ours)"
            self.note(exc)
        said = redact(f"{what}: {why}.")
        if said not in self.problems:  # what is written a second time may fail a second time
            self.problems.append(said)
        return otherwise

    def note(self, exc: Exception) -> None:
        """Keep the traceback for who mends it, where that can be."""
        try:
            note_breakage(self.work, "runner", exc)
        except OSError:
            return


def publish(
    run: RunFile,
    task_runs: Sequence[TaskRun],
    outcome: RunOutcome,
    *,
    strict: bool = False,
    stopped_with: int | None = None,
    unkept: Sequence[EvidenceLine] = (),
) -> Published:
    """Write everything a finished, stopped or killed run leaves to be read, and return its verdict.

    strict: everything but a GO is refused. stopped_with: the exit code of a run that was stopped. unkept: lines of evidence
    that no disk took.
    """
    parts = Parts(work=run.work)
    log = parts.make("The evidence could not be read", run.read_log, otherwise=EvidenceLog(lines=()))
    parts.make("Evidence that had to be kept elsewhere", partial(take_in_spare, run, log), otherwise=None)
    lines = complete([*log.lines, *unkept], run, task_runs, torn=log.torn)
    history = parts.make("The history of runs", partial(open_history, run.rendered, history_url()), otherwise=None)
    sealer = parts.make("The signing key", partial(open_sealer, run.pack, at=outcome.ended_at), otherwise=Sealer())
    add_up = adder(run, task_runs, lines, history, parts, sealer)
    making = Making(parts=parts, add_up=add_up, report=add_up(outcome), sealer=sealer, unkept=unkept)
    making.write_documents()
    making.write_pages()
    making.look_for_leaks()
    making.seal()
    report = making.report
    if history is not None:
        parts.make("The history of runs", partial(remember, history, report), otherwise=None)
        overviews = partial(write_overviews, history, run.rendered, run.project, run.environment)
        parts.make("The pages over all runs", overviews, otherwise=None)
    if report.outcome.finished and not parts.problems:
        conclude(report, parts)
    exit_code = report.verdict.code(strict=strict) if stopped_with is None else stopped_with
    if parts.problems and exit_code == 0:
        exit_code = Verdict.BLOCKED.exit_code
    torn = [f"A line of the evidence can't be read ({one}); its check counts as not determined." for one in log.torn]
    words = format_verdict(report, exit_code=exit_code, unpublished=[*torn, *parts.problems])
    return Published(report=report, verdict=report.verdict, exit_code=exit_code, words=words, problems=tuple(parts.problems))


@dataclass(kw_only=True)
class Making:
    """A run while its files are made: as soon as one can't be, what is made from then on says that the run is unfinished."""

    parts: Parts
    add_up: Callable[[RunOutcome], RunReport]
    report: RunReport
    sealer: Sealer
    unkept: Sequence[EvidenceLine]

    @property
    def folder(self) -> Path:
        return self.report.run.run_folder

    def write_documents(self) -> None:
        """Write the note, the feedback entry, QA's links and the runbook."""
        no_text: dict[str, str] = {}
        for name, text in self.parts.make("The documents", partial(draft_documents, self.report), otherwise=no_text).items():
            self.parts.make(f"The document {name}", partial(write_document, self.report, name, text), otherwise=None)

    def write_pages(self) -> None:
        """Write a page a task, the page of faults, and then the front page."""
        for one in self.report.tasks:
            if one.task.name != SUMMARY.name:
                step = partial(write_task_page, self.report, one, read_notebook(self.folder, one.task.name))
                self.parts.make(f"The page of {one.task.name}", step, otherwise=None)
        self.parts.make("The page of faults", partial(write_faults_page, self.report), otherwise=None)
        self.write_data_files()
        if self.parts.problems:
            self.report = self.add_up(replace(self.report.outcome, finished=False))
        self.write_front_page()

    def write_data_files(self) -> None:
        """Write what other programs read, each file by itself."""
        for name, write in WRITERS.items():
            self.parts.make(f"The file {name}", partial(write, self.report), otherwise=None)

    def write_front_page(self) -> None:
        """Write the front page, and what other programs read, as the run stands now."""
        if not self.report.outcome.finished:
            self.write_data_files()
        index = partial(write_index, self.report, read_notebook(self.folder, SUMMARY.name))
        self.parts.make("The front page", index, otherwise=None)

    def look_for_leaks(self) -> None:
        """Look through all that was kept; a run that holds a credential says so, and is never known as finished."""
        nobody_looked: tuple[Leak, ...] = (Leak(file="the whole run", count=0, kinds=(UNREAD,)),)
        found = self.parts.make("The last look for credentials", partial(look_once_more, self.folder), otherwise=nobody_looked)
        if found:
            leaks = tuple(str(leak) for leak in found)
            said = f"A credential, or what looks like one, is in {'; '.join(leaks)}. The run is readable by its owner only."
            self.parts.problems.append(f"{said} Fix: Keep it from being printed there, remove the run, run again.")
            self.report = self.add_up(replace(self.report.outcome, finished=False, leaks=leaks))
            self.write_front_page()

    def seal(self) -> None:
        """Sign what the run's folder holds. What is not sealed may not look finished, and what leaks is its owner's alone."""
        seal = self.parts.make("The seal", partial(self.sealer.seal, self.report, unkept=self.unkept), otherwise="")
        if not seal and self.report.outcome.finished:
            self.report = self.add_up(replace(self.report.outcome, finished=False))
            self.write_front_page()
        if self.report.outcome.leaks:
            self.parts.make("The closing of the run's folder", partial(lock_away, self.folder), otherwise=None)


def conclude(report: RunReport, parts: Parts) -> None:
    """Say that the run is finished: whoever follows `latest` meets it from now on."""
    folder = report.run.run_folder
    if not report.outcome.partial:
        parts.make("`latest`", partial(point_at, folder.parent / "latest", report.run.run_id), otherwise=None)
    parts.make("The note that the run is not finished", partial(remove_record, folder), otherwise=None)


def take_in_spare(run: RunFile, log: EvidenceLog) -> None:
    """Bring what the run's folder could not take, or not yet, into its evidence, where it can by now."""
    if run.spare.exists():
        if len(log.lines) > len(read_lines(run.run_folder / FILE)[0]):
            write_whole(run.run_folder / FILE, b"".join(map(as_bytes, log.lines)))
        run.spare.unlink()


def adder(
    run: RunFile,
    task_runs: Sequence[TaskRun],
    lines: Sequence[EvidenceLine],
    history: History | None,
    parts: Parts,
    sealer: Sealer,
) -> Callable[[RunOutcome], RunReport]:
    """Return what adds the run up, however it ended; what it is compared with is read once."""
    commit = read_commit(run.pack)
    past = None
    if history is not None:
        past = parts.make(
            "The run before this one", partial(last_run, history, run.project, run.environment, run.run_id), otherwise=None
        )

    def add_up(outcome: RunOutcome) -> RunReport:
        proving = partial(
            promote,
            run.promotes_from,
            lines,
            runs=run.runs_of(run.promotes_from.environment) if run.promotes_from else run.run_folder,
            commit=commit,
            now=outcome.ended_at,
            trust=sealer.trust,
            shelf_life=run.shelf_life,
        )
        return report_run(
            run,
            [task_run.task for task_run in task_runs],
            lines,
            outcome,
            past=past,
            commit=commit,
            took_s={one.task.name: one.took_s for one in task_runs if one.took_s is not None},
            promotion=parts.make("What another environment proved", proving, otherwise=NO_PROMOTION),
            signed_by=sealer.standing(outcome.ended_at),
        )

    return add_up


def complete(
    lines: Sequence[EvidenceLine], run: RunFile, task_runs: Sequence[TaskRun], *, torn: Sequence[str]
) -> list[EvidenceLine]:
    """Return the lines with an `error` for each check of the run that none is about. torn: where lines can't be read."""
    found = {line.check for line in lines}
    reason = f"A line of the evidence can't be read: {', '.join(torn)}." if torn else "No result of it was kept."
    missing = [check for one in task_runs for check in one.task.checks if check.id not in found]
    return [*lines, *(error_line(run, check, reason, "run again.") for check in missing)]


def read_notebook(run_folder: Path, task: str) -> NotebookNode | None:
    """Return a task's executed notebook, as the run's folder has it; None without one that can be read."""
    try:
        return nbformat.read(run_folder / f"{task}.ipynb", as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError):
        return None
