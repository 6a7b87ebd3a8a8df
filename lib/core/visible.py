r"""What a text hides, made visible: each character that a terminal or a page obeys instead of showing is written as an escape.

Nothing is dropped but colours: whoever reads that a test is called "ok\x1b[2J" must see it. Letters of every script, accents and
emoji stay as they are.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from typing import TextIO

from lib.core.folding import fold, width_of
from lib.core.redact import redact

COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
"""Select Graphic Rendition, which changes how what follows looks, and nothing else. Source: ECMA-48, 8.3.117."""
HIDDEN = re.compile(
    "\U0001f3f4[\U000e0030-\U000e007a]{4,6}\U000e007f"  # the flags of England, Scotland and Wales
    "|[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ud800-\udfff]"
)
"""Controls, direction marks and overrides, line separators, tags, lone surrogates, and letters without a shape.
Source: https://www.unicode.org/reports/tr36/ (3.5, 3.6), and https://trojansource.codes/trojan-source.pdf."""
JOINERS = "\u200c\u200d"
JOINED_SCRIPTS = re.compile("[\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u18af\ufb50-\ufdff\ufe70-\ufefc]")
"""Scripts whose words need joiners: Arabic, Persian, those of India, Burmese, Khmer, Mongolian."""
MACHINE_HIDDEN = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What JSON itself leaves as it is, and a terminal obeys; in JSON it stands in strings alone."""

COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#\w*\[)", re.MULTILINE)
"""What begins a command of a CI in a printed line."""


def visible(text: str) -> str:
    """Return the text with all that it hides written as escapes, without colours; line ends and tabs stay."""
    plain = COLOURS.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return HIDDEN.sub(lambda found: found[0] if belongs(found) else spell(found[0]), plain)


def belongs(found: re.Match[str]) -> bool:
    """Return whether a character that can't be seen is part of one that can: a flag's tags, a joiner between emoji or letters."""
    if len(found[0]) > 1:
        return True
    if found[0] not in JOINERS or not 0 < found.start() < len(found.string) - 1:
        return False
    before, after = found.string[found.start() - 1], found.string[found.end()]
    if JOINED_SCRIPTS.match(before) and JOINED_SCRIPTS.match(after):
        return True
    is_emoji = unicodedata.category(before) in ("So", "Sk") or before == "\ufe0f"
    return found[0] == "\u200d" and is_emoji and unicodedata.category(after) == "So"


def spell(char: str) -> str:
    r"""Return a character as an escape: \x1b, \u202e, \U000e0041."""
    number = ord(char)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def whole_text(text: str) -> str:
    """Return a text of several lines for a person, uncut: no credentials, nothing hidden."""
    return visible(redact(text))


def plain_line(text: str) -> str:
    r"""Return a text on one line, uncut, no credentials, nothing hidden: a line end in a name is shown as \n."""
    return whole_text(text).replace("\n", "\\n").replace("\t", " ")


def inert_json(text: str) -> str:
    r"""Return JSON with what a terminal would obey as \u escapes: the same data, safe to print."""
    return MACHINE_HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def without_commands(text: str) -> str:
    r"""Return a text none of whose lines a CI obeys: what begins its commands there is written with an escape.

    GitHub Actions takes a line that begins with `::`, after blanks, and `##[` anywhere; Azure Pipelines `##vso[`.
    Source: https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs.
    """
    return COMMAND.sub(lambda found: f"{found[1] or ''}{spell(found[0][-1])}", text)


def print_command(text: str) -> None:
    """Print a line that a CI is meant to obey; whoever makes it has escaped what it holds."""
    print(text, flush=True)


def say(text: object = "", *, to: TextIO | None = None) -> None:
    """Print a text for a person: the only way to the terminal, whose width it is folded to. to: standard output when None."""
    stream = to or sys.stdout
    shown = without_commands(whole_text(str(text)))
    width = width_of(stream)
    print(shown if width is None else fold(shown, width), file=stream, flush=True)
