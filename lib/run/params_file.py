"""The form of the settings: what each key may say, and one line for each that says something else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from lib.core.errors import ParamsError
from lib.core.permissions import Act
from lib.core.section import Section, find_unsaid, section_of
from lib.embedded.switches import Embedded
from lib.evidence.ages import A_DAY, ShelfLife
from lib.run.layers import ENVIRONMENT_NAME, LAUNCH, PROJECT, Keys, Merged
from lib.run.own_tasks import Value
from lib.run.targets import Spec
from lib.tasks.index import SECTIONS


class Targets(Section):
    """The outside systems of an environment: `embedded`, or the variables that hold address and credentials."""

    database: str | dict[str, str | bool]  # PostgreSQL: its `url`; of its REST API `api`, `anon_key`, `jwt_secret`
    chatwoot: str | dict[str, str | bool]  # `url`, `token` and `account`
    publer: str | dict[str, str | bool]  # `url`, `token` and `workspace`
    mail: str | dict[str, str | bool]  # `url` of the mail server, `webhook` for a second way
    fly: str | dict[str, str | bool]  # `url` of the Machines API, and `token`; `drill_database` may be damaged
    vault: str | dict[str, str | bool]  # `url` of a folder or of HashiCorp Vault, and `token`
    github: str | dict[str, str | bool]  # `url` of the API, and `token`

    @property
    def specs(self) -> dict[str, Spec]:
        return {name: getattr(self, name) for name in type(self).model_fields}


class Run(Section):
    """How a run is executed."""

    jobs: int = Field(ge=1, le=32)  # notebooks at a time
    kernels: Literal["warm", "ordinary"] = "warm"  # forked from a warm server (Linux), or each started by itself
    supabase_cli: str | None = None  # another Supabase CLI than the pinned one: a path, or a name on PATH
    postgres_bin: str | None = None  # the folder of programs of a PostgreSQL of one's own, started instead of the packages'
    flyctl: str | None = None  # another flyctl than the stand-in's, or than the one on PATH: a path, or a name
    notebook_timeout_s: float = Field(gt=0)  # longest one notebook may take, s
    kill_rate_s: float = Field(default=1, ge=0)  # what each task spends on faults made on purpose, s
    kill_rate_floor: float = Field(default=0.9, ge=0, le=1)  # a gate that finds a smaller part of them is an error
    reuse_max_age_h: float = Field(default=24, gt=0, le=168)  # with REUSE=1, results found longer ago are found anew, h


class PromotesFrom(Section):
    """Whose runs count for gates that may not be tried here: those of the same commit in another environment."""

    environment: str = Field(pattern=ENVIRONMENT_NAME.pattern)  # the one whose runs count
    max_age_h: float = Field(gt=0)  # older runs prove nothing, h


Reason = Annotated[str, Field(min_length=5, max_length=300, pattern=r"\S")]
"""Why something does not apply, for a person to judge."""

ParamsFile: type[Section] = create_model(  # type: ignore[call-overload]
    "ParamsFile",
    __base__=Section,
    pack=(str, ...),
    name=(Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]*$")] | None, None),
    owners=(dict[str, Annotated[str, Field(min_length=1, max_length=200)]], {}),
    not_applicable=(dict[str, Reason], {}),
    own_tasks=(dict[str, dict[str, Value]], {}),
    writes=(list[Annotated[Act, Field(strict=False)]], ...),
    promotes_from=(PromotesFrom | None, None),
    targets=(Targets, ...),
    run=(Run, ...),
    shelf_life=(ShelfLife, A_DAY),
    embedded=(Embedded, ...),
    **{name: (model, ...) for name, model in SECTIONS.items()},
)


def belongs_together(place: Keys) -> bool:
    """Return whether the mapping at a place is replaced whole by a later layer: it is a project's own, and no section."""
    model: Any = ParamsFile
    for key in place:
        one = getattr(model, "model_fields", {}).get(key)
        model = section_of(one.annotation) if one is not None else None
        if model is None:
            return True
    return False


def parse_document(merged: Merged, *, where: str) -> Any:
    """Return the settings as a ParamsFile. Raises ParamsError with one line for each thing wrong.

    where: the file that is named for what stands in none.
    """
    try:
        return ParamsFile.model_validate(merged.document)
    except ValidationError as exc:
        problems = exc.errors()
    raise ParamsError([format_problem(merged.origin(place_of(one)) or where, one) for one in problems])


def place_of(problem: ErrorDetails) -> Keys:
    """Return the keys that lead to what pydantic found wrong."""
    return tuple(str(part) for part in problem["loc"])


def parameter_problem(task: str, problem: ErrorDetails) -> str:
    """Return one line for a notebook parameter that the task's section can't take."""
    where = f"the {task} notebook's parameters"
    if problem["type"] == "extra_forbidden":
        place: Any = (task, *problem["loc"])  # as the section is reached in a file of settings
        return ParamsError.unknown_key(where, str(place[-1]), known_keys({**problem, "loc": place}))
    return format_problem(where, problem)


def format_problem(where: str, problem: ErrorDetails) -> str:
    """Return one line for one thing that pydantic found wrong."""
    place = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        section = ".".join(str(part) for part in problem["loc"][:-1])
        return ParamsError.unknown_key(
            f"{where}{': ' + section if section else ''}", str(problem["loc"][-1]), known_keys(problem)
        )
    if problem["type"] == "missing":
        shown = f"params/defaults.yaml or the sample's {LAUNCH}/{PROJECT}.yaml shows one"
        return f"{where}: {place} is missing. Fix: Add it ({shown})."
    seen = repr(problem["input"])
    said = problem["msg"][:1].lower() + problem["msg"][1:]  # what it names keeps its capitals
    return f"{where}: {place}: {said}; saw {seen[:80]} ({type(problem['input']).__name__})."


def known_keys(problem: ErrorDetails) -> list[str]:
    """Return the keys that would have been understood where an unknown one stood."""
    model: Any = ParamsFile
    for part in problem["loc"][:-1]:
        field_of = getattr(model, "model_fields", {}).get(str(part))
        model = section_of(getattr(field_of, "annotation", None))
    return list(getattr(model, "model_fields", {}))


def unsaid_problems(sections: Mapping[str, Section], not_applicable: Mapping[str, str]) -> Iterator[str]:
    """Yield one line for each thing that only the project can say and has not, of each task that applies."""
    for task, section in sections.items():
        gone = {*not_applicable, *(name.removeprefix(f"{task}.") for name in not_applicable)}
        for name in [] if task in not_applicable else find_unsaid(section, without=gone):
            yield (
                f"{LAUNCH}/{PROJECT}.yaml: {task}.{name} is missing, and {task} applies. "
                f"Fix: Say it there, or say under not_applicable why {task} does not apply."
            )
