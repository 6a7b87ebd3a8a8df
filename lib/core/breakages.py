"""Notes of what broke inside our own stand-ins and servers: bugs of ours, never findings about the project.

A part that breaks writes its note at once, into the run's private folder. A look that rests on that part
reads it, and gives `error` with the sentence of the note; the runner keeps the traceback with the run.
Standard library only: the stand-in for Fly.io runs without any package.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = "breakages"
MOST_NOTES = 20
"""Notes kept of one target; a part that breaks at every request would fill the disk."""

PARTS = {
    "database": "embedded PostgreSQL",
    "api": "REST API stand-in",
    "fly": "Fly.io stand-in",
    "chatwoot": "Chatwoot stand-in",
    "publer": "Publer stand-in",
    "mail": "mail stand-in",
    "vault": "vault stand-in",
    "github": "GitHub stand-in",
    "runner": "runner of the notebooks",
}
"""Target -> what plays it in a rehearsal."""


@dataclass(frozen=True, kw_only=True)
class Breakage:
    """One thing that broke.

    target: what the broken part plays. sentence: what broke, in one sentence. traceback: for who fixes it.
    is_final: the part is gone; every later look at it is in vain.
    """

    name: str
    target: str
    sentence: str
    traceback: str
    is_final: bool = False


def describe_breakage(target: str, said: BaseException | str) -> str:
    """Return the sentence about a part that raised an exception, or about which `said` says enough."""
    what = said if isinstance(said, str) else f"{type(said).__name__}: {said}".partition("\n")[0].rstrip(".: ")
    return f"The {PARTS.get(target, target)} broke: {what}. This is a bug of ours, not a finding about the project."


def note_breakage(work: Path, target: str, said: BaseException | str, *, is_final: bool = False) -> str:
    """Keep a note of what broke and return its sentence. work: the run's private folder."""
    sentence = describe_breakage(target, said)
    trace = "" if isinstance(said, str) else format_exception(said)
    folder = work / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in range(1, MOST_NOTES + 1):
        name = f"{target}-{number:02}"
        # Written beside and linked: who reads it never sees half of it, and two writers never share a name.
        beside = folder / f".{name}.{os.getpid()}.{threading.get_ident()}"
        beside.write_text(
            json.dumps(asdict(Breakage(name=name, target=target, sentence=sentence, traceback=trace, is_final=is_final))),
            encoding="utf-8",
        )
        try:
            os.link(beside, folder / f"{name}.json")
        except FileExistsError:
            continue
        finally:
            beside.unlink()
        break
    return sentence


def format_exception(said: BaseException) -> str:
    """Return an exception with its traceback, as Python prints it."""
    import traceback  # each command of a stand-in imports this module, and hardly one of them breaks

    return "".join(traceback.format_exception(said))


def read_breakages(work: Path) -> list[Breakage]:
    """Return every note, by name."""
    return [Breakage(**json.loads(path.read_text(encoding="utf-8"))) for path in sorted((work / FOLDER).glob("*.json"))]


def breakages_since(work: Path, known: Collection[str], targets: Collection[str]) -> list[Breakage]:
    """Return the notes about these targets that are new, or final. known: names of the notes there were before."""
    return [one for one in read_breakages(work) if one.target in targets and (one.is_final or one.name not in known)]
