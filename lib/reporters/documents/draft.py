"""What a run leaves to be read outside of its pages: the note, the feedback entry, QA's links, the runbook with its times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC
from pathlib import Path

from lib.core.errors import TargetError
from lib.core.files import write_whole
from lib.core.pack_files import read_text_file
from lib.display.markdown import relink
from lib.evidence.log import FILE as EVIDENCE
from lib.evidence.log import EvidenceLine
from lib.reporters.documents import runbook
from lib.reporters.documents.note import SUMMARY_FILE, day_heading, execution_summary, feedback_entry, feedback_file, page_of
from lib.reporters.documents.qa_links import draft_qa_links
from lib.reporters.report import RunReport
from lib.run.run_file import RunFile
from lib.tasks.base import Task


def draft_documents(report: RunReport) -> dict[str, str]:
    """Return each document's text by its path in the run's folder; nothing is written."""
    ended_at = report.ended_at.astimezone(UTC)
    return {
        SUMMARY_FILE: execution_summary(report),
        f"docs/{feedback_file(ended_at)}": day_heading(ended_at) + feedback_entry(report),
        **draft_qa_links(report.run, now=ended_at),
        **draft_runbook(report.run, report.lines),
    }


def draft_runbook(run: RunFile, lines: Sequence[EvidenceLine]) -> dict[str, str]:
    """Return the pack's deployment runbook with the run's times filled in, when the run measured any.

    Its links to the pack's own files are words there: the run's folder goes elsewhere without the pack. A runbook that can't
    be read, or whose marks are damaged, is left out: its check says why.
    """
    evidence = f"[the rehearsal's page](../{runbook.TASK}.html)"
    try:
        text = read_text_file(run.pack / runbook.FILE, root=run.pack, limit_bytes=runbook.LONGEST_BYTES)
        if runbook.fill_runbook(text, lines, evidence=evidence) == text:
            return {}
        words = relink(text, start=(run.pack / runbook.FILE).parent, lead=lambda _: None)
        window = run.sections[runbook.TASK].get("window")
        words = runbook.fill_window(words, window) if window else words  # another environment's may be told there
        return {runbook.COPY: runbook.fill_runbook(words, lines, evidence=evidence)}
    except TargetError:
        return {}


def write_document(report: RunReport, name: str, text: str) -> None:
    """Put one document into the run's folder. name: its path there."""
    write_whole(report.run.run_folder / name, text)


def files_to_come(run: RunFile, tasks: Iterable[Task], documents: Iterable[str]) -> set[Path]:
    """Return what is written when a run is published: its documents' links may lead there before."""
    names = {"index.html", "manifest.json", EVIDENCE, *(page_of(task) for task in tasks), *documents}
    return {run.run_folder / name for name in names}
