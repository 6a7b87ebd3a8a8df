"""An app's secrets on Fly.io through `flyctl`: read by name and digest, set one at a time, whole, through stdin, staged.

flyctl has two doors for a value on stdin, and each changes some values: `set NAME=-` strips white space at both ends;
`import` cuts at some `#`, strips quotes and ends lines its own way. A value goes through the first door that is known
to leave it as it is, and through none when both would change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lib.clients.fly.flyctl import Fly, fix_of, read
from lib.core.errors import CommandError, TargetError
from lib.core.plain_json import as_list, as_name, as_object
from lib.transport.process import run_command

TRIPLE = '"""'
WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""What Go's strings.TrimSpace takes off: Unicode's White_Space."""
LONGEST_STDIN = 64 * 1024
"""Bytes that `set NAME=-` reads. Source: superfly/flyctl, internal/command/secrets/set.go."""
LONGEST_LINE = 64 * 1024 - 1
"""Bytes of one line that `import` reads. Source: Go, bufio.MaxScanTokenSize."""


@dataclass(frozen=True, kw_only=True)
class FlySecret:
    """One secret as Fly shows it. digest: changes with the value, by a rule that Fly does not say."""

    name: str
    digest: str
    status: str


def read_fly_secrets(fly: Fly) -> dict[str, FlySecret]:
    """Return the app's secrets by name. Raises CommandError when they cannot be read."""
    found = read(fly, lambda said: [read_fly_secret(as_object(one)) for one in as_list(said)], "secrets", "list")
    return {one.name: one for one in found}


def read_fly_secret(one: Mapping[str, Any]) -> FlySecret:
    """Return one secret that flyctl lists. Raises KeyError or ValueError for what is none."""
    return FlySecret(name=as_name(one["name"]), digest=as_name(one["digest"]), status=as_name(one.get("status") or "Unknown"))


def set_fly_secret(fly: Fly, name: str, value: str) -> None:
    """Store one value whole, without deploying it. Raises TargetError when it cannot be, the value nowhere in it."""
    words, stdin = choose_door(name, value)
    run = run_command(
        [fly.program, "secrets", *words, "--stage", "--app", fly.app], timeout_s=fly.timeout_s, env=fly.environment, stdin=stdin
    )
    if run.exit_code != 0:
        # flyctl's `import` repeats a line that it cannot read, so nothing it said is passed on.
        raise CommandError(f"`flyctl secrets {words[0]}` of {name} failed with exit code {run.exit_code}.", fix=fix_of(run))


def choose_door(name: str, value: str) -> tuple[list[str], str]:
    """Return the words after `flyctl secrets` and its stdin, by which this value arrives whole. Raises TargetError."""
    if "\0" in value or not value:
        raise TargetError(
            f"{name} is empty or has a NUL in it, which no variable of a Fly app can hold.",
            fix=f"Correct {name} in the vault.",
        )
    if value == value.strip(WHITE_SPACE) and len(value.encode()) <= LONGEST_STDIN:
        return ["set", f"{name}=-"], value
    for line in import_lines(name, value):
        if arrives_whole(line, name, value):
            return ["import"], line
    raise TargetError(
        f"{name} cannot reach Fly unchanged: it begins or ends with white space, and `flyctl secrets import` would change it.",
        fix="Remove that white space in the vault, or encode the value.",
    )


def import_lines(name: str, value: str) -> list[str]:
    """Return the lines that could give `import` a value."""
    return [f"{name}={quote}{value}{quote}\n" for quote in (TRIPLE, "'", '"')]


def arrives_whole(text: str, name: str, value: str) -> bool:
    """Return whether `import` makes exactly this value of its stdin."""
    try:
        return max(len(line.encode()) for line in text.split("\n")) <= LONGEST_LINE and parse_import(text) == {name: value}
    except ValueError:
        return False


def parse_import(text: str) -> Mapping[str, str]:
    """Return what `flyctl secrets import` makes of its stdin.

    Source: superfly/flyctl, internal/command/secrets/parser.go, ad0172f; bufio.ScanLines takes one CR off each line's end.
    """
    values: dict[str, str] = {}
    open_name, open_text = None, ""
    for line in text.removesuffix("\n").split("\n") if text else ():
        line = line.removesuffix("\r")
        if open_name is not None:
            if line.endswith(TRIPLE):
                values[open_name], open_name = open_text + line.removesuffix(TRIPLE), None
            else:
                open_text += line + "\n"
            continue
        if line.startswith("#") or not line.strip(WHITE_SPACE):
            continue
        name, equals, value = line.partition("=")
        if not equals:
            raise ValueError("a line is not NAME=VALUE")
        name, value = name.strip(WHITE_SPACE), cut_comment(value.lstrip(" "))
        if value.startswith(TRIPLE) and not (value.endswith(TRIPLE) and len(value) >= 6):
            open_name, open_text = name, value.removeprefix(TRIPLE) + "\n"
        else:
            values[name] = strip_quotes(value)
    return values


def cut_comment(value: str) -> str:
    """Return a line's value without what follows a `#` that an even number of double quotes precedes."""
    before, sign, _ = value.partition("#")
    return before.rstrip(" ") if sign and before.count('"') % 2 == 0 else value


def strip_quotes(value: str) -> str:
    """Return a one-line value without the quotes around it."""
    if value.startswith(TRIPLE):
        return value[3:-3]
    for quote in "\"'":
        if len(value) >= 2 and value.startswith(quote) and value.endswith(quote):
            return value[1:-1]
    return value
