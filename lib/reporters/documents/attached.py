"""What the commands of a run printed, attached to its feedback entry: an excerpt, where the project keeps it, its sha256."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from lib.core.errors import TargetError
from lib.core.pack_files import read_file
from lib.core.redact import redact
from lib.core.wording import plain_text
from lib.display.markdown import TICKS, link_to, plain
from lib.evidence.log import Artifact, EvidenceLine
from lib.run.run_file import RunFile
from lib.tasks.readiness_summary.attachments import LONGEST_BYTES, is_attached, place_of

LAST_LINES = 8
"""Of an output that are shown: a command says at its end what came of it."""
LONGEST_LINE = 160
"""Characters of one line that are shown."""
TOLD = re.compile(r"--(?:dry-run|include-seed|config|strategy|image)\b(?:[= ][^\s-]\S*)?")
"""Options that say what a command does; the others say where, on this machine."""


def find_attached(lines: Sequence[EvidenceLine]) -> list[Artifact]:
    """Return the artifacts of a run that its entry attaches, each once, in the order found."""
    found = {one.path: one for line in lines for one in line.artifacts if is_attached(one.path)}
    return list(found.values())


def attached_part(run: RunFile, lines: Sequence[EvidenceLine], here: Path) -> str:
    """Return the entry's part on what is attached. here: the folder that its links are seen from."""
    found = find_attached(lines)
    if not found:
        return "Nothing: no command of this run left an output."
    return "\n\n".join(part for one in found for part in attachment(run, one, here))


def attachment(run: RunFile, one: Artifact, here: Path) -> Iterator[str]:
    """Yield the line that names one file, and the end of what is in it."""
    try:
        text = read_file(run.run_folder / one.path, root=run.run_folder, limit_bytes=LONGEST_BYTES).decode("utf-8", "replace")
    except TargetError:
        text = ""
    place = place_of(run.run_id, one.path)
    yield f"- {command_of(text, one.path)}: [{place}]({link_to(run.run_folder / one.path, here)}), sha256 `{one.sha256}`"
    excerpt = [f"  {plain_text(redact(line), limit=LONGEST_LINE)}".rstrip() for line in text.splitlines()[-LAST_LINES:]]
    if excerpt:
        fence = "`" * max(3, 1 + max((len(match[0]) for line in excerpt for match in TICKS.finditer(line)), default=0))
        yield "\n".join([f"  {fence}text", *excerpt, f"  {fence}"])


def command_of(text: str, path: str) -> str:
    """Return what printed a file, as its first line says: the command and the options that say what it does; else its name."""
    first = text.partition("\n")[0]
    if not first.startswith("$ "):
        return plain(Path(path).name)
    words = first[2:].split()
    name = [
        word for place, word in enumerate(words) if not any(one.startswith(("-", "'", '"', "/")) for one in words[: place + 1])
    ]
    return f"`{plain_text(redact(' '.join([*name, *TOLD.findall(first)])).replace('`', ''), limit=LONGEST_LINE)}`"
