"""What the user asked for: the layers of settings, the command line and the environment variables.

The only reader of environment variables. Every problem is reported at once, one line each, before
anything starts. The rehearsal rule is in `lib.run.targets`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lib.core.environment import KERNELS_INHERIT, OURS, SIGNING_KEY, inherited
from lib.core.errors import ParamsError
from lib.core.launch_items import LaunchItem
from lib.core.paths import ROOT
from lib.core.permissions import TARGETS, Act, Refusal, refuse
from lib.core.redact import register_secrets
from lib.core.results import Provenance
from lib.embedded.switches import Embedded
from lib.evidence.ages import A_DAY, ShelfLife
from lib.run.address import provenances_of
from lib.run.applicability import name_problems, with_consequences
from lib.run.check_names import unknown_checks
from lib.run.launch_list import load_launch_list, unconfirmed_items
from lib.run.layers import Merged, merge_layers, misplaced, read_environment, read_project
from lib.run.named_secrets import secrets_of
from lib.run.own_tasks import OwnTask, read_own_tasks
from lib.run.params_file import PromotesFrom, Run, belongs_together, format_problem, parse_document, unsaid_problems
from lib.run.production import inapplicable_tasks, is_production, mistaken_database, production_problems
from lib.run.targets import (
    SHORT_PASSWORD,
    find_targets,
    has_short_password,
    is_declared_live,
    spec_problems,
    value_problems,
)
from lib.run.waivers import Waiver, load_waivers
from lib.tasks.index import SECTIONS, use_own_tasks

RUN_FILE_VARIABLE = "LAUNCH_RUN_FILE"
"""Names the private file by which the runner hands a kernel its run; unset outside a run."""
LETS_WRITE = frozenset({"ALLOW_WRITES", "APPLY", "HISTORY_URL"})
"""Variables by which a run may change something outside its own folder."""
Layers = tuple[Path, Merged, tuple[str, ...]]
"""The project's folder, what the layers say together, and the lines that nobody has confirmed."""


@dataclass(frozen=True, kw_only=True)
class Params:
    """One environment, understood.

    addresses: target -> part -> value of each live target; empty in a rehearsal. Never printed.
    missing: target -> its variables that are not set although others are.
    embedded: how the stand-ins behave.
    provenances: of each live target, where what is done to it is performed.
    rehearsal: whether embedded parts stand in for every target.
    rehearsed_for: the variables whose absence made it a rehearsal; empty for a local environment.
    granted: the acts that `writes` lists. refusals: those that are not allowed in this run, and why.
    production_writes_allowed: ALLOW_WRITES=production was said, whatever the environment.
    name: how the project calls itself; None: as its folder. owners: task -> who acts on what it finds.
    origins: the keys that lead to a value -> the file and line it comes from. unconfirmed: `file:line` of what was inferred
    from the project and nobody has confirmed.
    not_applicable: task, target or check -> why there is nothing of the kind. shelf_life: how old a fact may be.
    """

    environment: str
    pack: Path
    sections: Mapping[str, Any]
    run: Run
    embedded: Embedded
    addresses: Mapping[str, Mapping[str, str]] = field(repr=False)
    missing: Mapping[str, tuple[str, ...]]
    rehearsal: bool
    rehearsed_for: tuple[str, ...]
    provenances: Mapping[str, Provenance] = field(default_factory=dict)
    granted: frozenset[Act] = frozenset()
    refusals: Mapping[Act, Refusal] = field(default_factory=dict)
    production_writes_allowed: bool = False
    promotes_from: PromotesFrom | None = None
    not_applicable: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    owners: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[tuple[str, ...], str] = field(default_factory=dict, repr=False)
    unconfirmed: tuple[str, ...] = ()
    launch_list: tuple[LaunchItem, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    shelf_life: ShelfLife = A_DAY
    own_tasks: tuple[OwnTask, ...] = ()

    @property
    def file(self) -> str:
        return f"params/{self.environment}.yaml"


def load_params(
    environment: str,
    *,
    pack: str | None = None,
    variables: Mapping[str, str] | None = None,
    folder: Path = ROOT / "params",
    is_bare: bool = False,
    layers: Layers | None = None,
) -> Params:
    """Return one environment's params, validated whole.

    pack: replaces the files' `pack`, relative to where the user stands.
    variables: the environment variables to read; the process's own when not given.
    is_bare: the project need not say anything of its launch, since only limits and mechanics are asked for.
    layers: what `read_layers` returned, where somebody has read them already.
    Every credential that the variables hold is known to redaction from here on.
    Raises ParamsError with every problem found, one line each.
    """
    values = os.environ if variables is None else variables
    where = f"params/{environment}.yaml"
    root, merged, unconfirmed = layers or read_layers(environment, pack=pack, folder=folder, is_bare=is_bare)
    parsed = parse_document(merged, where=where)
    own_tasks = read_own_tasks(root, parsed.own_tasks)
    use_own_tasks(one.task for one in own_tasks)
    specs = parsed.targets.specs
    problems = [*spec_problems(where, specs), *production_problems(environment, parsed, where=where)]
    named_where = {name: merged.origin(("not_applicable", name)) for name in parsed.not_applicable}
    problems += name_problems(parsed.not_applicable, named_where)
    ages_where = f"{merged.origin(('shelf_life', 'max_age_h_by_check')) or where}: shelf_life.max_age_h_by_check"
    problems += unknown_checks(ages_where, parsed.shelf_life.max_age_h_by_check)
    if problems:
        raise ParamsError(problems)
    not_applicable = with_consequences({**parsed.not_applicable, **inapplicable_tasks(environment, parsed)})
    specs = {name: spec for name, spec in specs.items() if name not in not_applicable}
    named = find_targets(specs, values)
    problems += [*value_problems(named.found, specs), *history_problems(values)]
    register_secrets(secrets_of(values, targets=named.found))
    if not is_production(environment):
        problems += mistaken_database(environment, named.found.get("database", {}).get("url", ""), values, folder)
    sections = override({name: getattr(parsed, name) for name in SECTIONS}, values)
    problems += [] if is_bare else unsaid_problems(sections, not_applicable)
    if problems:
        raise ParamsError(problems)
    asked = values.get("ALLOW_WRITES", "").strip()
    granted = frozenset(parsed.writes)
    return Params(
        environment=environment,
        pack=root,
        name=parsed.name,
        owners=parsed.owners,
        origins=merged.origins,
        unconfirmed=(*unconfirmed, *unconfirmed_items(root)),
        launch_list=load_launch_list(root, not_applicable=not_applicable),
        waivers=load_waivers(root),
        shelf_life=parsed.shelf_life,
        own_tasks=own_tasks,
        sections=sections,
        run=parsed.run,
        embedded=parsed.embedded,
        addresses=named.found,
        missing=named.missing,
        rehearsal=named.rehearsal,
        rehearsed_for=named.wanted if named.rehearsal else (),
        provenances=provenances_of(
            named.found, declared_live=frozenset(name for name, spec in specs.items() if is_declared_live(spec))
        ),
        granted=granted,
        refusals={
            act: refuse(act, environment=environment, granted=granted, asked=asked == environment)
            for act in Act
            if named.found.keys() & set(TARGETS[act]) and not (asked == environment and act in granted)
        },
        production_writes_allowed=is_production(asked),
        promotes_from=parsed.promotes_from,
        not_applicable=not_applicable,
    )


def read_layers(environment: str, *, pack: str | None, folder: Path, is_bare: bool = False) -> Layers:
    """Return the project's folder, what the layers say together, and the lines that nobody has confirmed, as `file:line`.

    Raises ParamsError when a file can't be understood, says what is another's to say, or there is no such project.
    """
    own = read_environment(environment, folder)
    written = merge_layers(own, is_whole=belongs_together).document.get("pack")
    root = find_pack(pack, str(written or "pack"))
    projects = read_project(environment, root, named=pack or str(written), is_bare=is_bare)
    problems = [line for layer in own for line in misplaced(layer, is_projects=False)]
    problems += [line for layer in projects for line in misplaced(layer, is_projects=True)]
    if problems:
        raise ParamsError(problems)
    unconfirmed = tuple(f"{layer.where}:{line}" for layer in projects for line in layer.unconfirmed)
    return root, merge_layers([*own, *projects], is_whole=belongs_together), unconfirmed


def override(sections: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Return the sections with what NOTIFY_EMAIL (addresses, by commas), EVIDENCE_URL and GitHub's event say instead."""
    event = values.get("PULL_REQUEST", "").strip() or values.get("GITHUB_EVENT_PATH", "").strip()
    if event:
        sections = {**sections, "guardrails": sections["guardrails"].model_copy(update={"pull_request": event})}
    people = [one.strip() for one in values.get("NOTIFY_EMAIL", "").split(",") if one.strip()]
    address = values.get("EVIDENCE_URL", "").strip()
    changes = {**({"notify_to": people} if people else {}), **({"evidence_url": address} if address else {})}
    if not changes:
        return sections
    given = {**sections["health"].model_dump(mode="json"), **changes}
    try:
        return {**sections, "health": SECTIONS["health"].model_validate(given)}
    except ValidationError as exc:
        raise ParamsError([format_problem("NOTIFY_EMAIL or EVIDENCE_URL", problem) for problem in exc.errors()]) from None


def is_strict(variables: Mapping[str, str] | None = None) -> bool:
    """Return whether STRICT asks to refuse a rehearsal: any value but empty, 0, no or false."""
    values = os.environ if variables is None else variables
    return values.get("STRICT", "").strip().lower() not in ("", "0", "no", "false")


def is_reuse(variables: Mapping[str, str] | None = None) -> bool:
    """Return whether REUSE asks to take over unchanged tasks' results: 1 and nothing else."""
    values = os.environ if variables is None else variables
    return values.get("REUSE", "").strip() == "1"


def is_apply(variables: Mapping[str, str] | None = None) -> bool:
    """Return whether APPLY asks to do what was planned: 1 and nothing else."""
    values = os.environ if variables is None else variables
    return values.get("APPLY", "").strip() == "1"


def with_variables(values: Mapping[str, str]) -> dict[str, str]:
    """Return this process's variables with more of them, for a program that becomes ours or a person's: no signing key."""
    return {**{name: value for name, value in os.environ.items() if name != SIGNING_KEY}, **values}


def reading_variables() -> dict[str, str]:
    """Return this process's variables without those by which a run may write, or remember itself elsewhere."""
    return {name: value for name, value in os.environ.items() if name not in LETS_WRITE}


def run_file() -> Path | None:
    """Return the private file of the run this kernel belongs to, or None outside a run."""
    named = os.environ.get(RUN_FILE_VARIABLE)
    return Path(named) if named else None


def history_url() -> str | None:
    """Return the database that keeps the history of runs, or None for the file beside the runs."""
    return os.environ.get("HISTORY_URL", "").strip() or None


def history_problems(values: Mapping[str, str]) -> list[str]:
    """Return a line when the history's address has a password that can't be redacted."""
    return ["HISTORY_URL " + SHORT_PASSWORD] if has_short_password(values.get("HISTORY_URL", "").strip()) else []


def kernel_variables() -> dict[str, str]:
    """Return what a kernel inherits: a short list of names, none of which a target is named by, and this project's own."""
    return {**inherited(KERNELS_INHERIT), **OURS}


def find_pack(asked: str | None, written: str) -> Path:
    """Return the project's folder, absolute. Raises ParamsError when it does not exist.

    asked: as the user named it; written: as the params do.
    """
    path = (Path.cwd() / asked if asked else ROOT / written).expanduser().resolve()
    named = f"PACK={asked}" if asked else f"pack: {written}"
    if path.is_dir():
        return path
    near = get_close_matches(path.name, [one.name for one in path.parent.glob("*/")], n=1) if path.parent.is_dir() else []
    hint = f" Did you mean {near[0]}?" if near else ""
    raise ParamsError(f"{named}: there is no folder {path}.{hint} Fix: Pass the project's checkout.")
