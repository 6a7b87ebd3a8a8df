"""`python -m lib params ENV [--pack PROJECT]`: what the layers say together, and the file and line of each value."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lib.core.errors import ParamsError
from lib.core.make_commands import make_command
from lib.core.paths import ROOT
from lib.core.visible import plain_line, say
from lib.run.layers import Keys, Merged
from lib.run.params import load_params, read_layers

WIDTH = 100
"""Characters that a mapping may take to stand in one line."""
BESIDE = 64
"""The column at which origins begin, where the value leaves room."""


def show_params(environment: str, *, pack: str | None, folder: Path = ROOT / "params") -> int:
    """Print every value with its origin, then what is wrong with them, and return the exit code: 0, or 2 for a problem."""
    layers = read_layers(environment, pack=pack, folder=folder)
    root, merged, unconfirmed = layers
    say(f"# {environment} of {plain_line(str(root))}: each value, and the file and line that it comes from")
    for line in format_values(merged):
        say(line)
    if unconfirmed:
        were = "was" if len(unconfirmed) == 1 else "were"
        command = plain_line(make_command("confirm", PACK=str(root)))
        say(f"# {len(unconfirmed)} of these lines {were} inferred and not confirmed: {command}")
    try:
        load_params(environment, pack=pack, folder=folder, layers=layers)
    except ParamsError as exc:
        say("\n".join(map(plain_line, exc.problems)), to=sys.stderr)
        return 2
    return 0


def format_values(merged: Merged) -> Iterator[str]:
    """Yield one line a value, indented as in the files, its origin behind it."""
    yield from format_mapping(merged.document, merged, ())


def format_mapping(said: Mapping[str, Any], merged: Merged, place: Keys) -> Iterator[str]:
    """Yield the lines of one mapping; one of plain values that fits stands in one line."""
    for key, value in said.items():
        here = (*place, str(key))
        head = "  " * len(place) + format_value(str(key)) + ":"
        if isinstance(value, Mapping) and value and not is_short(value, merged, here):
            yield head
            yield from format_mapping(value, merged, here)
        else:
            yield f"{f'{head} {format_value(value)}'.ljust(BESIDE)}  # {merged.origin(here)}"


def is_short(value: Mapping[str, Any], merged: Merged, here: Keys) -> bool:
    """Return whether a mapping holds plain values alone, of one line of one file, and fits into a line."""
    origins = {merged.origin((*here, str(key))) for key in value}
    plain = not any(isinstance(one, Mapping) for one in value.values())
    return plain and len(origins) == 1 and len(format_value(value)) <= WIDTH


def format_value(value: Any) -> str:
    """Return plain data as YAML in one line, which is JSON with plain words left without quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{format_value(key)}: {format_value(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(format_value, value)) + "]"
    if isinstance(value, str) and value and is_plain(value):
        return value
    return plain_line(json.dumps(value, ensure_ascii=False, default=str))


def is_plain(text: str) -> bool:
    """Return whether a text is itself without quotes: words of letters, digits and a few marks, no number, yes or no."""
    words = all(char.isalnum() or char in "_./@-" for char in text)
    said = text.lower() in ("true", "false", "null", "yes", "no", "on", "off")
    return words and not said and not text[0].isdigit() and text[0] not in "-@."
