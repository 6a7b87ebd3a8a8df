"""The lines that `flyctl secrets import` reads, with its parser's own edges.

Source: superfly/flyctl, internal/command/secrets/parser.go: a `#` outside double quotes cuts the value short, one pair
of quotes around a value is taken off, `\"\"\"` alone spans lines, nothing is escaped.
"""

from __future__ import annotations

from lib.embedded.fly.errors import CommandError

MULTILINE = '"""'
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""What Go takes off a text's ends. Source: Go, unicode.IsSpace."""


class SecretLineError(CommandError):
    """A line without `=`; as the real command does, the message holds the whole line."""


def parse_secret_lines(text: str) -> dict[str, str]:
    """Return the secrets that these lines set, by name."""
    values: dict[str, str] = {}
    open_name: str | None = None
    open_text = ""
    for line in scan_lines(text):
        if open_name is not None:
            if line.endswith(MULTILINE):
                values[open_name] = open_text + line.removesuffix(MULTILINE)
                open_name = None
            else:
                open_text += line + "\n"
            continue
        if not line.strip(WHITE_SPACE) or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals:
            raise SecretLineError(f"Secrets must be provided as NAME=VALUE pairs ({line} is invalid)")
        value = without_comment(value.lstrip(" "))
        if value.startswith(MULTILINE) and not (value.endswith(MULTILINE) and len(value) >= 2 * len(MULTILINE)):
            open_name, open_text = name.strip(WHITE_SPACE), value.removeprefix(MULTILINE) + "\n"
        else:
            values[name.strip(WHITE_SPACE)] = plain_value(value)
    return values


def scan_lines(text: str) -> list[str]:
    """Return the lines as Go's scanner gives them: split at newlines alone, one carriage return off each end."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def without_comment(value: str) -> str:
    """Return a value up to its first `#`, unless the double quotes before it are odd in number."""
    place = value.find("#")
    return value[:place].rstrip(" ") if place >= 0 and value[:place].count('"') % 2 == 0 else value


def plain_value(value: str) -> str:
    """Return a one-line value without its quotes."""
    if value.startswith(MULTILINE):
        return value[len(MULTILINE) : -len(MULTILINE)]
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value
