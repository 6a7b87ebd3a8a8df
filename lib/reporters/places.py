"""Which file of the project, and which line of it, a finding is about: read from the words of its result.

A name counts only when the project has that file, so that no word is taken for a place. Pure but for `list_places`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath

from lib.clients.git import find_root, list_files
from lib.core.errors import TargetError
from lib.core.faults import PROVES_LITTLE
from lib.core.results import Outcome
from lib.evidence.log import EvidenceLine
from lib.reporters.objects import Spot, find_objects

MOST_ODD = 5_000
"""Names with spaces or brackets that are looked for one by one."""
MOST_PLACES = 20
"""Places kept of one finding; its result has all."""
LONGEST = 20_000
"""Characters of a text that are read."""
WORD = re.compile(r"[^\s\"'`<>|,;:()\[\]{}=*?!\\]+")
"""What a file's name is looked for in; names with other characters are looked for as a whole."""
AFTER_COLON = re.compile(r":(?: (?=\d+:\d))?(\d{1,7})(?![\d.])")
"""`path:12`, as compilers say it, and `path: 12:3:`, as promtool does."""
IN_WORDS = re.compile(r"\blines? (\d{1,7})\b")
"""`path, line 12`, `path: line 12 has ...`, `... in line 12, column 4`."""
BEFORE = re.compile(r"\blines? (\d{1,7}) (?:of|in) $")
"""`line 12 of path`."""
SENTENCE_END = re.compile(r"[.;!?](?=\s|$)")
NEAR = 160
"""Characters after a name in which its line is looked for."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A file by its path from the root of the repository, else of the project, and a line counted from 1 where one is known."""

    path: str
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class ProjectFiles:
    """The files of a project, by their paths from its folder. prefix: that folder in its repository, '' or `folder/`.

    pack: where the project is on this machine, to know its files by whole paths, too. objects: name -> where it is made or set.
    """

    names: frozenset[str]
    prefix: str = ""
    pack: str = ""
    objects: Mapping[str, Spot] = field(default_factory=dict, repr=False)
    by_end: Mapping[str, tuple[str, ...]] = field(init=False, repr=False)
    odd: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Know each file by its last word, and which names hold what otherwise ends one, longest first."""
        ends: dict[str, tuple[str, ...]] = {}
        for name in sorted(self.names):
            end = PurePosixPath(name).name
            ends[end] = (*ends.get(end, ()), name)
        odd = sorted((name for name in self.names if not WORD.fullmatch(name)), key=len, reverse=True)
        object.__setattr__(self, "by_end", ends)
        object.__setattr__(self, "odd", tuple(odd[:MOST_ODD]))

    def find(self, word: str) -> str | None:
        """Return the file that a word names: by its path from the project or the repository, or by a tail only one file has."""
        word = word.removeprefix(f"{self.pack}/") if self.pack else word
        word = word.removeprefix("./")
        if word in self.names:
            return word
        if self.prefix and word.startswith(self.prefix) and word.removeprefix(self.prefix) in self.names:
            return word.removeprefix(self.prefix)
        if "." not in word and "/" not in word:
            return None
        tails = [name for name in self.by_end.get(PurePosixPath(word).name, ()) if name.endswith(f"/{word}")]
        if len(tails) > 1:  # a migration is named without its folder, and a rollback may have the same name
            tails = [name for name in tails if PurePosixPath(name).parent.name == "migrations"]
        return tails[0] if len(tails) == 1 else None


def find_places(line: EvidenceLine, files: ProjectFiles) -> tuple[Place, ...]:
    """Return the places that a failed or undetermined result is about, in the order named; none when it names no file.

    What was seen counts before what was observed, and both before what to do; in each, a file before an object of the database
    or a setting, which stands where the project makes or sets it.
    """
    if line.result not in (Outcome.FAIL, Outcome.ERROR):
        return ()
    seen = "" if line.detail.startswith(PROVES_LITTLE) else line.detail
    observed = [] if line.observed is None else [in_text(line.observed)]
    for texts in ([seen], observed, line.fix):
        found = [place for text in texts for place in places_in(text, files)]
        found = found or [place for text in texts for place in objects_in(text, files)]
        if found:
            return tuple(islice(without_doubles(found), MOST_PLACES))
    return ()


def objects_in(text: str, files: ProjectFiles) -> Iterator[Place]:
    """Yield where each object or setting that a text names by its whole name is made or set."""
    for found in WORD.finditer(text[:LONGEST]):
        spot = files.objects.get(found[0].rstrip("."))
        if spot is not None:
            yield Place(path=files.prefix + spot[0], line=spot[1])


def in_text(value: object) -> str:
    """Return a JSON value as text in which names stand as they are."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def places_in(text: str, files: ProjectFiles) -> list[Place]:
    """Return each file of the project that a text names, with its line."""
    text = text[:LONGEST]
    named = sorted(mentions(text, files))
    ends = [*(start for start, _, _ in named[1:]), len(text)][: len(named)]
    return [
        Place(path=files.prefix + name, line=line_near(text, start, end, until))
        for (start, end, name), until in zip(named, ends, strict=True)
    ]


def mentions(text: str, files: ProjectFiles) -> Iterator[tuple[int, int, str]]:
    """Yield where each name begins and ends, and the file."""
    taken: list[range] = []
    for name in (name for name in files.odd if name in text):
        for found in re.finditer(re.escape(name), text):
            if not any(found.start() in one for one in taken):
                taken.append(range(found.start(), found.end()))
                yield found.start(), found.end(), name
    for found in WORD.finditer(text):
        word = found[0].rstrip(".")
        file = files.find(word) if not any(found.start() in one for one in taken) else None
        bare = "." not in word and "/" not in word
        end = found.start() + len(word)
        if file is not None and (not bare or line_near(text, found.start(), end, len(text)) is not None):
            yield found.start(), end, file


def line_near(text: str, start: int, end: int, until: int) -> int | None:
    """Return the line that is said of a name between `start` and `end`, before the next name at `until`; None without one."""
    if found := AFTER_COLON.match(text, end):
        return number(found)
    if found := BEFORE.search(text[max(0, start - 30) : start]):
        return number(found)
    near = text[end : min(until, end + NEAR)]
    stop = SENTENCE_END.search(near)
    return number(IN_WORDS.search(near[: stop.start()] if stop else near))


def number(found: re.Match[str] | None) -> int | None:
    """Return a line's number; None for none, and for line 0, which there is not."""
    return (int(found[1]) or None) if found else None


def without_doubles(places: Sequence[Place]) -> Iterator[Place]:
    """Yield each place once; a file alone only when no line of it is named."""
    with_line = {one.path for one in places if one.line is not None}
    yield from (one for one in dict.fromkeys(places) if one.line is not None or one.path not in with_line)


def list_places(pack: Path) -> ProjectFiles:
    """Return the files of a project; none where nobody can list them: then no finding has a place."""
    try:
        names, root = list_files(pack), find_root(pack)
    except (TargetError, OSError):
        return ProjectFiles(names=frozenset())
    folder = pack.resolve().relative_to(root.resolve()).as_posix() if root else "."
    prefix = "" if folder == "." else f"{folder}/"
    return ProjectFiles(names=frozenset(names), prefix=prefix, pack=str(pack), objects=find_objects(pack, names))
