"""What init tells at the end: what was found, what looks dangerous, what to decide, what next. Every line fits a terminal."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from lib.core.make_commands import make_command
from lib.core.visible import plain_line
from lib.core.wording import format_count, join_words, name_some
from lib.onboarding.observed import Finding, ObservedDatabase
from lib.onboarding.project_files import ProjectFiles
from lib.onboarding.unconfirmed import QUESTION_SECTION, Unconfirmed

WIDTH = 80
MOST_TOLD = 12
"""Dangers, problems or differences that are told one by one; the file has all questions."""


def format_report(
    files: ProjectFiles,
    observed: ObservedDatabase | None,
    *,
    problems: Sequence[str],
    waiting: Sequence[Unconfirmed],
    differences: Sequence[str],
    pack: str,
) -> list[str]:
    """Return the report's lines. problems: what could not be read or tried. pack: as the user named the project."""
    dangers = [one for one in (observed.findings if observed else ()) if one.danger]
    none = "Nothing looks dangerous" + (" of what could be read and tried." if problems else ".")
    return [
        *(tell("Looks dangerous", numbered(spell(one) for one in dangers)) if dangers else ["", none]),
        *tell("Found", wrapped(format_found(files, observed))),
        *tell("Could not be read or tried", wrapped(problems)),
        *tell("Confirmed lines that differ from what is seen today", wrapped(differences)),
        *tell(f"To decide: {format_count(len(waiting), 'line')}", format_waiting(waiting)),
        *tell("Next", format_next(pack, len(waiting))),
    ]


def spell(finding: Finding) -> str:
    return finding.question if finding.place in finding.question else f"{finding.place}: {finding.question}"


def tell(title: str, lines: Sequence[str]) -> list[str]:
    """Return a part of the report with its title; nothing of a part that is empty."""
    return ["", title, *lines] if lines else []


def numbered(texts: Iterable[str]) -> list[str]:
    """Return sentences as a numbered list, the first ones in full."""
    every = list(texts)
    lines = [line for number, text in enumerate(every[:MOST_TOLD], start=1) for line in wrap(text, f"{number:>3}. ")]
    return [*lines, *rest_of(every)]


def wrapped(texts: Sequence[str]) -> list[str]:
    """Return sentences as a list, the first ones in full."""
    return [*(line for text in texts[:MOST_TOLD] for line in wrap(text, "  - ")), *rest_of(texts)]


def rest_of(texts: Sequence[str]) -> list[str]:
    return [f"  and {len(texts) - MOST_TOLD:,} more, in launch/project.yaml"] if len(texts) > MOST_TOLD else []


def wrap(text: str, head: str) -> list[str]:
    """Return a sentence on lines of at most WIDTH columns, behind its bullet."""
    return textwrap.wrap(plain_line(text), WIDTH, initial_indent=head, subsequent_indent=" " * len(head))


def format_found(files: ProjectFiles, observed: ObservedDatabase | None) -> list[str]:
    """Return what was found, one line a kind; what is not there is told by its absence in not_applicable."""
    return [one for one in (*found_database(files, observed), *found_files(files)) if one]


def found_database(files: ProjectFiles, observed: ObservedDatabase | None) -> Iterator[str]:
    """Yield what was found of the database."""
    if files.supabase is None:
        if files.elsewhere:
            yield f"No supabase folder here, but in {name_some(files.elsewhere)}: name that folder as PACK to try its database."
        return
    one = files.supabase
    major = f", for PostgreSQL {one.major}" if one.major else ""
    yield f"Supabase: {format_count(one.migrations, 'migration')}, {format_count(one.tests, 'test file')}{major}"
    if one.seeds:
        rows = sum(observed.seed_counts.values()) if observed else 0
        tables = format_count(len(observed.seed_counts), "table") if observed else ""
        yield f"Seed: {name_some(one.seeds)}" + (f": {format_count(rows, 'row')} in {tables}" if rows else "")
    if observed:
        people = format_count(len(observed.identities), "identity", "identities")
        yield f"Access: {format_count(len(observed.matrix), 'table')}, every verb tried as {people}"


def found_files(files: ProjectFiles) -> Iterator[str]:
    """Yield what was found of everything else."""
    if files.fly:
        yield f"Fly.io: {join_words([f'{one.app} ({one.file})' for one in files.fly[:4]])}"
    if files.alerts:
        yield f"Alerts: {files.alerts.rules}, {format_count(len(files.alerts.thresholds), 'threshold')}"
    if files.commands:
        yield f"Commands: {join_words(files.commands)}"
    if files.workflows:
        yield f"GitHub: {format_count(len(files.workflows), 'workflow')}"
    if files.credentials.names or files.credentials.vault:
        vault = f"vault in {files.credentials.vault}" if files.credentials.vault else "no vault folder"
        yield f"Credentials: {format_count(len(files.credentials.names), 'name')} in the files, {vault}"
    for word, names in (("Runbooks", files.runbooks), ("Direction", files.directions)):
        if names:
            yield f"{word}: {name_some(names, most=2)}"


def format_waiting(waiting: Sequence[Unconfirmed]) -> list[str]:
    """Return how many lines of each section wait."""
    counts = Counter(one.top for one in waiting)
    names = sorted(counts, key=lambda one: (one != QUESTION_SECTION, one))
    return [f"  {counts[name]:>5}  {name}" for name in names]


def format_next(pack: str, waiting: int) -> list[str]:
    """Return the commands to type next."""
    confirm = [f"  {make_command('confirm', PACK=pack)}", "      asks about each of these lines, one key each"] if waiting else []
    return [
        *confirm,
        f"  {make_command('readiness', ENV='local', PACK=pack)}",
        "      gives the first verdict; PARTIAL at most while a line waits" if waiting else "      gives the first verdict",
    ]
