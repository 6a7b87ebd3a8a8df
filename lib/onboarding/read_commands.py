"""Which scripts of package.json prove something: those of the usual names, but none that deploys, publishes or resets."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from lib.clients.npm import DOES_NOTHING, LARGEST_PACKAGE_BYTES, PACKAGE, scripts_of
from lib.core.errors import TargetError
from lib.core.pack_files import read_text_file
from lib.core.plain_json import PlainJsonError, load_json
from lib.onboarding.tree import Tree

USUAL = (
    *("ci", "check", "test:ci", "test", "lint", "lint:check", "typecheck", "type-check", "type:check", "types:check"),
    *("check-types", "check:types", "tsc", "format:check", "format-check", "check-format", "check:format", "fmt:check"),
    *("prettier:check", "check:prettier", "fmt", "scan", "audit:ci"),
)
"""Names that projects give to what a continuous integration runs, in the order that a person would list them."""
CHANGES_THE_OUTSIDE = re.compile(
    r"(?<!\w)(?:deploy\w*|publish|release|semantic-release|reset|db:?push|db\s+push|migrate\s+(?:deploy|dev|up)|migration\s+(?:up|repair)"
    r"|functions\s+deploy|secrets\s+set|db\s+remote|--prod|--production|docker\s+push|git\s+push|terraform\s+apply|rm\s+-rf\s+/)",
    re.IGNORECASE,
)
"""What a command may say that changes more than a throw-away copy of the project."""
NEVER_ENDS = re.compile(r"--watch(?!All=false|=false)\b|\b(?:nodemon|next dev|vite dev|supabase start)\b")
NO_TEST = re.compile(r"no test specified")
CALLS = re.compile(
    r"\b(?:npm|pnpm|yarn|bun)\s+(?:run\s+|run-script\s+)?(?:-\S+\s+)*([\w:.-]+)|\b(?:run-s|run-p|npm-run-all)\s+([\w:. -]+)"
)
DEEPEST_CALLS = 10


def read_package(tree: Tree, name: str) -> Mapping[str, object]:
    """Return the content of a package.json. Raises TargetError when it can't be read as an object."""
    text = read_text_file(tree.root / name, root=tree.root, limit_bytes=LARGEST_PACKAGE_BYTES)
    try:
        document = load_json(text)
    except PlainJsonError as exc:
        raise TargetError(f"{name} is not valid JSON: {exc}.") from exc
    if not isinstance(document, dict):
        raise TargetError(f"{name} is not a JSON object.")
    return document


def read_commands(tree: Tree, problems: list[str]) -> tuple[str, ...]:
    """Return the names of the scripts to run, () without a package.json; adds a sentence for each usual one left out."""
    if not os.path.lexists(tree.root / PACKAGE):
        return ()
    try:
        scripts = scripts_of(read_package(tree, PACKAGE))
    except TargetError as exc:
        problems.append(exc.message)
        return ()
    chosen = []
    for name in USUAL:
        if name in scripts:
            if why := why_not(name, scripts):
                problems.append(f"The script {name} of {PACKAGE} was left out: it {why}.")
            else:
                chosen.append(name)
    return tuple(chosen)


def why_not(name: str, scripts: Mapping[str, str]) -> str:
    """Return why a script is not one to run, '' when it is: by what it says, and what the scripts that it calls say."""
    line = scripts[name]
    if DOES_NOTHING.match(line) or NO_TEST.search(line):
        return "does nothing"
    for one in reached_from(name, scripts):
        if found := CHANGES_THE_OUTSIDE.search(f"{one} {scripts[one]}"):
            return f"may change more than a copy of the project ({found[0].strip()})"
        if found := NEVER_ENDS.search(scripts[one]):
            return f"may never end ({found[0].strip()})"
    return ""


def reached_from(name: str, scripts: Mapping[str, str]) -> list[str]:
    """Return a script and all that it calls, with what npm runs before and after each."""
    reached, waiting = [], [name]
    while waiting:
        one = waiting.pop()
        if one in reached or one not in scripts:
            continue
        reached.append(one)
        called = [word for found in CALLS.findall(scripts[one]) for part in found for word in part.split()]
        waiting += [*called, f"pre{one}", f"post{one}"]
    return reached
