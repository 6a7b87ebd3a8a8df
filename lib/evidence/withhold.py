"""Which parts of a run have to stay behind when some facts or files are withheld: all that repeats what they say.

A fact takes its artifacts along, a file the facts that name it. What is rendered from all facts together repeats them, and so do
the statements that list every check. The facts' own statement names none, and goes with every copy.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from lib.core.errors import ParamsError
from lib.evidence.leaves import ARTIFACT, FACT, Leaf
from lib.evidence.log import FILE as EVIDENCE
from lib.evidence.manifest import ENVELOPE, MANIFEST
from lib.evidence.statements import FACTS, LEAVES, SUMMARY, TEST_RESULT

LISTS_ALL = frozenset({MANIFEST, ENVELOPE, TEST_RESULT, SUMMARY})
"""Files that name every check or file, or hold a digest of all the evidence: with a part withheld, none of them goes along."""
ALWAYS = frozenset({FACTS, LEAVES, EVIDENCE})
SHORTEST = 12
"""Letters and digits of a text that is looked for elsewhere; shorter ones are everybody's."""
ESCAPED = re.compile(r"\\u[0-9a-fA-F]{4}|\\[nrtbf]")
NO_LETTER = re.compile(r"[^0-9A-Za-z]+")


@dataclass(frozen=True, kw_only=True)
class Withheld:
    """What of a run stays behind. asked: what was named, and what belongs to it. leaves: all names of it. why: file -> reason."""

    asked: tuple[str, ...]
    leaves: frozenset[str]
    why: Mapping[str, str]


def find_withheld(run_folder: Path, leaves: Sequence[Leaf], names: Collection[str], *, titles: Mapping[str, str]) -> Withheld:
    """Return what stays behind when these checks and files do.

    titles: check -> what it states; a page that says it beside a result would tell that result.
    names: ids of checks, `<task>` for all of a task's, paths of files. Raises ParamsError for one that the run does not have.
    """
    facts = {said["check"]: said for said in read_facts(run_folder)}
    files = {one.name for one in leaves if one.kind == ARTIFACT}
    asked = expand(names, facts, files)
    for check in [name for name in facts if name in asked]:
        asked |= {one["path"] for one in facts[check].get("artifacts", ()) if one["path"] in files}
    asked |= {check for check, said in facts.items() if any(one["path"] in asked for one in said.get("artifacts", ()))}
    needles = {needle for name in asked for needle in list_needles(run_folder, name, facts)}
    needles |= {letters(titles[name]) for name in asked if name in titles}
    why = {name: "it lists every check and file" for name in sorted(LISTS_ALL) if (run_folder / name).exists()}
    for name in sorted(files - asked):
        if repeats(run_folder / name, needles, {name for name in asked if name in facts}):
            why[name] = "it repeats what is withheld"
    stays = {check for check, said in facts.items() if check not in asked and repeats_in(json.dumps(said), needles)}
    return Withheld(asked=tuple(sorted(asked)), leaves=frozenset({*asked, *why, *stays}), why=why)


def expand(names: Collection[str], facts: Mapping[str, Any], files: Collection[str]) -> set[str]:
    """Return the checks and files that are meant. Raises ParamsError for a name that is none."""
    found = set()
    tasks = {check.partition(".")[0] for check in facts}
    for name in names:
        if name in facts or name in files:
            found.add(name)
        elif name in tasks:
            found |= {check for check in facts if check.partition(".")[0] == name}
        else:
            near = get_close_matches(name, [*facts, *files], n=1)
            hint = f"Did you mean {near[0]}?" if near else "Name a check's id, a task, or a file of the run."
            raise ParamsError(f"REDACT={name}: the run has no such fact or file. Fix: {hint}")
    return found


def read_facts(run_folder: Path) -> Iterator[dict[str, Any]]:
    """Yield each line of the run's evidence that can be read."""
    for line in (run_folder / EVIDENCE).read_bytes().split(b"\n"):
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and isinstance(said.get("check"), str):
            yield said


def list_needles(run_folder: Path, name: str, facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what would give a withheld fact or file away elsewhere: its texts, without all but letters and digits."""
    if name in facts:
        said = facts[name]
        texts: Iterator[str] = walk_texts([said.get(key) for key in ("observed", "detail", "fix", "command")])
    else:
        texts = iter((run_folder / name).read_bytes().decode(errors="replace").splitlines())
    for text in texts:
        if len(plain := letters(text)) >= SHORTEST:
            yield plain


def walk_texts(value: Any) -> Iterator[str]:
    """Yield each text in plain JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from walk_texts(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from walk_texts(inner)


def repeats(path: Path, needles: Collection[str], checks: Collection[str]) -> bool:
    """Return whether a file repeats one of these texts, or names one of these checks."""
    text = path.read_bytes().decode(errors="replace")
    return any(check in text for check in checks) or repeats_in(text, needles)


def repeats_in(text: str, needles: Collection[str]) -> bool:
    """Return whether a text repeats one of these, however JSON or HTML spells it."""
    plain = letters(text)
    return any(needle in plain for needle in needles)


def letters(text: str) -> str:
    """Return the letters and digits of a text, with what JSON and HTML escape in it undone or left out."""
    return NO_LETTER.sub("", html.unescape(ESCAPED.sub(" ", text)))


def open_facts(leaves: Sequence[Leaf], withheld: Withheld) -> set[str]:
    """Return the names of the facts that are shown."""
    return {one.name for one in leaves if one.kind == FACT and one.name not in withheld.leaves}
