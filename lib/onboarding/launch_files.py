"""The files that init writes into launch/: project.yaml and its schema, rows.sql, confirm.ipynb; what changes, and how."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from lib.core.errors import ParamsError, TargetError
from lib.core.files import write_whole
from lib.core.pack_files import read_file, resolve_inside
from lib.core.visible import plain_line
from lib.core.wording import format_count
from lib.onboarding.confirm_notebook import NOTEBOOK_FILE, spell_notebook
from lib.onboarding.expectations import ROWS_FILE
from lib.onboarding.merge import merge_document, read_existing
from lib.onboarding.wanted import Wanted
from lib.run.schemas import describe_layers

FOLDER = "launch"
PROJECT_FILE = "launch/project.yaml"
SCHEMA_FILE = "launch/project.schema.json"
LONGEST_DIFF = 400
"""Lines of a diff that are shown; the file itself has all."""
ROWS_DIFFER = f"{ROWS_FILE} is not what would be made up today; it was left as it is."
OURS = "-- Rows that `make init` made up"
"""How rows.sql begins: a file that begins otherwise is a person's."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One file as it is (None: not there) and as it would be (None: removed)."""

    path: str
    before: str | None
    after: str | None

    @property
    def diff(self) -> str:
        """The change as a unified diff, its middle left out when it is very long."""
        old, new = ((self.before or "").splitlines(), (self.after or "").splitlines())
        source = "/dev/null" if self.before is None else f"a/{self.path}"
        target = "/dev/null" if self.after is None else f"b/{self.path}"
        lines = [*unified_diff(old, new, source, target, lineterm="")]
        more = len(lines) - LONGEST_DIFF
        return "\n".join(lines if more <= 0 else [*lines[:LONGEST_DIFF], f"... and {format_count(more, 'more line')}"])


@dataclass(frozen=True, kw_only=True)
class LaunchPlan:
    """What would be written. differences: a sentence for each line of a person's that differs from what is seen."""

    changes: tuple[Change, ...]
    differences: tuple[str, ...]
    is_first: bool
    project_text: str


def write_launch(pack: Path, wanted: Wanted, *, rows: str, day: str, is_dry: bool = False) -> LaunchPlan:
    """Bring <pack>/launch/ to what is wanted, and return what was changed; nothing is written when nothing changed.

    rows: the SQL of rows.sql, '' for none. day: such as 2026-11-26. is_dry: nothing is written.
    Raises ParamsError, before anything is written, when a file there can't be read or changed.
    """
    plan = plan_launch(pack, wanted, rows=rows, day=day)
    if not is_dry:
        write_plan(pack, plan)
    return plan


def write_plan(pack: Path, plan: LaunchPlan) -> None:
    """Write what was planned, each file in one step. Raises ParamsError when the project does not take it."""
    for change in plan.changes:
        put(pack, change)


def plan_launch(pack: Path, wanted: Wanted, *, rows: str, day: str) -> LaunchPlan:
    """Return what `write_launch` would write."""
    before = read_text(pack, PROJECT_FILE)
    merged = merge_document(before, wanted, day=day, file=PROJECT_FILE)
    changes = [Change(path=PROJECT_FILE, before=before, after=merged.text)]
    kept = read_text(pack, ROWS_FILE)
    follows = bool(rows or kept) and is_unconfirmed(merged.text) and (kept is None or is_ours(kept))
    changes += plan_rows(kept, rows, follows=follows, is_unseen=bool(wanted.unseen))
    if read_text(pack, NOTEBOOK_FILE) is None:
        changes.append(Change(path=NOTEBOOK_FILE, before=None, after=spell_notebook(wanted.name)))
    changes.append(Change(path=SCHEMA_FILE, before=read_text(pack, SCHEMA_FILE), after=spell_schema()))
    is_other = bool(rows) and kept is not None and not follows and kept != spell_rows(rows)
    differences = [*merged.differences, *([ROWS_DIFFER] if is_other else [])]
    return LaunchPlan(
        changes=tuple(one for one in changes if one.before != one.after),
        differences=tuple(differences),
        is_first=before is None,
        project_text=merged.text,
    )


def spell_schema() -> str:
    """Return the schema of project.yaml, by which editors complete and check it."""
    return json.dumps(describe_layers()["project"], indent=1, ensure_ascii=False) + "\n"


def plan_rows(kept: str | None, rows: str, *, follows: bool, is_unseen: bool) -> Iterator[Change]:
    """Yield what becomes of rows.sql. follows: its line in project.yaml is unconfirmed or gone, and no person wrote it."""
    if rows and (kept is None or follows):
        yield Change(path=ROWS_FILE, before=kept, after=spell_rows(rows))
    elif not rows and kept is not None and follows and not is_unseen:
        yield Change(path=ROWS_FILE, before=kept, after=None)


def is_unconfirmed(project: str) -> bool:
    """Return whether no person's line of project.yaml names rows.sql."""
    entry = read_existing(project.replace("\r\n", "\n"), PROJECT_FILE).entries.get(("seed", "rehearsal_rows"))
    return entry is None or entry.is_marked


def is_ours(text: str) -> bool:
    return text.startswith(OURS)


def spell_rows(rows: str) -> str:
    """Return the content of rows.sql."""
    head = f"{OURS}, so that every rule of the matrix can be told from the others.\n-- Never applied to a target.\n"
    return f"{head}\n{rows.strip()}\n"


def read_text(pack: Path, name: str) -> str | None:
    """Return a file as it is, None when it is not there. Raises ParamsError when it can't be kept as it is."""
    path = pack / name
    try:
        if os.path.lexists(pack / FOLDER) and resolve_inside(pack / FOLDER, pack).is_dir() is False:
            raise ParamsError(f"{FOLDER} in {plain_line(pack.name)} is not a folder. Fix: Rename that file.")
        if not os.path.lexists(path):
            return None
        return read_file(path, root=pack).decode("utf-8")
    except TargetError as exc:
        raise ParamsError(f"{exc.message} Fix: {' '.join(exc.fix)}") from exc
    except UnicodeDecodeError as exc:
        raise ParamsError(f"{name} is not UTF-8 text. Fix: Save it as UTF-8.") from exc
    except OSError as exc:
        raise ParamsError(f"{name} can't be read: {exc.strerror}. Fix: Correct its permissions.") from exc


def put(pack: Path, change: Change) -> None:
    """Write or remove one file in one step. Raises ParamsError when the project does not take it."""
    path = pack / change.path
    try:
        if change.after is None:
            path.unlink()
        else:
            write_whole(path, change.after, mode=path.stat().st_mode & 0o777 if path.exists() else 0o644)
    except OSError as exc:
        raise ParamsError(
            f"{change.path} can't be written into {plain_line(pack.name)}: {exc.strerror}. Fix: Make that folder writable."
        ) from exc
