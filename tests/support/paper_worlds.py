"""A made-up finished run with its documents, sealed, and a pack for them to be published into."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lib.core.files import point_at, write_whole
from lib.core.paths import ROOT
from lib.core.results import Outcome, Provenance, Result
from lib.evidence.log import EvidenceLine, append_line, keep_artifacts, line_of
from lib.evidence.manifest import load_signer, seal_run
from lib.reporters.documents.draft import draft_documents, files_to_come, write_document
from lib.reporters.documents.runbook import ROWS
from lib.reporters.report import RunReport, report_run
from lib.run.endings import RunOutcome
from lib.run.launch_list import load_launch_list
from lib.run.params import load_params
from lib.run.run_file import RunFile
from lib.tasks.index import TASKS
from lib.tasks.migrations.task import PUSHED_TO_TARGET

AT = datetime(2026, 11, 24, 2, 16, tzinfo=UTC)
PUSH = "$ supabase db push '--remote=postgresql://127.0.0.1/x' --yes\nApplying 20251008103000_idea_pool.sql\nFinished.\n"
RUNBOOK = "# Deployment\n\n<!-- measured: here -->\nNot measured yet.\n<!-- /measured -->\n\n## After\n\nBy hand.\n"


def make_pack(folder: Path) -> Path:
    """Return a pack with nothing but a runbook."""
    pack = folder / "pack"
    write_whole(pack / "docs" / "runbooks" / "production_deployment.md", RUNBOOK)
    return pack


def run_in(home: Path, run_id: str, *, pack: Path) -> RunFile:
    """Return the run file of a run of staging."""
    sections = {name: one.model_dump(mode="json") for name, one in load_params("local", variables={}).sections.items()}
    run_folder = home / "rendered" / pack.name / "staging" / run_id
    run_folder.mkdir(parents=True)
    return RunFile(
        run_id=run_id, environment="staging", project=pack.name, rehearsal=True,
        provenances={"database": Provenance.EMBEDDED}, embedded=("database",),
        tasks=tuple(task.name for task in TASKS), pack=pack, run_folder=run_folder, rendered=home / "rendered", work=home,
        kept=home, events=home / "events.jsonl", spare=home / "unkept.jsonl",
        supabase=Path("x"), squawk=Path("x"), postgres_bin=Path("x"), sections=sections,
        launch_list=load_launch_list(ROOT / "pack"),
    )  # fmt: skip


def all_lines(run: RunFile, said: dict[str, Result], at: datetime) -> list[EvidenceLine]:
    """Return a pass of every check but for those that are said; vendor health and the push of the migrations keep an artifact."""
    kept = keep_artifacts(run.run_folder, "health", {"chatwoot.json": {"service": "chatwoot"}})
    push = keep_artifacts(run.run_folder, "migrations", {"push.txt": PUSH})
    lines = []
    for check in (check for task in TASKS for check in task.checks):
        measured: dict[str, Any] = {"observed": 1.25, "expected": 5, "unit": "s"} if check.id in ROWS else {}
        result = said.get(check.id) or Result(check=check.id, outcome=Outcome.PASS, **measured)
        about = {"run_id": run.run_id, "environment": run.environment, "provenance": Provenance.EMBEDDED, "started_at": at}
        artifacts = kept if check.task == "health" else push if check == PUSHED_TO_TARGET else ()
        lines.append(line_of(result, check, **about, duration_s=1, artifacts=artifacts))  # type: ignore[arg-type]
    return lines


def report_of(run: RunFile, lines: Sequence[EvidenceLine], at: datetime, *, partial: bool = False) -> RunReport:
    """Return the report of a finished run with these lines."""
    outcome = RunOutcome(started_at=at, ended_at=at, finished=True, partial=partial, rehearsed_for=())
    return report_run(run, TASKS, lines, outcome)


def finish_run(
    home: Path, run_id: str, *, pack: Path, said: dict[str, Result] | None = None, at: datetime = AT, partial: bool = False
) -> RunFile:
    """Return a run with evidence, pages of one line, documents and seal."""
    run = run_in(home, run_id, pack=pack)
    lines = all_lines(run, said or {}, at)
    for line in lines:
        append_line(run.run_folder, line)
    report = report_of(run, lines, at, partial=partial)
    for name, text in draft_documents(report).items():
        write_document(report, name, text)
    for path in files_to_come(run, TASKS, ()):
        if not path.exists():
            write_whole(path, '<h2 id="results">x</h2><h2 id="story">y</h2>')
    about = {"run_id": run_id, "environment": "staging", "pack": pack.name, "finished": True, "partial": partial}
    seal_run(run.run_folder, about, load_signer(home / "key.pem"))
    point_at(run.run_folder.parent / "latest", run_id)
    return run


def drafts_of(run: RunFile, said: dict[str, Result]) -> dict[str, str]:
    """Return the documents as they would be for these results."""
    return draft_documents(report_of(run, all_lines(run, said, AT), AT))
