"""The private file by which a run hands a kernel what it may touch: mode 0600, gone after the run.

Credentials travel here and nowhere else: never as papermill parameters, never in argv.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from lib.core.errors import WorkbookError
from lib.core.files import write_whole
from lib.core.launch_items import LaunchItem
from lib.core.permissions import Act, Refusal
from lib.core.redact import register_secrets
from lib.core.results import TWIN, Check, Provenance, find_provenance
from lib.core.section import Section
from lib.evidence.ages import A_DAY, ShelfLife
from lib.evidence.log import EvidenceLine, EvidenceLog, append_bytes, append_line, as_bytes, read_log
from lib.run.own_tasks import OwnTask, settings_of
from lib.run.params_file import PromotesFrom
from lib.run.waivers import Waiver
from lib.tasks.base import Task
from lib.tasks.index import SECTIONS
from lib.transport.context import Context, Programs, Service
from lib.transport.database import Database

NOT_STARTED = "postgresql://nobody@database.invalid/none?sslmode=require"
"""The database of a run whose tasks need none: the name never resolves (RFC 6761), so a look at it is an error."""


class RunFile(BaseModel):
    """One run, as a kernel needs to know it; every path is absolute.

    project: the name that its runs are kept under, a folder's.
    tasks: the names of the tasks of this run. not_applicable: task, target or check -> why the project has nothing of
    the kind. unconfirmed: `file:line` of what was inferred from the project and nobody has confirmed. owners: task -> who acts.
    provenances: target -> where what is done to it is performed. embedded: the targets that a part of ours plays.
    refusals: the acts that are not allowed, and why. promotes_from: the environment whose runs count for this one, if any.
    shelf_life: how old a fact may be at its end.
    services: the targets other than the database, part by part. missing: those whose variables are not set.
    events: where the kernels say what they are doing, for the progress display. spare: where evidence goes that the run's own
    folder can't take; it outlives the run until it is published.
    kill_rate_s: what each task spends on faults made on purpose, s. kill_rate_floor: the part of them that a gate must find.
    inputs: task -> digest of the code, the settings and the files that its results rest on.
    secrets: values that must be redacted from everything this run writes. unread_vault: what of the vault nobody could read,
    so that its values are not among them, as a sentence. history_url: the database that keeps the history of runs, if any.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    run_id: str
    project: str
    environment: str
    rehearsal: bool
    provenances: dict[str, Provenance] = Field(default_factory=dict)
    embedded: tuple[str, ...] = ()
    refusals: dict[Act, Refusal] = Field(default_factory=dict)
    production_writes_allowed: bool = False
    promotes_from: PromotesFrom | None = None
    tasks: tuple[str, ...]
    not_applicable: dict[str, str] = Field(default_factory=dict)
    unconfirmed: tuple[str, ...] = ()
    launch_list: tuple[LaunchItem, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    shelf_life: ShelfLife = A_DAY
    own_tasks: tuple[OwnTask, ...] = ()
    owners: dict[str, str] = Field(default_factory=dict)
    pack: Path
    run_folder: Path
    rendered: Path
    work: Path
    small: Path | None = None
    kept: Path
    events: Path
    spare: Path
    target_url: str = Field(default=NOT_STARTED, repr=False)
    scratch_url: str = Field(default=NOT_STARTED, repr=False)
    services: dict[str, dict[str, str]] = Field(default_factory=dict, repr=False)
    missing: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    supabase: Path
    supabase_before: Path | None = None
    squawk: Path
    postgres_bin: Path
    flyctl: Path = Path("flyctl")
    sections: dict[str, Any]
    kill_rate_s: float = 0
    kill_rate_floor: float = 0
    inputs: dict[str, str] = Field(default_factory=dict)
    secrets: tuple[str, ...] = Field(default=(), repr=False)
    unread_vault: str = ""
    history_url: str | None = Field(default=None, repr=False)

    def provenance_of(self, check: Check) -> Provenance:
        """Return where a look at a check's subject is performed, unless it says otherwise."""
        return find_provenance(check.subject, self.provenances)

    @property
    def breakable(self) -> list[str]:
        """The subjects that a part of ours plays a part in: with a live database, still the server that its twins are on."""
        return [*self.embedded, *({"database", TWIN} - {*self.embedded})] if "database" in self.provenances else [*self.embedded]

    def runs_of(self, environment: str) -> Path:
        """Return the folder that keeps this project's runs of an environment."""
        return self.rendered / self.project / environment

    def keep_line(self, line: EvidenceLine) -> None:
        """Add a line to the run's evidence. Raises OSError when neither its folder nor the spare file can take it."""
        append_line(self.run_folder, line, spare=self.spare)

    def keep_early(self, line: EvidenceLine) -> None:
        """Keep a line that may still change, where it counts should its final one never come. Raises OSError on a full disk."""
        append_bytes(self.spare, as_bytes(line))

    def read_log(self) -> EvidenceLog:
        """Return the run's evidence so far, with what its folder could not take."""
        return read_log(self.run_folder, spare=self.spare)

    def given_to(self, task: Task) -> RunFile:
        """Return the run as a project's own task may know it: the targets that it names, and no other credential."""
        services = {name: parts for name, parts in self.services.items() if name in task.targets}
        has_database = "database" in task.targets
        urls = (self.target_url, self.scratch_url) if has_database else (NOT_STARTED, NOT_STARTED)
        known = json.dumps([services, *urls])
        return self.model_copy(
            update={
                "services": services,
                "target_url": urls[0],
                "scratch_url": urls[1],
                "history_url": None,
                "secrets": tuple(one for one in self.secrets if one in known),
            }
        )

    def write(self, path: Path) -> None:
        """Put the file where a kernel finds it, readable by its owner only."""
        write_whole(path, self.model_dump_json(), mode=0o600)


def read_run_file(path: Path) -> RunFile:
    """Return the run of this kernel, its secrets known to redaction from here on."""
    try:
        run = RunFile.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as exc:
        raise WorkbookError(f"This kernel's run file {path.name} can't be read; the run it belonged to is over.") from exc
    register_secrets(run.secrets)
    return run


def context_of(run: RunFile, task: str, parameters: dict[str, Any]) -> Context[Section | None]:
    """Return what the looks of one task may touch; parameters replace the section's own values.

    Raises pydantic's ValidationError when a parameter is of the wrong name or type.
    """
    sections = {name: model.model_validate(run.sections[name]) for name, model in SECTIONS.items()}
    own = next((one for one in run.own_tasks if one.name == task), None)
    if own is not None:
        settings: Any = settings_of({**own.parameters, **parameters})
    elif parameters:
        sections[task] = SECTIONS[task].model_validate({**run.sections[task], **parameters})
    return Context(
        environment=run.environment,
        pack=run.pack,
        settings=settings if own is not None else sections.get(task),
        sections=sections,
        target=Database(run.target_url),
        scratch=Database(run.scratch_url),
        programs=Programs(
            supabase=run.supabase,
            supabase_before=run.supabase_before,
            squawk=run.squawk,
            postgres_bin=run.postgres_bin,
            flyctl=run.flyctl,
        ),
        work=run.work,
        kept=run.kept,
        small=run.small,
        is_rehearsal=run.rehearsal,
        is_promoted=run.promotes_from is not None,
        provenances=run.provenances,
        embedded=frozenset(run.embedded),
        refusals=run.refusals,
        production_writes_allowed=run.production_writes_allowed,
        services={name: Service(name=name, parts=parts) for name, parts in run.services.items()},
        missing=run.missing,
        not_applicable=run.not_applicable,
    )
