"""`make publish-docs`: what a run drafted, brought to where the pack keeps it. A dry run unless APPLY=1.

Only a whole, finished run whose seal holds is published. The same run published twice changes nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

from lib.cli.named_run import find_run
from lib.core.errors import ParamsError, TargetError
from lib.core.files import write_whole
from lib.core.make_commands import make_command, pack_word
from lib.core.pack_files import is_folder, read_file
from lib.core.paths import ROOT
from lib.core.visible import plain_line, say
from lib.core.wording import format_count
from lib.display.markdown import link_to, relink
from lib.evidence.log import read_evidence
from lib.evidence.manifest import MANIFEST, verify_run
from lib.reporters.documents import runbook
from lib.reporters.documents.note import FEEDBACK, SUMMARY_FILE, append_entry, entry_mark
from lib.reporters.documents.qa_links import FILE as QA_FILE
from lib.run.params import is_apply
from lib.run.project import find_project

PLACES = {SUMMARY_FILE: "docs/runbooks/devops_execution_summary.md", QA_FILE: QA_FILE}
"""Where the run has a document -> where the pack has it. The runbook and the feedback entry are fitted in instead."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One file of the pack as it is (None: not there) and as it would be."""

    path: str
    before: str | None
    after: str

    @property
    def diff(self) -> str:
        """The change as a unified diff."""
        old, new = ((self.before or "").splitlines(), self.after.splitlines())
        source = "/dev/null" if self.before is None else f"a/{self.path}"
        return "\n".join(unified_diff(old, new, source, f"b/{self.path}", lineterm=""))


def publish_docs(environment: str, *, pack: Path, run: str = "", rendered: Path = ROOT / "rendered", home: Path = ROOT) -> int:
    """Show what the run's documents change in the pack, write it if APPLY=1, and return the exit code 0.

    run: a run's folder or id; '' is the environment's newest whole one. home: where links from a pack to a run hold.
    Raises ParamsError, before anything is written, when there is no such run, or the pack can't take its documents.
    """
    folder = find_run(run) if run.strip() else newest_whole_run(rendered / find_project(rendered, pack) / environment, pack)
    about = read_about(folder)
    require_publishable(folder, about, environment, pack)
    changes = [change for change in plan_changes(folder, about, pack, home) if change.before != change.after]
    if not changes:
        say(f"Nothing to write: {plain_line(pack.name)} has all that {plain_line(folder.name)} says.")
        return 0
    say("\n".join(change.diff for change in changes))
    named = format_count(len(changes), "file")
    if not is_apply():
        say(f"Dry run: nothing was written. APPLY=1 writes {named}, from {plain_line(folder.name)}.")
        return 0
    for change in changes:
        write_change(pack, change)
    say(f"{named} written into {plain_line(pack.name)}, from {plain_line(folder.name)}.")
    return 0


def newest_whole_run(folder: Path, pack: Path) -> Path:
    """Return the newest finished run of every task. pack: the project whose runs they are. Raises ParamsError for none."""
    for path in sorted((path for path in folder.glob("*Z-*") if path.is_dir()), reverse=True):
        about = json.loads((path / MANIFEST).read_text(encoding="utf-8")) if (path / MANIFEST).is_file() else {}
        if about.get("finished") and not about.get("partial"):
            return path
    command = make_command("readiness", ENV=folder.name, PACK=pack_word(pack))
    raise ParamsError(f"There is no whole finished run of {folder.name} to publish. Fix: Run `{command}`, without ONLY.")


def read_about(folder: Path) -> dict[str, Any]:
    """Return what a run's manifest says of it. Raises ParamsError when there is none."""
    try:
        return dict(json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError) as exc:
        raise ParamsError(f"{folder.name} has no manifest that can be read. Fix: Run again, or name another run.") from exc


def require_publishable(folder: Path, about: Mapping[str, Any], environment: str, pack: Path) -> None:
    """Let only a sealed run of this environment and pack through, to a pack with docs. Raises ParamsError saying why not."""
    problems = verify_run(folder).problems
    if problems:
        raise ParamsError(f"{folder.name} does not verify: {problems[0]} Fix: Run again; nothing was published.")
    for word, said, asked in (("environment", about["environment"], environment), ("pack", about["pack"], pack.name)):
        if said != asked:
            raise ParamsError(f"{folder.name} is of the {word} {said}, not of {asked}. Fix: Name a run of {asked}.")
    if not is_folder(pack / "docs"):
        raise ParamsError(f"The pack {pack.name} has no folder docs to publish into. Fix: Make it, or correct PACK.")


def plan_changes(folder: Path, about: Mapping[str, Any], pack: Path, home: Path) -> Iterator[Change]:
    """Yield each file of the pack as it is and as it would be."""
    for source, place in PLACES.items():
        yield Change(path=place, before=read_text(pack, place), after=led_anew(folder, source, pack, place, home))
    for entry in sorted((folder / "docs" / FEEDBACK).glob("*.md")):
        yield plan_entry(folder, entry, about, pack, home)
    text = read_text(pack, runbook.FILE)
    if text is not None:
        place = "/".join(folder.parts[-3:])
        page = f"`rendered/{place}/{runbook.TASK}.html` in the workbook"
        yield Change(path=runbook.FILE, before=text, after=runbook.fill_runbook(text, read_evidence(folder), evidence=page))


def plan_entry(folder: Path, path: Path, about: Mapping[str, Any], pack: Path, home: Path) -> Change:
    """Return the day's file with the run's entry after all that is there."""
    place = f"{FEEDBACK}/{path.name}"
    before = read_text(pack, place)
    text = led_anew(folder, f"docs/{place}", pack, place, home)
    head, mark, rest = text.partition(entry_mark(str(about["run_id"])))
    return Change(path=place, before=before, after=append_entry(before, mark + rest, head=head, run_id=str(about["run_id"])))


def led_anew(folder: Path, source: str, pack: Path, place: str, home: Path) -> str:
    """Return a document of the run with its links seen from where the pack keeps it.

    A link from outside of `home` would hold on this machine alone: there its words stay without it.
    """

    def lead(path: Path) -> str | None:
        both_at_home = pack.is_relative_to(home) and path.is_relative_to(home)
        return link_to(path, (pack / place).parent) if both_at_home else None

    text = read_text(folder, source)
    if text is None:
        raise ParamsError(f"{folder.name} has no {source}. Fix: Run again.")
    return relink(text, start=(folder / source).parent, lead=lead)


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


def write_change(pack: Path, change: Change) -> None:
    """Put one file into the pack in one step, its mode as it was. Raises ParamsError when the pack does not take it."""
    path = pack / change.path
    try:
        write_whole(path, change.after, mode=path.stat().st_mode & 0o777 if path.exists() else 0o644)
    except OSError as exc:
        raise ParamsError(
            f"{change.path} can't be written into {pack.name}: {exc.strerror}. Fix: Make the pack writable, then publish again."
        ) from exc
