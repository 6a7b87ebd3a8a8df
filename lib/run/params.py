"""What the user asked for: params/<environment>.yaml, the command line and the environment variables.

The only reader of environment variables. Every problem is reported at once, one line each, before
anything starts. The rehearsal rule is in `lib.run.targets`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from lib.core.environment import KERNELS_INHERIT, OURS, inherited
from lib.core.errors import ParamsError
from lib.core.paths import ROOT
from lib.core.permissions import TARGETS, Act, Refusal, refuse
from lib.core.redact import register_secrets
from lib.core.results import Provenance
from lib.core.section import Section
from lib.embedded.switches import Embedded
from lib.run.address import provenances_of
from lib.run.layers import ENVIRONMENT_NAME, read_document
from lib.run.named_secrets import secrets_of
from lib.run.production import inapplicable_tasks, is_production, mistaken_database, production_problems
from lib.run.targets import (
    SHORT_PASSWORD,
    Spec,
    find_targets,
    has_short_password,
    is_declared_live,
    spec_problems,
    value_problems,
)
from lib.tasks.index import SECTIONS

RUN_FILE_VARIABLE = "LAUNCH_RUN_FILE"
"""Names the private file by which the runner hands a kernel its run; unset outside a run."""


class Targets(Section):
    """The outside systems of an environment: `embedded`, or the variables that hold address and credentials."""

    database: str | dict[str, str | bool]
    chatwoot: str | dict[str, str | bool]
    publer: str | dict[str, str | bool]
    mail: str | dict[str, str | bool]
    fly: str | dict[str, str | bool]
    vault: str | dict[str, str | bool]
    github: str | dict[str, str | bool]

    @property
    def specs(self) -> dict[str, Spec]:
        return {name: getattr(self, name) for name in type(self).model_fields}


class Run(Section):
    """How a run is executed."""

    jobs: int = Field(ge=1, le=32)  # notebooks at a time
    supabase_cli: str | None = None  # another Supabase CLI than the pinned one: a path, or a name on PATH
    flyctl: str | None = None  # another flyctl than the stand-in's, or than the one on PATH: a path, or a name
    notebook_timeout_s: float = Field(gt=0)  # longest one notebook may take, s


class PromotesFrom(Section):
    """Whose runs count for gates that may not be tried here: those of the same commit in another environment."""

    environment: str = Field(pattern=ENVIRONMENT_NAME.pattern)
    max_age_h: float = Field(gt=0)  # older runs prove nothing, h


ParamsFile: type[Section] = create_model(  # type: ignore[call-overload]
    "ParamsFile",
    __base__=Section,
    pack=(str, ...),
    writes=(list[Annotated[Act, Field(strict=False)]], ...),
    promotes_from=(PromotesFrom | None, None),
    targets=(Targets, ...),
    run=(Run, ...),
    embedded=(Embedded, ...),
    **{name: (model, ...) for name, model in SECTIONS.items()},
)


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
    not_applicable: task -> why it has nothing to look at in this environment.
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

    @property
    def file(self) -> str:
        return f"params/{self.environment}.yaml"


def load_params(
    environment: str,
    *,
    pack: str | None = None,
    variables: Mapping[str, str] | None = None,
    folder: Path = ROOT / "params",
) -> Params:
    """Return one environment's params, validated whole.

    pack: replaces the file's `pack`, relative to where the user stands.
    variables: the environment variables to read; the process's own when not given.
    Every credential that the variables hold is known to redaction from here on.
    Raises ParamsError with every problem found, one line each.
    """
    values = os.environ if variables is None else variables
    document = read_document(environment, folder)
    parsed = parse_document(document, where=f"params/{environment}.yaml")
    where = f"params/{environment}.yaml"
    specs = parsed.targets.specs
    problems = [*spec_problems(where, specs), *production_problems(environment, parsed, where=where)]
    folder_of_pack = find_pack(pack, parsed.pack, problems)
    if problems:
        raise ParamsError(problems)
    named = find_targets(specs, values)
    problems += [*value_problems(named.found, specs), *history_problems(values)]
    register_secrets(secrets_of(values, targets=named.found))
    if not is_production(environment):
        problems += mistaken_database(environment, named.found.get("database", {}).get("url", ""), values, folder)
    if problems:
        raise ParamsError(problems)
    asked = values.get("ALLOW_WRITES", "").strip()
    granted = frozenset(parsed.writes)
    return Params(
        environment=environment,
        pack=folder_of_pack,
        sections=override({name: getattr(parsed, name) for name in SECTIONS}, values),
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
        not_applicable=inapplicable_tasks(environment, parsed),
    )


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


def is_apply(variables: Mapping[str, str] | None = None) -> bool:
    """Return whether APPLY asks to do what was planned: 1 and nothing else."""
    values = os.environ if variables is None else variables
    return values.get("APPLY", "").strip() == "1"


def with_variables(values: Mapping[str, str]) -> dict[str, str]:
    """Return this process's variables with more of them."""
    return {**os.environ, **values}


def run_file() -> Path | None:
    """Return the private file of the run this kernel belongs to, or None outside a run."""
    named = os.environ.get(RUN_FILE_VARIABLE)
    return Path(named) if named else None


def history_url() -> str | None:
    """Return the database that keeps the history of runs, or None for the file beside the runs."""
    return os.environ.get("HISTORY_URL", "").strip() or None


def named_signing_key() -> Path | None:
    """Return the key that SIGNING_KEY names for signing runs, or None."""
    named = os.environ.get("SIGNING_KEY", "").strip()
    return Path(named).expanduser().absolute() if named else None


def config_folder() -> Path | None:
    """Return the user's folder for what the workbook keeps beyond any checkout; None of a user without a home.

    Source: XDG Base Directory Specification.
    """
    named, home = (Path(os.environ.get(name, "").strip()) for name in ("XDG_CONFIG_HOME", "HOME"))
    base = named if named.is_absolute() else home / ".config" if home.is_absolute() and home.is_dir() else None
    return base / "launch-readiness-workbook" if base else None


def history_problems(values: Mapping[str, str]) -> list[str]:
    """Return a line when the history's address has a password that can't be redacted."""
    return ["HISTORY_URL " + SHORT_PASSWORD] if has_short_password(values.get("HISTORY_URL", "").strip()) else []


def kernel_variables() -> dict[str, str]:
    """Return what a kernel inherits: a short list of names, none of which a target is named by, and this project's own."""
    return {**inherited(KERNELS_INHERIT), **OURS}


def parse_document(document: Mapping[str, Any], *, where: str) -> Any:
    """Return the document as a ParamsFile. Raises ParamsError with one line for each thing wrong."""
    try:
        return ParamsFile.model_validate(document)
    except ValidationError as exc:
        raise ParamsError([format_problem(where, problem) for problem in exc.errors()]) from None


def parameter_problem(task: str, problem: ErrorDetails) -> str:
    """Return one line for a notebook parameter that the task's section can't take."""
    return format_problem(f"the {task} notebook's parameters", problem)


def format_problem(where: str, problem: ErrorDetails) -> str:
    """Return one line for one thing that pydantic found wrong."""
    place = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        section = ".".join(str(part) for part in problem["loc"][:-1])
        return ParamsError.unknown_key(
            f"{where}{': ' + section if section else ''}", str(problem["loc"][-1]), known_keys(problem)
        )
    if problem["type"] == "missing":
        return f"{where}: {place} is missing. Fix: Add it (params/local.yaml shows one)."
    seen = repr(problem["input"])
    return f"{where}: {place}: {problem['msg'].lower()}; saw {seen[:80]} ({type(problem['input']).__name__})."


def known_keys(problem: ErrorDetails) -> list[str]:
    """Return the keys that would have been understood where an unknown one stood."""
    model: Any = ParamsFile
    for part in problem["loc"][:-1]:
        field_of = getattr(model, "model_fields", {}).get(str(part))
        model = getattr(field_of, "annotation", None)
    return list(getattr(model, "model_fields", {}))


def find_pack(asked: str | None, written: str, problems: list[str]) -> Path:
    """Return the pack's folder, absolute; adds a line to problems when the folder does not exist."""
    path = (Path.cwd() / asked if asked else ROOT / written).expanduser().resolve()
    named = f"PACK={asked}" if asked else f"pack: {written}"
    if not path.is_dir():
        near = get_close_matches(path.name, [one.name for one in path.parent.glob("*/")], n=1) if path.parent.is_dir() else []
        hint = f" Did you mean {near[0]}?" if near else ""
        problems.append(f"{named}: there is no folder {path}.{hint} Fix: Pass the project's checkout.")
    return path
