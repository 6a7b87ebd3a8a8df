"""What sets production apart: it holds real data, so no fixture is ever applied there, by any switch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lib.core.errors import ParamsError
from lib.core.permissions import Act
from lib.run.layers import known_environments, read_targets
from lib.run.targets import variables_of

PRODUCTION = re.compile(r"^prod(uction)?([_-].*)?$|^live$")


def is_production(environment: str) -> bool:
    """Return whether an environment is production by its name: no fixture is ever applied there."""
    return PRODUCTION.match(environment) is not None


def production_problems(environment: str, parsed: Any, *, where: str) -> Iterator[str]:
    """Yield one line for each setting that would bring fixtures to production."""
    if not is_production(environment):
        return
    never = "fixtures are never applied to production"
    if parsed.seed.applies:
        yield f"{where}: seed.applies is true, and {never}. Fix: Write `applies: false`."
    if Act.FIXTURES in parsed.writes:
        yield f"{where}: writes lists fixtures, and {never}. Fix: Remove it from the list."


def mistaken_database(environment: str, url: str, values: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Yield a line when an environment's database is production's by its address: a variable was set to the wrong one."""
    for name in known_environments(folder):
        if not url or not is_production(name):
            continue
        try:
            spec = read_targets(name, folder).get("database", "")
        except (ParamsError, AttributeError):
            continue  # a file that can't be understood names nothing; running it says what is wrong
        for variable in variables_of({"database": spec}):
            other = values.get(variable, "").strip()
            if other and database_place(other) == database_place(url):
                yield (
                    f"{environment} and {name} name the same database, by {variable}: {environment} may change its own. "
                    f"Fix: Set the variable of {environment} to its own database."
                )


def database_place(url: str) -> tuple[str, int, str, str]:
    """Return which database an address leads to: host, port, name, and the user, by which a pooler knows the project."""
    parts = urlsplit(url)
    return (parts.hostname or "", parts.port or 5432, parts.path.strip("/") or "postgres", parts.username or "")


def inapplicable_tasks(environment: str, parsed: Any) -> dict[str, str]:
    """Return the tasks that have nothing to look at in an environment, each with the reason."""
    if parsed.seed.applies:
        return {}
    return {"seed": f"{environment} holds real data (seed.applies is false), so no fixtures belong there."}
