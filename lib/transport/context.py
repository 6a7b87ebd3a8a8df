"""What a look is given to see: one frozen value, made by the session, the same live or rehearsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar, cast
from urllib.parse import urlsplit

from lib.core.errors import TargetError
from lib.core.permissions import Act, Refusal
from lib.core.results import Provenance, find_provenance
from lib.core.section import Borrowed
from lib.core.wording import format_not_set
from lib.transport.database import Database


@dataclass(frozen=True, kw_only=True)
class Programs:
    """Paths of the outside programs a look may start."""

    supabase: Path
    supabase_before: Path | None = None  # the generation before, for a config.toml of its time
    squawk: Path
    postgres_bin: Path  # the folder with psql, pg_dump, pg_restore
    flyctl: Path = Path("flyctl")  # the one on PATH, when nobody names another


@dataclass(frozen=True, kw_only=True)
class Service:
    """An outside service reached over the network: its address, and by name whatever else it takes to use it."""

    name: str
    parts: Mapping[str, str] = field(repr=False)

    @property
    def url(self) -> str:
        return self.parts["url"]

    @property
    def display_name(self) -> str:
        """Where it is, as a person may see it: scheme, host and port; of a folder its name."""
        try:
            parts = urlsplit(self.url)
            if not parts.scheme:
                return f"the folder {Path(self.url).name}"
            return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
        except ValueError:
            return "an address that can't be read"


LARGEST_SMALL = 256 * 1024**2
"""Bytes of a copy that may lie in memory: a run makes a few of them, and takes up memory only where 8 GB are free."""
Settings_co = TypeVar("Settings_co", covariant=True)
Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Context(Generic[Settings_co]):
    """All that one task's looks may touch.

    environment: the name of the file in params/.
    pack: the checkout under launch, absolute.
    settings: the task's own section of params, a frozen pydantic model.
    sections: every task's section by task name, read by `borrow` alone.
    target: the database under launch; None when the environment names none.
    scratch: a server where databases may be made and dropped freely, as a superuser; always started
        here. Its databases made from the template `hosted_template` look like a fresh hosted project.
    work: a private folder of this run for files that are not evidence, removed after the run.
    small: another one for copies that are small and only looked at, in memory where that has room; None: there is none.
    kept: a folder of the environment that outlives the run (backups).
    is_rehearsal: whether embedded parts stand in for every target. is_promoted: whether another environment's runs count
        for what may not be tried in this one.
    provenances: target -> where what is done to it is performed. embedded: the targets that a part started for this run
        plays.
    refusals: the acts that are not allowed, and why.
    production_writes_allowed: whether what is production's by name may be changed, in any environment.
    services: the other targets by name. missing: those without, with the variables that are not set.
    not_applicable: task, target or check -> why the project has nothing of the kind.
    """

    environment: str
    pack: Path
    settings: Settings_co
    sections: Mapping[str, Any]
    target: Database
    scratch: Database
    programs: Programs
    work: Path
    kept: Path
    small: Path | None = None
    is_rehearsal: bool = False
    is_promoted: bool = False
    provenances: Mapping[str, Provenance] = field(default_factory=dict)
    embedded: frozenset[str] = frozenset()
    refusals: Mapping[Act, Refusal] = field(default_factory=dict)
    production_writes_allowed: bool = False
    services: Mapping[str, Service] = field(default_factory=dict)
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    not_applicable: Mapping[str, str] = field(default_factory=dict)

    @property
    def private(self) -> tuple[Path, ...]:
        """The run's private folders: what lies in them is a copy of ours, never the user's own."""
        return (self.work,) if self.small is None else (self.work, self.small)

    def place_for(self, size_bytes: int | None) -> Path:
        """Return the private folder for a copy of so many bytes: the one for small copies, where it is one.

        None: nobody knows how large it becomes.
        """
        is_small = size_bytes is not None and size_bytes <= LARGEST_SMALL
        return self.small if is_small and self.small is not None else self.work

    def narrow(self, model: type[Value]) -> Context[Value]:
        """Return this same context, known to hold settings of this model."""
        if not isinstance(self.settings, model):
            raise TypeError(f"the settings are a {type(self.settings).__name__}, not a {model.__name__}")
        return cast("Context[Value]", self)

    def borrow(self, what: Borrowed[Value]) -> Value:
        """Return a setting of another task that this task's task.py declares."""
        section = self.sections[what.task]
        value: Value = getattr(section, what.field) if what.field else section
        return value

    def provenance_of(self, subject: str) -> Provenance:
        """Return where a look at a check's subject is performed, unless it says otherwise."""
        return find_provenance(subject, self.provenances)

    def service(self, name: str) -> Service:
        """Return one service. Raises TargetError when its variables are not set."""
        if name in self.services:
            return self.services[name]
        if name in self.not_applicable:
            reason = self.not_applicable[name]
            raise TargetError(f"{name} does not apply to this project: {reason}.", fix="See launch/project.yaml.")
        raise TargetError(f"{format_not_set(self.missing.get(name, ()), self.environment)}.", fix="Set what is missing.")
