"""What a run was made on, kept with it file by file and setting by setting, so that who looks again can say what is another now.

Credentials are no part of it, nor are digests of files that hold some: a digest could be tried out.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from lib.core.errors import ParamsError
from lib.core.files import write_whole
from lib.core.make_commands import pack_word
from lib.core.paths import ROOT
from lib.core.redact import redact_all
from lib.core.wording import name_some, plain_text
from lib.run.inputs import SPENT, code_files, describe, digest, digest_files, pack_files
from lib.run.params import Params
from lib.tasks.base import Task
from lib.transport.context import Service
from lib.transport.database import Database

FILE = "inputs.json"
MOST_FILES = 20_000
"""Files of a project that are listed one by one; of a larger one only a digest of them all is kept."""
MOST_SETTINGS = 5
"""Settings that are named one by one."""
CODE, PACKAGES = "modules", "pinned packages"
MECHANICS = ("run", "embedded", "not_applicable")
"""Settings that every task rests on."""
LOOKS_AT_HISTORY = "guardrails"
"""The task that judges commits and the branch, so that the same files in another commit are another input."""
KEEPS_BACKUPS = "backup_restore"
"""The task that counts what earlier runs have kept."""
EXAMPLES = (".example", ".sample", ".template", ".dist")
"""Ends of a dotenv file's name that holds no values."""


class Content(BaseModel):
    """What a file holds. The digest has a key of its own: right under a file's name it might pass for a credential."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str


class RecordedInputs(BaseModel):
    """What a run was made on.

    pack: the project as PACK= names it from the checkout, '' for the sample. commits: of `project` and `workbook`, with `+`
    where there were changes. files: by their paths; files_sha256: of all of them. programs: what runs it: code, packages, Python.
    notebooks: by task. settings: section -> key -> value. targets: name -> where it was.
    backups: names of those that earlier runs had kept.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    environment: str
    pack: str
    commits: dict[str, str | None]
    files: dict[str, Content]
    files_sha256: str
    programs: dict[str, str]
    notebooks: dict[str, Content]
    settings: dict[str, dict[str, Any]]
    targets: dict[str, str]
    backups: tuple[str, ...] = ()


def gather_inputs(params: Params, tasks: Iterable[Task], *, commits: Mapping[str, str | None], kept: Path) -> RecordedInputs:
    """Return what a run is made on, as it is now. kept: the folder with what earlier runs have kept."""
    files = {path.relative_to(params.pack).as_posix(): read_content(path) for path in listed_files(params)}
    run = params.run.model_dump(mode="json", exclude=SPENT)
    mechanics = {"run": run, "embedded": params.embedded.model_dump(mode="json"), "not_applicable": dict(params.not_applicable)}
    sections = {name: section.model_dump(mode="json") for name, section in params.sections.items()}
    return RecordedInputs(
        environment=params.environment,
        pack=pack_word(params.pack),
        commits=dict(commits),
        files=files if len(files) <= MOST_FILES else {},
        files_sha256=digest([[name, one.sha256] for name, one in sorted(files.items())]),
        programs={
            CODE: digest_files(ROOT / "lib", code_files()),
            PACKAGES: describe(ROOT / "requirements.txt")[0],
            "Python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}",
        },
        notebooks={task.name: read_content(task.path) for task in tasks},
        settings=redact_all({**sections, **mechanics}),
        targets=redact_all(dict(sorted(where_targets_are(params)))),
        backups=tuple(sorted(path.name for path in (kept / "backups").glob("*Z-*"))),
    )


def read_content(path: Path) -> Content:
    """Return what a file holds; of what is no regular file its kind, or where it leads."""
    return Content(sha256=describe(path)[0])


def listed_files(params: Params) -> Iterator[Path]:
    """Yield the files of a project but those that hold credentials: the vault's, and dotenv files."""
    vault = params.sections["credentials"].vault_folder
    hidden = params.pack / vault if vault else None
    for path in sorted(set(pack_files(params))):
        is_dotenv = path.name.startswith(".env") and not path.name.endswith(EXAMPLES)
        if path.exists() and not is_dotenv and not (hidden and path.is_relative_to(hidden)):
            yield path


def where_targets_are(params: Params) -> Iterator[tuple[str, str]]:
    """Yield each target that is live, or would be if its variables were set, and where it is, without credentials."""
    for name, parts in params.addresses.items():
        shown = Database(parts["url"]).display_name if name == "database" else Service(name=name, parts=parts).display_name
        yield name, f"live at {shown}"
    yield from ((name, "not set") for name in params.missing)


def write_inputs(run_folder: Path, inputs: RecordedInputs) -> None:
    """Keep what a run is made on in its folder. Raises OSError when it can't be."""
    write_whole(run_folder / FILE, inputs.model_dump_json(indent=1) + "\n")


def read_inputs(run_folder: Path) -> RecordedInputs:
    """Return what a run was made on. Raises ParamsError when it does not say so."""
    try:
        return RecordedInputs.model_validate_json((run_folder / FILE).read_bytes())
    except OSError as exc:
        raise ParamsError(
            f"{run_folder.name} does not say what it was made on ({FILE}: {exc.strerror}). "
            "Fix: Name a run of this version of the workbook."
        ) from exc
    except ValidationError as exc:
        said = f"{FILE} of {run_folder.name} can't be understood."
        raise ParamsError(f"{said} Fix: Fetch the run again from where it was kept.") from exc


def compare_inputs(then: RecordedInputs, now: RecordedInputs, tasks: Iterable[Task]) -> list[str]:
    """Return one sentence for each input of these tasks that is another now; none when all are as they were."""
    performed = {task.name: task for task in tasks}
    sections = {*performed, *(one.task for task in performed.values() for one in task.borrows), *MECHANICS}
    said = [*compare_commits(then, now, performed), *compare_files(then, now), *compare_programs(then.programs, now.programs)]
    said += [f"the notebook of {name} differs" for name in performed if then.notebooks.get(name) != now.notebooks.get(name)]
    said += compare_settings(pick(then.settings, sections), pick(now.settings, sections))
    said += compare_targets(then.targets, now.targets)
    gone = sorted(set(then.backups) - set(now.backups)) if KEEPS_BACKUPS in performed else []
    return [*said, *([f"{name_some(gone)}, kept when the run began, is not here"] if gone else [])]


def compare_programs(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """Yield what of the workbook and below it differs."""
    for name in sorted({*then, *now}):
        if then.get(name) != now.get(name):
            is_digest = name in (CODE, PACKAGES)
            yield f"the workbook's {name} differ" if is_digest else f"{name} is {now.get(name)}, in the run {then.get(name)}"


def compare_commits(then: RecordedInputs, now: RecordedInputs, performed: Mapping[str, Task]) -> Iterator[str]:
    """Yield which commit differs, where its files do, or where a task looks at the history itself."""
    before, after = then.commits.get("project"), now.commits.get("project")
    if before != after and (then.files_sha256 != now.files_sha256 or LOOKS_AT_HISTORY in performed):
        yield f"the pack is at commit {after or 'unknown'}, the run judged {before or 'unknown'}"
    before, after = then.commits.get("workbook"), now.commits.get("workbook")
    if before != after and then.programs.get(CODE) != now.programs.get(CODE):
        yield f"the workbook is at commit {after or 'unknown'}, the run was made by {before or 'unknown'}"


def compare_files(then: RecordedInputs, now: RecordedInputs) -> Iterator[str]:
    """Yield which files of the project differ, by their names where both list them."""
    if then.files_sha256 == now.files_sha256:
        return
    changed = [name for name, sha256 in then.files.items() if now.files.get(name, sha256) != sha256]
    kinds = {
        "differs": changed,
        "is gone": [name for name in then.files if name not in now.files],
        "is new": [name for name in now.files if name not in then.files],
    }
    if not then.files or not now.files:
        yield "the project's files differ"
        return
    yield from (f"{name_some(sorted(names))} {word}" for word, names in kinds.items() if names)


def compare_settings(then: Mapping[str, Mapping[str, Any]], now: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield each setting that differs, with both values."""
    found = [
        f"{section}.{key} is {spell(now.get(section, {}).get(key))}, in the run {spell(then.get(section, {}).get(key))}"
        for section in sorted({*then, *now})
        for key in sorted({*then.get(section, {}), *now.get(section, {})})
        if then.get(section, {}).get(key) != now.get(section, {}).get(key)
    ]
    yield from found[:MOST_SETTINGS]
    if len(found) > MOST_SETTINGS:
        yield f"{len(found) - MOST_SETTINGS} more settings differ"


def compare_targets(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """Yield each target that is elsewhere now."""
    for name in sorted({*then, *now}):
        before, after = then.get(name, "a part of ours"), now.get(name, "a part of ours")
        if before != after:
            yield f"{name} is {after}, in the run {before}"


def pick(settings: Mapping[str, dict[str, Any]], names: set[str]) -> dict[str, dict[str, Any]]:
    """Return these sections alone."""
    return {name: section for name, section in settings.items() if name in names}


def spell(value: object) -> str:
    """Return a setting's value in few characters."""
    return plain_text(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str), limit=60)
