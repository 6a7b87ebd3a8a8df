"""What the user asked for: params/<environment>.yaml, the command line and the environment variables.

The only reader of environment variables. Every problem is reported at once, one line each, before
anything starts. The rehearsal rule is in `lib.run.targets`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from lib.core.errors import ParamsError
from lib.core.paths import ROOT
from lib.core.section import Section
from lib.embedded.switches import Embedded
from lib.run.targets import Spec, find_targets, spec_problems, value_problems, variables_of
from lib.tasks.index import SECTIONS

ENVIRONMENT_NAME = re.compile(r"^[a-z][a-z0-9_-]{0,31}$")
LAUNCH_LIST = "launch_list"
"""The one file in params/ that is no environment."""
RUN_FILE_VARIABLE = "LAUNCH_RUN_FILE"
"""Names the private file by which the runner hands a kernel its run; unset outside a run."""


class Targets(Section):
    """The outside systems of an environment: `embedded`, or the variables that hold address and credentials."""

    database: str | dict[str, str]
    chatwoot: str | dict[str, str]
    publer: str | dict[str, str]
    mail: str | dict[str, str]
    fly: str | dict[str, str]
    vault: str | dict[str, str]
    github: str | dict[str, str]

    @property
    def specs(self) -> dict[str, Spec]:
        return {name: getattr(self, name) for name in type(self).model_fields}


class Run(Section):
    """How a run is executed."""

    jobs: int = Field(ge=1, le=32)  # notebooks at a time
    supabase_cli: str | None = None  # another Supabase CLI than the pinned one: a path, or a name on PATH
    flyctl: str | None = None  # another flyctl than the stand-in's, or than the one on PATH: a path, or a name
    notebook_timeout_s: float = Field(gt=0)  # longest one notebook may take, s


ParamsFile: type[Section] = create_model(  # type: ignore[call-overload]
    "ParamsFile",
    __base__=Section,
    pack=(str, ...),
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
    rehearsal: whether embedded parts stand in for every target.
    rehearsed_for: the variables whose absence made it a rehearsal; empty for a local environment.
    production_writes_allowed: ALLOW_WRITES=production was said, whatever the environment.
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
    writes_allowed: bool
    production_writes_allowed: bool = False

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
    Raises ParamsError with every problem found, one line each.
    """
    values = os.environ if variables is None else variables
    document = read_document(environment, folder)
    parsed = parse_document(document, where=f"params/{environment}.yaml")
    where = f"params/{environment}.yaml"
    problems = list(spec_problems(where, parsed.targets.specs))
    folder_of_pack = find_pack(pack, parsed.pack, problems)
    if problems:
        raise ParamsError(problems)
    named = find_targets(parsed.targets.specs, values)
    problems += value_problems(named.found, parsed.targets.specs)
    if problems:
        raise ParamsError(problems)
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
        writes_allowed=named.rehearsal or values.get("ALLOW_WRITES", "").strip() == environment,
        production_writes_allowed=values.get("ALLOW_WRITES", "").strip() == "production",
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


def kernel_variables() -> dict[str, str]:
    """Return what a kernel inherits: this process's variables without any that a target is named by."""
    private = named_variables()
    return {name: value for name, value in os.environ.items() if name not in private}


def named_variables() -> set[str]:
    """Return every variable that a target of any params file that can be read is named by."""
    names: set[str] = set()
    for name in known_environments():
        try:
            specs = read_document(name, ROOT / "params").get("targets") or {}
            names |= variables_of(specs)
        except (ParamsError, AttributeError, TypeError):
            continue  # a file that can't be understood names nothing; running it says what is wrong
    return names


def known_environments(folder: Path = ROOT / "params") -> list[str]:
    """Return the environments there are: one a file."""
    return sorted(path.stem for path in folder.glob("*.yaml") if path.stem != LAUNCH_LIST)


def read_document(environment: str, folder: Path, *, seen: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return one params file as plain data, laid over the environment it `extends`, if any."""
    path = folder / f"{environment}.yaml"
    if environment == LAUNCH_LIST or not ENVIRONMENT_NAME.match(environment) or not path.is_file():
        raise ParamsError.no_such_environment(environment, known_environments(folder))
    if environment in seen:
        raise ParamsError(f"params/{environment}.yaml extends itself, by way of {', '.join(seen)}.")
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        said = " ".join(str(exc).split())
        raise ParamsError(f"params/{environment}.yaml is not valid YAML: {said}.") from exc
    if not isinstance(document, dict):
        raise ParamsError(f"params/{environment}.yaml must be a mapping of sections; saw {type(document).__name__}.")
    base = document.pop("extends", None)
    if base is None:
        return document
    return merge(read_document(str(base), folder, seen=(*seen, environment)), document)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `over` laid over `base`: mappings are merged, everything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged


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
