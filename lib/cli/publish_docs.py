"""`make publish-docs`: what a run drafted, brought to where the pack keeps it. A dry run unless APPLY=1.

Only a whole, finished run whose seal holds is published. The same run published twice changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lib.cli.named_run import find_run
from lib.cli.verify import Trust, signed_at
from lib.core.all_or_none import write_together
from lib.core.errors import ParamsError
from lib.core.launch_items import FILE as LAUNCH_LIST
from lib.core.make_commands import make_command, pack_word
from lib.core.pack_files import is_folder
from lib.core.paths import ROOT
from lib.core.visible import plain_line, say
from lib.core.wording import format_count, name_some
from lib.evidence.manifest import MANIFEST, verify_run
from lib.reporters.documents.marks import RESULTS
from lib.reporters.documents.publication import Change, Publication, lacks_place, plan_changes
from lib.run.layers import read_project, read_yaml
from lib.run.params import is_apply
from lib.run.project import find_project
from lib.run.signing import own_keys
from lib.run.trusted_keys import read_trusted_keys

QA_REPORT, WINDOW = ("readiness_summary", "documents", "qa_report"), ("deploy_rehearsal", "window")
"""Where the project's settings name QA's own report, and say when a deploy may happen."""


def publish_docs(environment: str, *, pack: Path, run: str = "", rendered: Path = ROOT / "rendered", home: Path = ROOT) -> int:
    """Show what the run's documents change in the pack, write it if APPLY=1, and return the exit code 0.

    run: a run's folder or id; '' is the environment's newest whole one. home: where links from a pack to a run hold.
    Raises ParamsError, before anything is written, when there is no such run, or the pack can't take its documents.
    """
    folder = find_run(run) if run.strip() else newest_whole_run(rendered / find_project(rendered, pack) / environment, pack)
    about = read_about(folder)
    require_publishable(folder, about, environment, pack)
    publication = Publication(
        folder=folder,
        about=about,
        pack=pack,
        home=home,
        direction=name_file(read_direction(pack), LAUNCH_LIST),
        qa_report=name_file(read_setting(environment, pack, QA_REPORT), ".".join(QA_REPORT)),
        window=read_window(environment, pack),
    )
    changes = plan_changes(publication)
    require_settled(publication, changes)
    if lacks_place(publication):
        say(plain_line(f"{publication.direction} gets no results: it has no lines <!-- {RESULTS} --> and <!-- /{RESULTS} -->."))
    if not changes:
        say(f"Nothing to write: {plain_line(pack.name)} has all that {plain_line(folder.name)} says.")
        return 0
    say("\n".join(change.diff for change in changes))
    named = format_count(len(changes), "file")
    if not is_apply():
        say(f"Dry run: nothing was written. APPLY=1 writes {named}, from {plain_line(folder.name)}.")
        return 0
    write_changes(pack, changes)
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
    seal = verify_run(folder)
    if seal.problems:
        raise ParamsError(f"{folder.name} does not verify: {seal.problems[0]}. Fix: Run again; nothing was published.")
    trust = Trust(listed=read_trusted_keys(pack), own=frozenset(one.keyid for one in own_keys()))
    standing = trust.judge(seal.signed_by, signed_at(seal.about))
    if not standing.is_trusted:
        raise ParamsError(
            f"{folder.name} was not published, since it was {standing.problem}. Fix: Publish where it was made, or run again."
        )
    for word, said, asked in (("environment", about["environment"], environment), ("pack", about["pack"], pack.name)):
        if said != asked:
            raise ParamsError(f"{folder.name} is of the {word} {said}, not of {asked}. Fix: Name a run of {asked}.")
    if not is_folder(pack / "docs"):
        raise ParamsError(f"The pack {pack.name} has no folder docs to publish into. Fix: Make it, or correct PACK.")


def read_direction(pack: Path) -> object:
    """Return which document the launch list names as the one it was made from; None for none."""
    if not (pack / LAUNCH_LIST).exists():
        return None
    _, document = read_yaml(pack / LAUNCH_LIST, LAUNCH_LIST, root=pack)
    return document.get("document") if isinstance(document, dict) else None


def read_window(environment: str, pack: Path) -> dict[str, Any] | None:
    """Return when a deploy may happen: production's window, since the runbook is production's, else the environment's."""
    found = read_setting("production", pack, WINDOW) or read_setting(environment, pack, WINDOW)
    return found if isinstance(found, dict) else None


def read_setting(environment: str, pack: Path, keys: Sequence[str]) -> object:
    """Return what the project's settings say under these keys; None for nothing."""
    found: object = None
    for layer in read_project(environment, pack, named=pack.name, is_bare=True):
        said: object = layer.document
        for key in keys:
            said = said.get(key) if isinstance(said, dict) else None
        found = found if said is None else said
    return found


def name_file(said: object, where: str) -> str:
    """Return the path in the project that a setting names, '' for none. Raises ParamsError for what is not one."""
    if said is None or said == "":
        return ""
    if not isinstance(said, str) or said.startswith("/") or ".." in said.split("/") or not said.endswith(".md"):
        raise ParamsError(f"{where} names {said!r} as a document. Fix: Name a Markdown file by its path in the project.")
    return said


def require_settled(publication: Publication, changes: Sequence[Change]) -> None:
    """Try the changes in a copy first: publishing the same run once more must change nothing there. Raises ParamsError."""
    with TemporaryDirectory(prefix="launch-workbook-") as made:
        copy = Path(made)
        write_together({copy / change.path: change.after.encode() for change in changes})
        tried = {change.path: (copy / change.path).read_bytes().decode() for change in changes}
    again = plan_changes(replace(publication, tried=tried))
    if again or any(tried[change.path] != change.after for change in changes):
        named = name_some([change.path for change in again or changes])
        raise ParamsError(
            f"Published twice, {named} would change again, so nothing was written. Fix: Report this, with the file as it is."
        )


def write_changes(pack: Path, changes: Sequence[Change]) -> None:
    """Put every file into the pack, or none. Raises ParamsError when the pack does not take one."""
    try:
        write_together({pack / change.path: change.after.encode() for change in changes})
    except OSError as exc:
        shown = Path(exc.filename).relative_to(pack) if exc.filename and Path(exc.filename).is_relative_to(pack) else pack.name
        raise ParamsError(
            f"{shown} can't be written into {pack.name}: {exc.strerror}. No file was changed. "
            "Fix: Make the pack writable, then publish again."
        ) from exc
