"""What a finished run's documents change in its project: read, fitted in, and handed over as one list; nothing is written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path
from typing import Any

from lib.core.errors import ParamsError, TargetError
from lib.core.make_commands import make_command
from lib.core.pack_files import read_file
from lib.core.wording import format_size, format_time
from lib.display.markdown import link_to, relink
from lib.evidence.log import read_evidence
from lib.reporters.documents import runbook
from lib.reporters.documents.marks import LINKS, RESULTS, append_place, fill_place, find_place
from lib.reporters.documents.note import SUMMARY_FILE, append_entry, entry_mark
from lib.reporters.documents.qa_links import FILE as QA_FILE
from lib.tasks.readiness_summary.attachments import FEEDBACK, FOLDER, is_attached, place_of, read_attachments

PLACES = {SUMMARY_FILE: "docs/runbooks/devops_execution_summary.md", QA_FILE: QA_FILE}
"""Where the run has a document -> where the pack has it. The others are fitted in instead."""
LIST_HEADING = "\n## Launch list\n"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One file of the pack as it is (None: not there) and as it would be."""

    path: str
    before: str | None
    after: str
    is_attached: bool = False

    @property
    def diff(self) -> str:
        """The change as a unified diff; of an attached file, how long it is and its sha256: it may be as long as a log."""
        if self.is_attached:
            data = self.after.encode()
            return f"+++ b/{self.path}\n+({format_size(len(data))}, sha256 {hashlib.sha256(data).hexdigest()})"
        old, new = ((self.before or "").splitlines(), self.after.splitlines())
        source = "/dev/null" if self.before is None else f"a/{self.path}"
        return "\n".join(unified_diff(old, new, source, f"b/{self.path}", lineterm=""))


@dataclass(frozen=True, kw_only=True)
class Publication:
    """One run and the project that its documents go to.

    about: the run's manifest. home: where links from a pack to a run hold. direction: the document that the launch list was
    made from, qa_report: QA's own report, both paths in the pack, '' for none. window: when a deploy may happen, as the
    project's settings have it. tried: files of the pack as they would be,
    by path, to look at the same run once more; what is not in it is read from the pack.
    """

    folder: Path
    about: Mapping[str, Any]
    pack: Path
    home: Path
    direction: str = ""
    qa_report: str = ""
    window: Mapping[str, Any] | None = None
    tried: Mapping[str, str] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        return str(self.about["run_id"])

    def read(self, place: str) -> str | None:
        """Return a file of the pack as it is, or as it was tried; None when there is none."""
        return self.tried[place] if place in self.tried else read_text(self.pack, place)

    def lead(self, place: str) -> Callable[[Path], str | None]:
        """Return what gives a file's address as seen from a document of the pack.

        What is attached is kept in the pack itself. A link from outside of `home` would hold on this machine alone: there its
        words stay without it.
        """

        def address(path: Path) -> str | None:
            within = path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else ""
            if is_attached(within):
                return link_to(self.pack / place_of(self.run_id, within), (self.pack / place).parent)
            both_at_home = self.pack.is_relative_to(self.home) and path.is_relative_to(self.home)
            return link_to(path, (self.pack / place).parent) if both_at_home else None

        return address

    def draft(self, source: str, place: str) -> str:
        """Return a document of the run with its links seen from where the pack keeps it."""
        text = read_text(self.folder, source)
        if text is None:
            raise ParamsError(f"{self.folder.name} has no {source}. Fix: Run again.")
        return relink(text, start=(self.folder / source).parent, lead=self.lead(place))


def plan_changes(about: Publication) -> list[Change]:
    """Return each file of the pack that differs from what it would be. Raises ParamsError when one can't take its part."""
    try:
        return [change for change in every_change(about) if change.before != change.after]
    except TargetError as exc:
        raise ParamsError(str(exc)) from exc


def every_change(about: Publication) -> Iterator[Change]:
    """Yield each file of the pack as it is and as it would be."""
    for source, place in PLACES.items():
        yield Change(path=place, before=about.read(place), after=about.draft(source, place))
    for entry in sorted((about.folder / "docs" / FEEDBACK).glob("*.md")):
        yield plan_entry(about, entry.name)
        yield from plan_attached(about, entry.name)
    text = about.read(runbook.FILE)
    if text is not None:
        page = f"`rendered/{'/'.join(about.folder.parts[-3:])}/{runbook.TASK}.html` in the workbook"
        timed = runbook.fill_runbook(text, read_evidence(about.folder), evidence=page)
        told = runbook.fill_window(timed, about.window) if about.window else timed  # another environment's may be told there
        yield Change(path=runbook.FILE, before=text, after=told)
    if about.direction:
        yield plan_direction(about)
    if about.qa_report:
        yield plan_qa_report(about)


def plan_entry(about: Publication, name: str) -> Change:
    """Return the day's file with the run's entry after all that is there."""
    place = f"{FEEDBACK}/{name}"
    before = about.read(place)
    head, mark, rest = about.draft(f"docs/{place}", place).partition(entry_mark(about.run_id))
    return Change(path=place, before=before, after=append_entry(before, mark + rest, head=head, run_id=about.run_id))


def plan_attached(about: Publication, name: str) -> Iterator[Change]:
    """Yield each file that the run's own entry names, as the run has it."""
    entry = read_text(about.folder, f"docs/{FEEDBACK}/{name}") or ""
    for one in read_attachments(entry):
        source = f"artifacts/{one.path.removeprefix(f'{FOLDER}/{about.run_id}/')}"
        text = read_text(about.folder, source)
        if text is None or one.run_id != about.run_id or not is_attached(source):
            raise ParamsError(f"{about.folder.name} has no {source}, which its entry names. Fix: Run again.")
        yield Change(path=one.path, before=about.read(one.path), after=text, is_attached=True)


def plan_direction(about: Publication) -> Change:
    """Return the direction with what each of its tasks came to, between its marks; one without marks stays as it is."""
    text = require_text(about, about.direction, "the document of launch/launch_list.yaml")
    said = [
        f"Run `{about.run_id}`, environment {about.about['environment']}"
        + (f", {format_time(str(about.about['ended_at']))}" if about.about.get("ended_at") else "")
        + f": {about.about.get('verdict', 'no verdict')}.",
        "",
        launch_list_of(about.draft(SUMMARY_FILE, about.direction)),
    ]
    after = fill_place(text, RESULTS, "\n".join(said), path=about.direction)
    return Change(path=about.direction, before=text, after=text if after is None else after)


def lacks_place(about: Publication) -> bool:
    """Return whether the direction has no marks for the results to come between."""
    text = about.read(about.direction) if about.direction else None
    return text is not None and find_place(text, RESULTS, path=about.direction) is None


def launch_list_of(note: str) -> str:
    """Return what the readiness note says of the launch list."""
    return note.partition(LIST_HEADING)[2].partition("\n## ")[0].strip()


def plan_qa_report(about: Publication) -> Change:
    """Return QA's own report with the links between their marks, which are put at its end where it has none."""
    text = require_text(about, about.qa_report, "readiness_summary.documents.qa_report")
    links = about.draft(QA_FILE, about.qa_report)
    command = make_command("publish-docs", ENV=str(about.about["environment"]))
    note = (
        f"Joined from run `{about.run_id}` by `{command}`: the links of `{QA_FILE}`, and nothing else of this file. "
        "To take them out, delete the two comments and what is between them, and clear "
        "`readiness_summary.documents.qa_report` in `launch/project.yaml`."
    )
    content = f"{lower_headings(links).strip()}\n\n{note}"
    after = fill_place(text, LINKS, content, path=about.qa_report)
    about_mark = "filled in by `make publish-docs`, never by hand"
    return Change(
        path=about.qa_report,
        before=text,
        after=append_place(text, LINKS, content, about=about_mark) if after is None else after,
    )


def lower_headings(text: str) -> str:
    """Return Markdown with each heading one level lower, to be part of a document that has a title."""
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in text.splitlines())


def require_text(about: Publication, place: str, said_by: str) -> str:
    """Return a file that the project names. Raises ParamsError when it is not there."""
    text = about.read(place)
    if text is None:
        raise ParamsError(f"{about.pack.name} has no {place}, which is {said_by}. Fix: Write it, or name another.")
    return text


def read_text(base: Path, place: str) -> str | None:
    """Return a file as it is, line ends and all; None when there is none. Raises ParamsError when it can't be kept as it is."""
    path = base / place
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(base)):
        raise ParamsError(f"{place} leads out of {base.name}. Fix: Put a file or folder of its own there.")
    try:
        path.lstat()
        return read_file(path, root=base).decode("utf-8")
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise ParamsError(
            f"{place} of {base.name} can't be read: {exc.strerror}. Fix: Correct that, then publish again."
        ) from exc
    except TargetError as exc:
        raise ParamsError(f"{exc.message} Fix: Correct that in {base.name}, then publish again.") from exc
    except UnicodeDecodeError as exc:
        said = f"{place} of {base.name} is no UTF-8 text, so it could not be kept as it is"
        raise ParamsError(f"{said}. Fix: Save it as UTF-8.") from exc
