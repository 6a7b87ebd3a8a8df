"""Executed notebooks and evidence as self-contained pages: no request, one script of ours, every string escaped."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment
from markupsafe import Markup
from nbconvert.exporters import TemplateExporter
from nbformat import NotebookNode, from_dict
from traitlets import default

from lib.core import wording
from lib.core.redact import redact
from lib.core.results import Json, Outcome, count_outcomes
from lib.core.verdict import Verdict
from lib.display.fold import WHOLE, fold_text
from lib.reporters.html.compiled_templates import CompiledTemplates
from lib.reporters.html.model import CheckRow, FaultsPage, PageHeader, RunSummary
from lib.reporters.html.notebook import read_story

TEMPLATES = Path(__file__).parent / "templates"
VERDICT_LOOKS = {
    Verdict.GO: "pass",
    Verdict.REHEARSED: "rehearsed",
    Verdict.PARTIAL: "rehearsed",
    Verdict.BLOCKED: "error",
    Verdict.NO_GO: "fail",
}
"""Verdict -> the class that gives it its colour. Green is for GO alone."""
NO_NOTEBOOK: NotebookNode = from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []})
"""What the exporter is handed: the story reaches the template read and cleaned."""
NEEDS_PERSON = (Outcome.FAIL, Outcome.ERROR)
LONGEST_READ = 700
"""Characters of a finding that are shown at once; the rest opens."""
MOST_FILES = 200
"""Files listed on the summary; the manifest names them all."""


class PageExporter(TemplateExporter):
    """nbconvert's exporter with our own template, and with autoescaping on, which nbconvert leaves off.

    Not its HTMLExporter, which writes the whole page twice and knows the addresses of CDNs.
    """

    output_mimetype = "text/html"

    @default("file_extension")
    def _page_extension(self) -> str:
        return ".html"

    @default("template_extension")
    def _source_extension(self) -> str:
        return ".html.j2"

    def _create_environment(self) -> Environment:
        environment: Environment = super()._create_environment()  # type: ignore[no-untyped-call]
        environment.autoescape = True
        environment.bytecode_cache = CompiledTemplates()
        environment.trim_blocks = environment.lstrip_blocks = True
        environment.filters.update(FILTERS)
        return environment


@cache
def exporter(page: str) -> PageExporter:
    """Return the exporter of one kind of page: `task`, `summary` or `faults`."""
    return PageExporter(  # type: ignore[no-untyped-call]
        extra_template_basedirs=[str(TEMPLATES.parent)], template_name=TEMPLATES.name, template_file=f"{page}.html.j2"
    )


def render_task_page(notebook: NotebookNode | None, header: PageHeader) -> str:
    """Return one task's page: its results first, then the notebook's story.

    notebook: as executed; None when it never started, then the page has the results alone.
    """
    return render("task", notebook, header, {})


def render_index(notebook: NotebookNode | None, summary: RunSummary) -> str:
    """Return the run's summary page: verdict, what stands in the way, tasks, changes, then the notebook.

    notebook: 99_readiness_summary as executed; the page is whole without it.
    """
    unsettled = sort_rows(row for row in summary.header.checks if row.outcome in NEEDS_PERSON)
    more = {
        "summary": summary,
        "obstacles": gather_alike(row for row in unsettled if row.gate),
        "advice": gather_alike(row for row in unsettled if not row.gate),
        "untried": gather_alike(row for row in summary.header.checks if row.check in summary.untried),
        "files": summary.files[:MOST_FILES],
        "files_left_out": max(0, len(summary.files) - MOST_FILES),
        "pages": {row.task: row.page for row in summary.tasks},
    }
    return render("summary", notebook, summary.header, more)


def render_faults(header: PageHeader, faults: FaultsPage) -> str:
    """Return the page that says what each green is worth."""
    return render("faults", None, header, {"faults": faults})


def render_over_runs(page: str, **facts: Any) -> str:
    """Return a page over runs: `overview`, `environment` or `comparison`, with what its template names."""
    return write_out(page, facts)


def render(page: str, notebook: NotebookNode | None, header: PageHeader, more: Mapping[str, Any]) -> str:
    """Return one page of the given kind."""
    story = read_story(NO_NOTEBOOK if notebook is None else notebook, has_results=page == "task")
    resources = {
        "header": header,
        "story": story,
        "title": header.title or story.title or header.task,
        "results": [(row,) for row in sort_rows(header.checks)],
        "counts": count_outcomes(row.outcome for row in header.checks),
        "gates": header.gates or count_outcomes(row.outcome for row in header.checks if row.gate),
        "advisories": count_outcomes(row.outcome for row in header.checks if not row.gate),
        "look": VERDICT_LOOKS[header.verdict],
        "sentence": header.sentence,
        "rehearsal": wording.rehearsal_sentence(header.environment) if header.rehearsed else "",
        "outcomes": wording.WORST_FIRST,
        "is_red": any(row.outcome in NEEDS_PERSON for row in header.checks),
        "verify": f"make verify RUN={header.run_id}",
        **more,
    }
    return write_out(page, resources)


def write_out(page: str, facts: Mapping[str, Any]) -> str:
    """Return a page of the given kind, with the style and the script that each has."""
    resources = {
        **facts,
        "style": Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),
        "script": Markup(script()),
        "script_hash": hash_of(script()),
    }
    text, _ = exporter(page).from_notebook_node(NO_NOTEBOOK, {"page": resources})
    return "\n".join(line for line in text.splitlines() if line.strip()) + "\n"


@cache
def script() -> str:
    """Return the one script that a page may run; a page reads the same without it."""
    return (TEMPLATES / "page.js").read_text(encoding="utf-8").strip()


def hash_of(source: str) -> str:
    """Return a script's hash as a content security policy names it: no other script runs on the page."""
    return f"sha256-{b64encode(sha256(source.encode()).digest()).decode()}"


def sort_rows(rows: Iterable[CheckRow]) -> list[CheckRow]:
    """Return rows with what needs a person first, its gates before its advisories, else in the order given."""

    def place(row: CheckRow) -> tuple[bool, bool, int]:
        needs_person = row.outcome in NEEDS_PERSON
        return not needs_person, needs_person and not row.gate, wording.WORST_FIRST.index(row.outcome)

    return sorted(rows, key=place)


def gather_alike(rows: Iterable[CheckRow]) -> list[tuple[CheckRow, ...]]:
    """Return rows in the order given, those of one task that are undetermined for the same reason as one group.

    One cause that stops a whole task is then shown once, with all that waits for it.
    """
    groups: dict[object, list[CheckRow]] = {}
    for row in rows:
        alone = row.outcome not in (Outcome.ERROR, Outcome.SKIP) or not row.detail
        groups.setdefault(object() if alone else (row.task, row.gate, row.detail, row.fix), []).append(row)
    return [tuple(group) for group in groups.values()]


def clean_text(text: Json, limit: int = wording.LONGEST_TEXT) -> str:
    """Return any text as a page may show it; None is ''."""
    return wording.plain_text("" if text is None else str(text), limit=limit)


def place_href(path: str) -> str:
    """Return a place on a page of the run as a relative link."""
    page, mark, place = path.partition("#")
    return file_href(page) + (f"#{anchor(place)}" if mark else "")


def brief(text: Json, limit: int) -> str:
    """Return the start of a text, up to a word's end: what is linked beside it has the whole."""
    clean = " ".join(clean_text(text).split())
    return clean if len(clean) <= limit else f"{clean[:limit].rsplit(None, 1)[0].rstrip(',;:.')} …"


def near_href(path: str) -> str:
    """Return a page of another run as a relative link; '#' for a path that is not one of ours."""
    steps = redact(path[:400]).split("/")
    up = len(steps) - len([step for step in steps if step != ".."])
    is_ours = up <= 2 and steps[:up] == [".."] * up and all(steps) and not path.startswith(("/", "\\"))
    return f"./{'/'.join(quote(step) for step in steps)}" if is_ours else "#"


def own_place_href(place: str) -> str:
    """Return a place on the page itself as a link."""
    return f"#{anchor(place)}"


def anchor(name: str) -> str:
    """Return the name by which a check or a run is linked to."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", clean_text(name, limit=120))


def fold(text: Json, limit: int = LONGEST_READ) -> Markup:
    """Return a text as a page shows it: all of it, or its head, which opens the whole."""
    return Markup(fold_text("" if text is None else str(text), limit))


def fold_value(value: Json, unit: str | None = None) -> Markup:
    """Return a value with its unit as a page shows it: all of it, or its head, which opens the whole."""
    whole = wording.format_value(value, unit, limit=WHOLE)
    return Markup(fold_text(whole, wording.LONGEST_VALUE))


def short_commit(commit: str) -> str:
    """Return the start of a commit's name, with its mark when there were changes since."""
    name = clean_text(commit, limit=64)
    return f"{name[:12]}{'+' if name.endswith('+') else ''}" if len(name) > 13 else name


def file_href(path: str) -> str:
    """Return a file of the run as a relative link; '#' for a path that would lead out of the run folder."""
    clean = redact(path[:300])  # hidden characters stay, as percent escapes: the link leads to the file that is there
    is_inside = clean and not clean.startswith(("/", "\\")) and ".." not in clean.split("/")
    return f"./{quote(clean)}" if is_inside else "#"


FILTERS: dict[str, Callable[..., Any]] = {
    "clean": clean_text,
    "value": fold_value,
    "fold": fold,
    "brief": brief,
    "anchor": anchor,
    "own_place": own_place_href,
    "near": near_href,
    "duration": wording.format_duration,
    "size": wording.format_size,
    "time": wording.format_time,
    "number": wording.format_count,
    "counts": wording.format_counts,
    "word": wording.outcome_word,
    "provenance": wording.provenance_words,
    "gate": wording.gate_word,
    "href": file_href,
    "place": place_href,
    "skip_word": wording.skip_word,
    "state_look": wording.STATE_LOOKS.__getitem__,
    "commit": short_commit,
}
"""What the templates call: words come from the one formatter."""
