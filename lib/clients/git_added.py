"""Every line that a branch adds, wherever in its history: in merges, in files that git shows no lines of, in the work tree.

Source: https://git-scm.com/docs/diff-format (combined diffs), https://git-scm.com/docs/gitattributes (binary, -diff).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lib.clients.git_command import LARGEST_TEXT_BYTES, PLAIN_DIFF, PLAIN_PATCH, TooMuchText, git, git_text
from lib.core.errors import TargetError
from lib.core.pack_files import read_file
from lib.core.wording import format_count, format_size

HUNK = re.compile(r"^(@@+) .*?\+(\d+)(?:,\d+)? @@")
"""Also of a merge: its hunks have one more sign than it has parents."""
HEADER = re.compile(r"^diff --(?:git|cc|combined) ")
QUIET = ("-p", "--unified=0", "--no-renames", "--relative", *PLAIN_PATCH)
HISTORY = ("--full-history", "--reverse", "--format=")
"""Of every commit: without the first, git leaves out a side branch whose merge shows nothing of it any more."""
MOST_ADDED_BYTES = 32 * 1024 * 1024
"""Of the text that a branch adds; a branch that people read has less than a hundredth of it."""
MOST_ADDED_LINES = 400_000
MOST_HIDDEN_BYTES = 16 * 1024 * 1024
"""Of the files that git shows no lines of; more of them stay unread, and are named."""
MOST_HIDDEN_FILES = 300
PRINTED = re.compile(r"[\x20-\x7e]{12,}")
"""What of a file that is no text may be a credential: none has fewer characters in a row."""
LONGEST_PRINTED = 400
TEXT_SHARE = 0.9
"""Part of a text's characters that can be printed; once its NULs are gone, UTF-16 is such a text, and a picture is not."""


@dataclass(frozen=True, kw_only=True)
class AddedLine:
    """One line that a branch adds, wherever in its history: a line taken out again is still there for all to read.

    is_raw: it is no line, but what can be printed of a file that is no text.
    """

    path: str
    line: int
    text: str = field(repr=False)
    is_raw: bool = False


@dataclass(frozen=True, kw_only=True)
class AddedText:
    """What a branch adds. unread: files without lines of text. too_much: why not all was read, as a sentence, or ''."""

    lines: tuple[AddedLine, ...] = field(default=(), repr=False)
    unread: tuple[str, ...] = ()
    too_much: str = ""


def read_added_text(root: Path, fork: str, changes: Mapping[str, str]) -> AddedText:
    """Return what every commit of the branch adds, and the work tree. fork: the commit that it forked off at."""
    return read_shown(root, [("log", *HISTORY, "-c", f"{fork}..HEAD"), ("diff", "HEAD")], changes)


def read_whole_text(root: Path, nothing: str, changes: Mapping[str, str]) -> AddedText:
    """Return all text of the project as added. nothing: the id of a tree without files."""
    return read_shown(root, [("diff", nothing)], changes)


def read_shown(root: Path, shown: Sequence[tuple[str, ...]], changes: Mapping[str, str]) -> AddedText:
    """Return the lines that some calls of git show as added, and those of the files that git does not know yet."""
    hidden = {path for words in shown for path in hidden_paths(root, words)}
    try:
        lines = [one for words in shown for one in added_lines(show(root, words, (), MOST_ADDED_BYTES))]
        lines += [one for words in shown for one in hidden_lines(root, words, hidden)]
        fresh, unknown = read_new_files(root, changes)
        lines += fresh
    except TooMuchText as exc:
        return AddedText(unread=tuple(sorted(hidden)), too_much=exc.message)
    if len(lines) > MOST_ADDED_LINES:
        said = f"The branch adds {format_count(len(lines), 'line')}, more than the {MOST_ADDED_LINES:,} that are read."
        return AddedText(unread=tuple(sorted(hidden)), too_much=said)
    read = {one.path for one in lines if not one.is_raw}
    there = {path for path in hidden - read if changes.get(path) != "D"}
    return AddedText(lines=tuple(lines), unread=tuple(sorted(there | unknown)))


def show(root: Path, words: tuple[str, ...], more: Sequence[str], limit_bytes: int, paths: Sequence[str] = (".",)) -> str:
    """Return the patch of one call. Raises TooMuchText."""
    return git_text(root, words[0], *QUIET, *more, *words[1:], "--", *paths, limit_bytes=limit_bytes)


def hidden_paths(root: Path, words: tuple[str, ...]) -> Iterator[str]:
    """Yield the files that a call shows no lines of: git takes them for binary, by what they hold, their size or an attribute."""
    counted = git(root, words[0], "--numstat", "--no-renames", "--relative", *PLAIN_DIFF, *words[1:], "--", ".")
    # Git counts no lines of a binary file: `-	-	<path>`.
    yield from (unquote_path(line.split("\t")[2]) for line in counted.splitlines() if line.startswith("-\t-\t"))


def hidden_lines(root: Path, words: tuple[str, ...], hidden: Iterable[str]) -> list[AddedLine]:
    """Return the lines of files that git shows none of, as far as they are text; of the others what can be printed."""
    paths = [f":(literal){path}" for path in sorted(hidden)][:MOST_HIDDEN_FILES]
    if not paths:
        return []
    try:
        patch = show(root, words, ("--text",), MOST_HIDDEN_BYTES, paths)
    except TooMuchText:
        return []
    return [one for lines in by_path(added_lines(patch)).values() for one in as_text(lines)]


def by_path(lines: Iterable[AddedLine]) -> dict[str, list[AddedLine]]:
    """Return the lines of each file."""
    found: dict[str, list[AddedLine]] = {}
    for one in lines:
        found.setdefault(one.path, []).append(one)
    return found


def as_text(lines: Sequence[AddedLine]) -> Iterator[AddedLine]:
    """Yield the lines of one file without NULs where that makes them a text, as of UTF-16; else what can be printed of them."""
    plain = [one.text.replace("\0", "").removesuffix("\r") for one in lines]
    whole = sum(map(len, plain))
    well = sum(char.isprintable() or char in "\t\x0c" for text in plain for char in text if char != "\ufffd")
    for one, text in zip(lines, plain, strict=True):
        if whole and well >= TEXT_SHARE * whole:
            yield AddedLine(path=one.path, line=one.line, text=text)
        else:
            for found in PRINTED.finditer(one.text):
                yield AddedLine(path=one.path, line=one.line, text=found[0][:LONGEST_PRINTED], is_raw=True)


def added_lines(patch: str) -> list[AddedLine]:
    """Return the lines that a patch without context adds; of a merge those that none of its parents has."""
    found: list[AddedLine] = []
    path, line, parents = "", 0, 0
    for text in patch.split("\n"):
        hunk = HUNK.match(text)
        if HEADER.match(text):
            path, parents = "", 0
        elif not parents and text.startswith("+++ "):
            path = unquote_path(text[4:].rstrip("\t"))
        elif hunk:
            line, parents = int(hunk[2]), len(hunk[1]) - 1
        elif parents and "-" not in text[:parents] and text[:1]:
            if text[:parents] == "+" * parents:
                found.append(AddedLine(path=path, line=line, text=text[parents:].removesuffix("\r")))
            line += text[0] in "+ "
    return found


def unquote_path(text: str) -> str:
    """Return the path that git wrote after `+++`: without `b/`, and without its C-style quotes."""
    if text.startswith('"') and text.endswith('"'):
        raw = text[1:-1].encode("latin-1", "backslashreplace").decode("unicode_escape")
        text = raw.encode("latin-1", "replace").decode("utf-8", "replace")
    return text.removeprefix("b/")


def read_new_files(root: Path, changes: Mapping[str, str]) -> tuple[list[AddedLine], set[str]]:
    """Return every line of the files that git does not know yet, and which of them have no lines of text.

    Raises TooMuchText when they are too much together.
    """
    found: list[AddedLine] = []
    unread: set[str] = set()
    left = MOST_ADDED_BYTES
    for path in (path for path, kind in changes.items() if kind == "?"):
        content = read_new_file(root, path)
        if content is None:
            unread.add(path)
            continue
        left -= len(content)
        if left < 0 or len(found) > MOST_ADDED_LINES:
            limit = format_size(MOST_ADDED_BYTES)
            raise TooMuchText(f"The files that are not committed have more text than the {limit} that are read.")
        rows = enumerate(content.decode("utf-8", "replace").split("\n"), start=1)
        lines = [AddedLine(path=path, line=number, text=text.removesuffix("\r")) for number, text in rows]
        mine = list(as_text(lines)) if b"\0" in content[:8000] else lines
        unread |= {path} if any(one.is_raw for one in mine) or (content and not mine) else set()
        found += mine
    return found, unread


def read_new_file(root: Path, path: str) -> bytes | None:
    """Return a file that git does not know yet; None for what is too large, no regular file or a link."""
    try:
        return None if (root / path).is_symlink() else read_file(root / path, root=root, limit_bytes=LARGEST_TEXT_BYTES)
    except TargetError:
        return None
