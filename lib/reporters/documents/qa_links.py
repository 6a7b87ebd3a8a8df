"""QA's daily report: links to the newest evidence of the vendors' health, its result and its age.

A run that did not look at them links to the newest one that did; evidence older than params allow is
shown as stale, and none at all as missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lib.core.files import write_whole
from lib.core.make_commands import make_command, pack_word
from lib.core.results import Outcome
from lib.core.wording import format_duration, format_time, outcome_symbol, outcome_word
from lib.display.markdown import link_to, plain
from lib.evidence.log import EvidenceLine, read_evidence
from lib.evidence.manifest import ENVELOPE
from lib.reporters.summary import standing_out
from lib.run.run_file import RunFile
from lib.tasks.index import every_check

TASK = "health"
FILE = "docs/qa_daily_links.md"
DATA_FILE = "docs/qa_daily_links.json"
MOST_RUNS = 200
"""Folders looked into for the newest evidence: more than half a year of nights."""


def write_qa_links(run: RunFile, *, now: datetime) -> None:
    """Put QA's links into the run's docs, as Markdown and as JSON beside it."""
    for name, text in draft_qa_links(run, now=now).items():
        write_whole(run.run_folder / name, text)


def draft_qa_links(run: RunFile, *, now: datetime) -> dict[str, str]:
    """Return QA's links as Markdown and as JSON, by their paths in the run's folder."""
    newest = newest_health(run.run_folder)
    stale_after_h = float(run.sections[TASK]["stale_after_h"])
    rows = link_rows(*newest, run.run_folder / "docs", now=now, stale_after_h=stale_after_h) if newest else []
    about = {
        "environment": run.environment,
        "written_at": now.isoformat(timespec="seconds"),
        "stale_after_h": stale_after_h,
        "run_id": newest[0].name if newest else None,
        "is_stale": not rows or any(row["is_stale"] for row in rows),
        "links": rows,
    }
    command = make_command("health", ENV=run.environment, PACK=pack_word(run.pack))
    return {
        DATA_FILE: json.dumps(about, indent=2, ensure_ascii=False) + "\n",
        FILE: write_markdown(about, newest[1] if newest else [], command),
    }


def newest_health(run_folder: Path) -> tuple[Path, list[EvidenceLine]] | None:
    """Return the newest run of the environment that looked at the vendors, this one first, with what it found.

    A run that was killed has no page to link to: only sealed ones count.
    """
    others = sorted((path for path in run_folder.parent.glob("*Z-*") if (path / ENVELOPE).is_file()), reverse=True)
    for folder in (run_folder, *others[:MOST_RUNS]):
        lines = health_lines(folder)
        if any(line.duration_s or line.artifacts for line in lines):
            return folder, lines  # else the task was blocked before it looked
    return None


def health_lines(folder: Path) -> list[EvidenceLine]:
    """Return what one run found about the vendors."""
    checks = every_check()
    return [line for line in read_evidence(folder) if line.task == TASK and line.check in checks]


def link_rows(
    folder: Path, lines: Sequence[EvidenceLine], docs: Path, *, now: datetime, stale_after_h: float
) -> list[dict[str, Any]]:
    """Return one row for each check: its result, when it was looked at, its age, and links from the docs folder."""
    titles = every_check()
    rows = []
    for line in lines:
        age = now - line.started_at
        kept = [folder / one.path for one in line.artifacts]
        rows.append(
            {
                "check": line.check,
                "title": titles[line.check].title,
                "result": line.result.value,
                "provenance": line.provenance.value,
                "looked_at": line.started_at.astimezone(UTC).isoformat(timespec="seconds"),
                "age_s": round(age.total_seconds()),
                "is_stale": age > timedelta(hours=stale_after_h),
                "page": link_to(folder / f"{TASK}.html", docs),
                "artifacts": [link_to(path, docs) for path in kept],
            }
        )
    return rows


def write_markdown(about: dict[str, Any], lines: Sequence[EvidenceLine], command: str) -> str:
    """Return the links as Markdown, ready for the daily report. command: what looks at the vendors."""
    parts = [f"# Vendor health of {plain(about['environment'])}: links for QA"]
    if not about["links"]:
        parts.append(f"**MISSING.** No run of this environment has looked at Chatwoot and Publer. Fix: `{plain(command)}`.")
        return "\n\n".join(parts) + "\n"
    oldest = max(row["age_s"] for row in about["links"])
    if about["is_stale"]:
        parts.append(
            f"**STALE.** The newest evidence is {format_duration(oldest)} old, more than {about['stale_after_h']:g} h: "
            "it says nothing about today. Fix: See why the nightly run did not come."
        )
    parts.append(f"Evidence of run `{about['run_id']}`, {format_duration(oldest)} old on {format_time(about['written_at'])}.")
    parts.append("\n".join(table_lines(about["links"])))
    bad = [f"- {plain(line.check)}: {plain(line.detail)}" for line in standing_out(lines)]
    if bad:
        parts += ["## What failed", "\n".join(bad)]
    return "\n\n".join(parts) + "\n"


def table_lines(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the table: a line a check."""
    yield "| check | result | age | provenance | evidence |"
    yield "| --- | --- | --- | --- | --- |"
    for row in rows:
        outcome = Outcome(row["result"])
        links = " · ".join(f"[{Path(address).name}]({address})" for address in row["artifacts"]) or f"[page]({row['page']})"
        age = f"{format_duration(row['age_s'])}{' **stale**' if row['is_stale'] else ''}"
        shown = f"{outcome_symbol(outcome)} {outcome_word(outcome)}"
        yield f"| [{plain(row['title'])}]({row['page']}) | {shown} | {age} | {row['provenance']} | {links} |"
