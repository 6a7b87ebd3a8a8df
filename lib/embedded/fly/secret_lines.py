"""The lines that `flyctl secrets import` reads, with its parser's own edges.

Source: superfly/flyctl, internal/command/secrets/parser.go: a `#` outside double quotes cuts the value short, one pair
of quotes around a value is taken off, `\"\"\"` alone spans lines, nothing is escaped.
"""

from __future__ import annotations

MULTILINE = '"""'


class SecretLineError(Exception):
    """A line without `=`; as the real command does, the message holds the whole line."""


def parse_secret_lines(text: str) -> dict[str, str]:
    """Return the secrets that these lines set, by name."""
    values: dict[str, str] = {}
    open_name, open_lines = "", []
    for line in text.splitlines():
        if open_name:
            open_lines.append(line.removesuffix(MULTILINE))
            if line.endswith(MULTILINE):
                values[open_name] = "\n".join(open_lines)
                open_name = ""
            continue
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals:
            raise SecretLineError(f"Secrets must be provided as NAME=VALUE pairs ({line} is invalid)")
        if value.startswith(MULTILINE):
            open_name, open_lines = name.strip(), [value.removeprefix(MULTILINE)]
        else:
            values[name.strip()] = plain_value(value)
    return values


def plain_value(value: str) -> str:
    """Return a one-line value without its comment and its quotes."""
    place = value.find("#")
    if place >= 0 and value[:place].count('"') % 2 == 0:
        value = value[:place].rstrip()
    value = value.lstrip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value
