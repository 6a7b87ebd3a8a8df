"""What a fleet is made of: which projects are run in which environments, each with the references to its variables. Pure data.

It is said by ENVS and PACKS, or by a file: a YAML list of `pack`, `environment`, `only` and `variables`. No credential is part of
it: a variable is named by where the worker finds its value.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from lib.core.errors import ParamsError
from lib.core.secret_references import find_problem
from lib.run.layers import known_environments, read_targets, read_yaml
from lib.run.own_tasks import FOLDER
from lib.run.project import read_name, spell_name
from lib.run.targets import VARIABLE, parts_of
from lib.tasks.index import TASKS

KEYS = ("pack", "environment", "only", "variables")
NAME = re.compile(r"[A-Z][A-Z0-9_]*")
MARK_LENGTH = 6
"""Characters that tell two projects of the same name and folder apart."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """One project in one environment.

    project: its name in the fleet, which no other project has. only: task names; none for all.
    variables: what its run is given, name -> reference. optional: those of them that may be without a value at the worker.
    """

    project: str
    pack: str
    environment: str
    only: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return f"{self.project}/{self.environment}"


def cross(packs: Iterable[str], environments: Sequence[str], *, base: Path, only: Sequence[str] = ()) -> list[Member]:
    """Return each project in each environment. base: the folder that the paths of packs start from. only: task names.

    Raises ParamsError with a line for each problem.
    """
    entries = [
        (f"PACKS={pack}", {"pack": pack, "environment": one, "only": list(only)}) for pack in packs for one in environments
    ]
    return build_members(entries, base=base)


def read_fleet(path: Path) -> list[Member]:
    """Return what a fleet's file lists; paths of packs start from its folder. Raises ParamsError with a line for each problem."""
    if not path.is_file():
        raise ParamsError(f"FLEET={path}: there is no such file. Fix: Name a YAML list of `pack` and `environment`.")
    _, document = read_yaml(path, path.name, root=path.parent)
    if not isinstance(document, list) or not document:
        raise ParamsError(f"{path.name} must be a list of entries. Fix: Write `- pack: ../a` and `environment: local`.")
    entries = [(f"{path.name}: entry {number}", one) for number, one in enumerate(document, start=1)]
    return build_members(entries, base=path.parent)


def build_members(entries: Sequence[tuple[str, Any]], *, base: Path) -> list[Member]:
    """Return the members, each with a name of its own. entries: where each is said, and what it says."""
    problems = [line for where, entry in entries for line in find_problems(where, entry, base)]
    if problems:
        raise ParamsError(problems)
    found = [build_member(entry, base) for _, entry in entries]
    twice = [key for key, times in Counter((one.pack, one.environment) for one in found).items() if times > 1]
    if twice:
        raise ParamsError([f"{pack} is there more than once for {one}. Fix: Name it once." for pack, one in twice])
    names = choose_names({one.pack for one in found})
    return [with_variables(replace(one, project=names[one.pack])) for one in found]


def find_problems(where: str, entry: Any, base: Path) -> Iterator[str]:
    """Yield one line for each thing wrong with an entry."""
    if not isinstance(entry, dict):
        yield f"{where} must be a mapping; saw {type(entry).__name__}. Fix: Write `pack: ../a` and `environment: local`."
        return
    for key in entry:
        if key not in KEYS:
            yield ParamsError.unknown_key(where, str(key), KEYS)
    for key in ("pack", "environment"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            yield f"{where}: `{key}` must be a text; saw {entry.get(key)!r}. Fix: Write `{key}: ...`."
    pack, environment, only = entry.get("pack"), entry.get("environment"), entry.get("only", [])
    if isinstance(pack, str) and pack.strip() and not (base / pack).expanduser().is_dir():
        yield f"{where}: there is no folder {(base / pack).expanduser()}. Fix: Name the project's checkout."
    if isinstance(environment, str) and environment.strip() and environment not in known_environments():
        near = get_close_matches(environment, known_environments(), n=1)
        hint = f"did you mean {near[0]}?" if near else f"environments: {', '.join(known_environments())}."
        yield f"{where}: there is no params/{environment}.yaml; {hint}"
    if not isinstance(only, list) or not all(isinstance(one, str) for one in only):
        yield f"{where}: `only` must be a list of task names; saw {only!r}. Fix: Write `only: [rls, seed]`."
    elif isinstance(pack, str):
        yield from unknown_tasks(where, only, base / pack)
    yield from variable_problems(where, entry.get("variables", {}))


def unknown_tasks(where: str, only: Iterable[str], pack: Path) -> Iterator[str]:
    """Yield one line for each name that is neither a task nor the folder of one of the project's own."""
    known = [task.name for task in TASKS]
    for name in only:
        if name not in known and not (pack.expanduser() / FOLDER / name).is_dir():
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"tasks: {', '.join(known)}."
            yield f"{where}: only: there is no task {name!r}; {hint}"


def variable_problems(where: str, said: Any) -> Iterator[str]:
    """Yield one line for each variable that is not given by a reference. What is written is not repeated: it may be a value."""
    if not isinstance(said, dict):
        yield f"{where}: `variables` must be a mapping of names to references. Fix: Write `STAGING_DATABASE_URL: A_DATABASE_URL`."
        return
    for name, reference in said.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            yield f"{where}: variables: {name!r} is no name of a variable. Fix: Write it in capitals, digits and underscores."
        elif problem := find_problem(reference):
            yield f"{where}: variables.{name}: {problem}"
        elif name == "ALLOW_WRITES":
            yield f"{where}: variables.{name}: a fleet writes to nothing live. Fix: Run that project by itself."


def build_member(entry: Mapping[str, Any], base: Path) -> Member:
    """Return one entry, not named yet."""
    return Member(
        project="",
        pack=str((base / entry["pack"]).expanduser().resolve()),
        environment=entry["environment"],
        only=tuple(entry.get("only", ())),
        variables=dict(entry.get("variables", {})),
    )


def with_variables(member: Member) -> Member:
    """Return a member that says nothing of its variables with those of its environment, each under the project's own prefix.

    Project `shop` is given STAGING_DATABASE_URL from the worker's SHOP__STAGING_DATABASE_URL: no variable serves two projects.
    """
    if member.variables:
        return member
    prefix = as_prefix(member.project)
    specs = read_targets(member.environment).values()
    texts = [text for spec in specs for text in parts_of(spec).values()]
    names = {match.group(1) for text in texts if (match := VARIABLE.match(text))}
    return replace(member, variables={name: f"{prefix}__{name}" for name in sorted(names)}, optional=frozenset(names))


def choose_names(packs: Iterable[str]) -> dict[str, str]:
    """Return pack -> name: its own, with its folder's behind it where several have that, with a mark where they still agree."""
    own = {pack: spell_name(read_name(Path(pack)) or Path(pack).name) for pack in sorted(packs)}
    named = {pack: f"{name}-{spell_name(Path(pack).name)}" if is_shared(name, own) else name for pack, name in own.items()}
    marks = {pack: hashlib.sha256(pack.encode()).hexdigest()[:MARK_LENGTH] for pack in named}
    return {pack: f"{name}-{marks[pack]}" if is_shared(name, named) else name for pack, name in named.items()}


def is_shared(name: str, names: Mapping[str, str]) -> bool:
    """Return whether several projects would be called so; capitals do not tell two apart, as a variable's prefix has them."""
    return [as_prefix(one) for one in names.values()].count(as_prefix(name)) > 1


def as_prefix(name: str) -> str:
    """Return a project's name as the prefix of its variables spells it."""
    spelled = re.sub(r"[^A-Z0-9]", "_", name.upper())
    return spelled if spelled[0].isalpha() else f"P_{spelled}"
