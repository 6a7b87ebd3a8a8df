"""REUSE=1: the results of an earlier run are taken over for tasks whose inputs are unchanged, with their age shown.

They come from the newest run that has the task on the same inputs, whatever they came to there: an older pass never stands in
for a newer failure. That run must be whole for the task, without an `error`, and its seal must hold with a key that is
trusted here. What it says of a result, where and when it was looked at, stays as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from securesystemslib.signer import Key

from lib.core.errors import WorkbookError
from lib.core.faults import Trial
from lib.core.files import write_whole
from lib.core.results import Outcome
from lib.core.wording import format_duration
from lib.evidence.ages import A_DAY, ShelfLife
from lib.evidence.fault_log import FILE as FAULTS
from lib.evidence.fault_log import append_trials
from lib.evidence.log import FILE, EvidenceLine, ReusedFrom
from lib.evidence.manifest import ENVELOPE, MANIFEST, verify_run
from lib.run.reuse_inputs import ReuseInputs, tasks_before
from lib.run.run_file import RunFile
from lib.tasks.base import Task

MOST_RUNS = 20
"""Earlier runs that are looked through, the newest first; each is verified whole before anything of it is believed."""


class NotReusedError(WorkbookError):
    """A task's results are not taken over; the message says why, as the end of a sentence."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """The results of one task in an earlier run, read and checked.

    lines: with where they were found. files: path from the run's folder -> content, of what they speak of and the notebook.
    trials: faults made on purpose. looked_at: when the oldest of the looks began. run_ids: the runs that looked.
    """

    task: str
    lines: tuple[EvidenceLine, ...]
    files: Mapping[str, bytes] = field(repr=False)
    trials: tuple[Trial, ...] = ()

    @property
    def looked_at(self) -> datetime:
        return min(line.started_at for line in self.lines)

    @property
    def run_ids(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(line.reused_from.run_id for line in self.lines if line.reused_from))

    def describe(self, now: datetime) -> str:
        """Return what a person reads of it: the run that looked, and how long ago."""
        return f"looked at in run {', '.join(self.run_ids)}, {format_duration((now - self.looked_at).total_seconds())} ago"


@dataclass(frozen=True, kw_only=True)
class Reuse:
    """What a run takes over. sources: task -> its results. refusals: task -> why it is executed."""

    sources: Mapping[str, Source] = field(default_factory=dict)
    refusals: Mapping[str, str] = field(default_factory=dict)


NOTHING_REUSED = Reuse()


def find_reusable(
    tasks: Sequence[Task],
    inputs: ReuseInputs,
    runs: Path,
    *,
    now: datetime,
    max_age_h: float,
    keys: Sequence[Key],
    shelf_life: ShelfLife = A_DAY,
) -> Reuse:
    """Return what of earlier runs can be taken over, and of each other task why not.

    runs: the folder of this project's and environment's runs. keys: whom to trust; without any nothing is reused.
    max_age_h: of a look, whatever shelf_life says of its check. A task that comes after one that is executed is executed, too.
    """
    known = {task.name: task for task in tasks}
    earlier = EarlierRuns(folder=runs, keys=keys, shelf_life=shelf_life)
    sources: dict[str, Source] = {}
    refusals = dict(inputs.refusals)
    for task in tasks:
        if task.name not in inputs.digests:
            continue
        try:
            sources[task.name] = earlier.find(task, inputs.digests[task.name], now=now, max_age_h=max_age_h)
        except NotReusedError as exc:
            refusals[task.name] = exc.message
        except OSError as exc:
            refusals[task.name] = f"an earlier run can't be read ({exc.filename}: {exc.strerror})"
    for name in [name for name in sources if tasks_before(known[name], known) - {name} - sources.keys()]:
        first = min(tasks_before(known[name], known) - {name} - sources.keys())
        refusals[name] = f"{first} is executed before it"
        del sources[name]
    return Reuse(sources=sources, refusals=refusals)


@dataclass(kw_only=True)
class EarlierRuns:
    """The sealed runs of a project and environment, each verified once, and the files whose content its manifest vouches for."""

    folder: Path
    keys: Sequence[Key]
    shelf_life: ShelfLife = A_DAY
    verified: dict[Path, str] = field(default_factory=dict)

    def find(self, task: Task, digest: str, *, now: datetime, max_age_h: float) -> Source:
        """Return a task's results in the newest run on the same inputs. Raises NotReusedError with the reason."""
        if not self.keys:
            raise NotReusedError("there is no key whose signature is trusted")
        for folder in self.newest_first():
            about = read_about(folder)
            if about is None and not mentions(folder, task):
                continue
            if about is None:
                raise NotReusedError(f"run {folder.name} looked at it and does not say on which inputs")
            self.require_verified(folder)
            if task.name not in about["tasks"]:
                continue
            if task.name not in about["inputs"]:
                raise NotReusedError(f"run {folder.name} did not come to its end with it, or not on the same inputs throughout")
            if about["inputs"][task.name] == digest:
                return self.read(folder, about, task, now=now, max_age_h=max_age_h)
        raise NotReusedError("no earlier run looked at it on these inputs")

    def newest_first(self) -> Iterator[Path]:
        """Yield the folders of earlier runs."""
        found = [path for path in self.folder.glob("*Z-*") if path.is_dir() and not path.is_symlink()]
        yield from sorted(found, key=lambda path: path.name, reverse=True)[:MOST_RUNS]

    def require_verified(self, folder: Path) -> None:
        """Raise NotReusedError unless the run's seal holds: one that does not may hide what it found."""
        if folder not in self.verified:
            try:
                self.verified[folder] = next(iter(verify_run(folder, keys=self.keys).problems), "")
            except WorkbookError as exc:
                self.verified[folder] = exc.message
        if self.verified[folder]:
            raise NotReusedError(f"run {folder.name} does not verify ({self.verified[folder].rstrip('.')})")

    def read(self, folder: Path, about: Mapping[str, Any], task: Task, *, now: datetime, max_age_h: float) -> Source:
        """Return a task's results in a verified run. Raises NotReusedError when they are not whole, not clear, or too old."""
        files = {name: file["sha256"] for name, file in about["files"].items()}
        lines = tuple(origin(line) for line in parse_lines(read_listed(folder, FILE, files)) if line.task == task.name)
        require_whole(task, lines, folder)
        require_new(lines, now=now, max_age_h=max_age_h)
        require_unspoilt(lines, self.shelf_life, now=now)
        wanted = [name for name in files if name.startswith(f"artifacts/{task.name}/") or name == f"{task.name}.ipynb"]
        if f"{task.name}.ipynb" not in wanted:
            raise NotReusedError(f"run {folder.name} has no notebook of it")
        contents = {name: read_listed(folder, name, files) for name in wanted}
        for one in (one for line in lines for one in line.artifacts):
            if one.path not in contents or files[one.path] != one.sha256:
                raise NotReusedError(f"run {folder.name} lacks {one.path} as its results name it")
        trials = parse_trials(read_listed(folder, FAULTS, files)) if FAULTS in files else []
        own = tuple(one for one in trials if one.check.partition(".")[0] == task.name)
        return Source(task=task.name, lines=lines, files=contents, trials=own)


def read_about(folder: Path) -> dict[str, Any] | None:
    """Return what a sealed run's manifest says; None for a run without a seal, or of an older workbook."""
    if not (folder / ENVELOPE).is_file():
        return None
    try:
        about = json.loads((folder / MANIFEST).read_bytes())
        well_formed = isinstance(about["inputs"], dict) and isinstance(about["tasks"], list) and isinstance(about["files"], dict)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return about if well_formed else None


def mentions(folder: Path, task: Task) -> bool:
    """Return whether a run that nobody can vouch for has looked at a task."""
    try:
        return f'"{task.name}"' in (folder / FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def read_listed(folder: Path, name: str, files: Mapping[str, str]) -> bytes:
    """Return a file's content as the manifest vouches for it. Raises NotReusedError when it is another by now."""
    content = (folder / name).read_bytes()
    if name not in files or hashlib.sha256(content).hexdigest() != files[name]:
        raise NotReusedError(f"{name} of run {folder.name} is not as it was sealed")
    return content


def parse_lines(content: bytes) -> list[EvidenceLine]:
    """Return every line of a run's evidence. Raises NotReusedError when one can't be read: it may be about any task."""
    try:
        return [EvidenceLine.model_validate_json(text) for text in content.split(b"\n") if text.strip()]
    except ValidationError as exc:
        raise NotReusedError("a line of its evidence can't be read, or is of a newer workbook") from exc


def parse_trials(content: bytes) -> list[Trial]:
    """Return every trial of a run. Raises NotReusedError when one can't be read."""
    try:
        return [Trial.model_validate_json(text) for text in content.split(b"\n") if text.strip()]
    except ValidationError as exc:
        raise NotReusedError("a line of its trials can't be read") from exc


def origin(line: EvidenceLine) -> EvidenceLine:
    """Return a line with the run that looked: its own, unless it says that it was taken over from another."""
    found = line.reused_from or ReusedFrom(run_id=line.run_id, looked_at=line.started_at)
    return line.model_copy(update={"reused_from": found})


def require_whole(task: Task, lines: Collection[EvidenceLine], folder: Path) -> None:
    """Raise NotReusedError unless each check of a task has one clear result."""
    found = [line.check for line in lines]
    if sorted(found) != sorted(check.id for check in task.checks):
        raise NotReusedError(f"run {folder.name} has not one result of each of its checks")
    unclear = [line.check for line in lines if line.result is Outcome.ERROR]
    if unclear:
        raise NotReusedError(f"{unclear[0]} could not be determined in run {folder.name}")


def require_new(lines: Collection[EvidenceLine], *, now: datetime, max_age_h: float) -> None:
    """Raise NotReusedError unless every look is younger than `run.reuse_max_age_h`, and none is of the future."""
    ages = [now - line.started_at for line in lines]
    ages += [now - line.reused_from.looked_at for line in lines if line.reused_from]
    if max(ages) > timedelta(hours=max_age_h):
        raise NotReusedError(f"it was looked at {format_duration(max(ages).total_seconds())} ago, more than {max_age_h:g} h")
    if min(ages) < timedelta(0):
        raise NotReusedError("it was looked at in the future, by this machine's clock")


def require_unspoilt(lines: Iterable[EvidenceLine], shelf_life: ShelfLife, *, now: datetime) -> None:
    """Raise NotReusedError when the policy says of a result that it is too old."""
    for line in lines:
        if why := shelf_life.why_stale(line, now):
            raise NotReusedError(f"{line.check} is too old ({why.rstrip('.').lower()})")


def take_over(source: Source, run: RunFile) -> None:
    """Bring an earlier run's results of one task into this run: files, trials, and at last the lines. Raises OSError."""
    for name, content in source.files.items():
        write_whole(run.run_folder / name, content)
    append_trials(run.run_folder, source.trials)
    for line in source.lines:
        run.keep_line(line.model_copy(update={"run_id": run.run_id}))
