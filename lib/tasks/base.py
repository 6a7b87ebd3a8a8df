"""What a launch task is: one name, one notebook, its checks, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lib.core.paths import ROOT
from lib.core.results import RUN, TWIN, Check, Findings, Look
from lib.core.section import Borrowed, Section
from lib.core.wording import as_sentence

if TYPE_CHECKING:
    from lib.transport.context import Context  # params are read without what opens connections

Facts = TypeVar("Facts")


@dataclass(frozen=True, kw_only=True)
class Task:
    """One launch task.

    targets: the outside systems it looks at, by their names in params.
    needs: ids of checks that must have passed before it can be looked at.
    waits_for: tasks that must have ended, however they ended.
    prepares_with: tasks whose work must be done on an embedded target, whatever they find: done for it when left out.
    settings: the model of its section of params; None when it has none.
    borrows: settings of other tasks that it reads.
    stop_grace_s: seconds a stopped notebook gets to say what it leaves half done.
    wants_rows: whether it proves nothing on an empty database: an embedded one that no seed fills gets the rehearsal rows
        before it, once every other task that looks at the database has ended.
    folder: where its notebook is. is_own: whether it is a project's own, not the workbook's. problem: why it can't be executed.
    """

    name: str
    title: str
    notebook: str
    checks: tuple[Check, ...]
    targets: tuple[str, ...] = ("database",)
    needs: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    prepares_with: tuple[str, ...] = ()
    settings: type[Section] | None = None
    borrows: tuple[Borrowed[Any], ...] = ()
    stop_grace_s: float = 0
    wants_rows: bool = False
    folder: Path = ROOT / "notebooks"
    is_own: bool = False
    problem: str = ""

    def __post_init__(self) -> None:
        """Refuse a check that does not say what it speaks about: where it was performed could not be told."""
        for check in self.checks:
            if not check.subject:
                raise ValueError(f"{check.id} needs a subject: a target, PROJECT, TWIN or RUN")

    def why_not(self, check: Check, not_applicable: Mapping[str, str]) -> str:
        """Return why one of its checks does not apply, '' when it does.

        not_applicable: task, target or check -> the reason. A twin is made of the database, so it goes with it.
        """
        subject = "database" if check.subject == TWIN else check.subject
        names = (self.name, check.id, subject, *check.about)
        return next((not_applicable[name] for name in names if name in not_applicable), "")

    def attempt(self, look: Look[..., Facts], context: Context[Any], **arguments: Any) -> Findings[Facts]:
        """Make one look, but for the checks that do not apply to the project; nothing is looked at where no target or task does.

        A look whose checks are left out one by one is made all the same: later looks go on with what it saw.
        """
        declared = context.not_applicable
        apart = {name: reason for name, reason in declared.items() if "." not in name}
        reasons = {check.id: self.why_not(check, declared) for check in look.checks}
        skipped = {check.id: check.not_applicable(as_sentence(reasons[check.id])) for check in look.checks if reasons[check.id]}
        if all(self.why_not(check, apart) for check in look.checks):
            return Findings(results=list(skipped.values()))
        found = look.attempt(context, **arguments)
        return replace(found, results=[skipped.get(result.check, result) for result in found.results])

    @property
    def path(self) -> Path:
        return self.folder / self.notebook

    @property
    def completed(self) -> Check:
        """The check that the notebook ran to its end; it has a row only when it did not."""
        return Check(
            f"{self.name}.notebook_ran_to_its_end",
            "The notebook ran to its end",
            subject=RUN,
            fix="Open the notebook's page, fix the cause, run again.",
            doc="The notebook ran cell by cell to its last one. It has a row only when it did not: then the checks "
            "that were not reached are errors.",
        )
