"""Where the links and the paths of a document lead: to files of the project, or nowhere. Nothing is asked of the web."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from urllib.parse import unquote, urlsplit

from lib.core.direction import Reference
from lib.core.direction_values import MOST_PATHS, expand_braces
from lib.core.errors import TargetError
from lib.display.markdown import heading_anchors
from lib.tasks.guardrails.policy import matches

ENDINGS = frozenset(
    {
        "bash", "cfg", "conf", "css", "csv", "env", "example", "html", "ini", "ipynb", "js", "json", "jsx", "lock", "md", "mdx",
        "mjs", "cjs", "png", "ps1", "py", "rb", "sh", "sql", "svg", "tf", "toml", "ts", "tsx", "txt", "xml", "yaml", "yml",
    }
)  # fmt: skip
"""What the name of a file ends in where no folder says that it is one."""
NO_FILES = frozenset({"node.js", "next.js", "vue.js", "nuxt.js", "express.js", "three.js", "d3.js", "react.js", "alpine.js"})
NEVER = re.compile(r"""[\s=();|&"'`$:@\\]|^[-/~]|^\w[\w.-]*\.(?:com|org|net|io|dev|app)(?:/|$)""")
"""What no path of a project has in it: blanks, what a shell knows, the beginning of an endpoint, a host's name."""
ELISION = re.compile(r"\.{3}|…|<[^>]*>")
ENDING = re.compile(r"\.([A-Za-z][A-Za-z0-9]{0,9})$")
GLOB = re.compile(r"[*?]")


@dataclass(frozen=True, kw_only=True)
class Led:
    """Where one reference leads. problem: why nowhere. note: `web`, `made by the launch`, or '' for what is there."""

    target: str
    line: int
    problem: str = ""
    note: str = ""


MOST_FOLLOWED = 500
"""Links and paths of one document; people write a few dozen."""
LONGEST_COMPARED = 2_000
"""Files among which a name like a missing one is looked for: it takes long among more."""
WEB = "web"
MADE = "made by the launch"


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a document may name. document: its path. files: all of the project's. made: patterns of what the launch makes.

    read: gives a file's text; raises nothing, '' for what can't be read.
    """

    document: str
    files: Collection[str]
    made: Sequence[str]
    read: Callable[[str], str]

    @property
    def folders(self) -> set[str]:
        """Every folder that has files."""
        return {parent for path in self.files for parent in parents_of(path)}


def parents_of(path: str) -> Iterator[str]:
    """Yield every folder above a path."""
    while path := posixpath.dirname(path):
        yield path


def follow(references: Sequence[Reference], around: Surroundings) -> list[Led]:
    """Return where each link and path leads, each once; what is set as code and is no path is left alone.

    Raises TargetError when there are more than anybody follows.
    """
    folders = around.folders
    top = {path.partition("/")[0] for path in around.files}
    found: dict[tuple[str, bool], Led] = {}
    for one in references:
        if (one.target, one.is_link) in found:
            continue
        if len(found) > MOST_FOLLOWED:
            raise TargetError(
                f"{around.document} names more than {MOST_FOLLOWED} links and paths.", fix=f"Shorten {around.document}."
            )
        if one.is_link:
            found[one.target, True] = follow_link(one, around, folders)
        elif is_path(one.target, top):
            found[one.target, False] = follow_path(one, around, folders)
    return list(found.values())


def is_path(code: str, top: Collection[str]) -> bool:
    """Return whether what is set as code is a path of a project. top: what is at its root."""
    plain = code.replace("{", "").replace("}", "")
    if NEVER.search(ELISION.sub("", plain)) or code.lower() in NO_FILES:
        return False
    ending = ENDING.search(plain)
    if "/" not in code:
        return ending is not None and ending[1].lower() in ENDINGS and not code.startswith(".")
    first, _, rest = code.removeprefix("./").partition("/")
    return bool(rest == "" or ending or code.endswith("/") or GLOB.search(code) or "..." in code or "…" in code or first in top)


def follow_link(one: Reference, around: Surroundings, folders: Collection[str]) -> Led:
    """Return where a link leads: to the web, to a heading, or to a file as Markdown finds it, from the document's folder."""
    try:
        parts = urlsplit(one.target)
    except ValueError:
        return Led(target=one.target, line=one.line, problem="is not a valid address")
    if parts.scheme or parts.netloc:
        return Led(target=one.target, line=one.line, note=WEB)
    place = place_of(one.target, around.document, is_link=True) if parts.path else around.document
    led = lead(one, place, around, folders)
    if led.problem and lead(one, posixpath.normpath(unquote(parts.path)), around, folders).problem == "":
        right = posixpath.relpath(unquote(parts.path), posixpath.dirname(around.document) or ".")
        return Led(target=one.target, line=one.line, problem=f"leads nowhere from the document's folder; write {right}")
    is_text = place.lower().endswith((".md", ".markdown", ".mdx")) and place in around.files
    is_dead = led.problem == "" and parts.fragment and is_text
    if is_dead and unquote(parts.fragment).lower() not in heading_anchors(around.read(place)):
        return Led(target=one.target, line=one.line, problem=f"{place} has no heading #{parts.fragment}")
    return led


def follow_path(one: Reference, around: Surroundings, folders: Collection[str]) -> Led:
    """Return where a path that is set as code leads, from the project's root; every spelling of its braces must be there."""
    paths = list(expand_braces(one.target))
    if len(paths) > MOST_PATHS:
        return Led(target=one.target, line=one.line, problem=f"stands for more than {MOST_PATHS} paths")
    led = [lead(one, place_of(path, around.document, is_link=False), around, folders, shown=path) for path in paths]
    problems = [each.problem for each in led if each.problem]
    notes = [each.note for each in led if each.note]
    return Led(target=one.target, line=one.line, problem="; ".join(problems), note=notes[0] if notes else "")


def place_of(target: str, document: str, *, is_link: bool) -> str:
    """Return a reference as a path from the project's root; a link is seen from the document's folder, a path from the root."""
    path = unquote(urlsplit(target).path) if is_link else target
    if is_link and not path.startswith("/"):
        path = posixpath.join(posixpath.dirname(document), path)
    return posixpath.normpath(path.lstrip("/"))


def lead(one: Reference, place: str, around: Surroundings, folders: Collection[str], *, shown: str = "") -> Led:
    """Return whether a place of the project is there."""
    beside = f"stands for {shown}, which " if shown and shown != one.target else ""
    is_made = matches(place, around.made) or matches(f"{place}/", around.made)

    def ends(problem: str = "", note: str = "") -> Led:
        return Led(target=one.target, line=one.line, problem=f"{beside}{problem}" if problem else "", note=note)

    if place.startswith(".."):
        return ends("leads out of the project")
    if place == "." or place in around.files or place in folders:
        return ends()
    if is_made:
        return ends(note=MADE)
    if ELISION.search(place):
        return ends("leaves out a part of its path, so nobody can follow it" + suggest_whole(place, around.files))
    if GLOB.search(place):
        is_there = any(matches(path, [place, f"{place}/**"]) for path in around.files)
        return ends() if is_there else ends("matches no file")
    near = get_close_matches(place, alike(place, [*around.files, *folders]), n=1, cutoff=0.85)
    return ends("is no file of the project" + (f"; did you mean {near[0]}?" if near else ""))


def alike(place: str, names: Sequence[str]) -> list[str]:
    """Return the names that may be meant by one that is not there: in the same folder, or called the same elsewhere."""
    folder, name = posixpath.split(place)
    return [one for one in names if posixpath.dirname(one) == folder or posixpath.basename(one) == name][:LONGEST_COMPARED]


def suggest_whole(place: str, files: Collection[str]) -> str:
    """Return which one file an elided path may mean, as the end of a sentence; '' where none or several fit."""
    pattern = ELISION.sub("**", place)
    last = posixpath.basename(place)
    fitting = [path for path in files if path.endswith(last) and matches(path, [pattern])][:2]
    return f"; {fitting[0]} would fit" if len(fitting) == 1 else ""
