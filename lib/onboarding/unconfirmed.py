"""The lines of <pack>/launch/*.yaml that wait for a person's word: listed, confirmed, changed, one at a time.

A line is known by its file and number; confirming or changing one moves no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lib.core.errors import ParamsError
from lib.core.pack_files import list_files
from lib.core.plain_yaml import PlainYamlError, load_yaml
from lib.onboarding.launch_files import FOLDER, Change, put, read_text
from lib.onboarding.layout import Entry, read_layout
from lib.onboarding.questions import answered, bare_question, is_danger
from lib.onboarding.yaml_text import MARK, spell_value

ANY = "*"
SEEN: tuple[tuple[tuple[str, ...], str], ...] = (
    (("not_applicable",), "No file of the project speaks of it."),
    (("owners",), "CODEOWNERS names it."),
    (("migrations", "schemas"), "The migrations make objects there."),
    (("migrations", "rollbacks_from"), "Older migrations have no file in supabase/rollbacks."),
    (("seed", "rehearsal_rows"), "The seed alone could not tell every rule from another, so rows were made up."),
    (("seed",), "Counted after the seed was applied to a database started for it."),
    (("rls", "identities"), "A user of the seed, or one made up where it has none."),
    (("rls", "scopes"), "Recognised in the policies; `:uid` is the user's id."),
    (("rls",), "Every verb was tried as every identity, on a database started for it."),
    (("credentials",), "Names in the vault folder; values are never written here."),
    (("deploy_rehearsal",), "Read from fly*.toml."),
    (("alerts",), "Read from the rules."),
    (("document",), "The project's direction, by its name."),
    (("items",), "Guessed from the words of the direction's task."),
    (("guardrails",), "Read from package.json and git."),
)
"""Path -> where what stands there was seen; the first that fits."""
QUESTION_SECTION = "questions"


@dataclass(frozen=True, kw_only=True)
class Unconfirmed:
    """One line that waits. number: from 1. entry: its key and value; None for a question or any other line."""

    file: str
    number: int
    text: str
    entry: Entry | None
    is_danger: bool

    @property
    def label(self) -> str:
        """How a person names it: 41 in project.yaml, staging.yaml:7 in another."""
        name = Path(self.file).name
        return str(self.number) if name == "project.yaml" else f"{name}:{self.number}"

    @property
    def section(self) -> str:
        """Where it stands: rls.matrix.public.votes."""
        return ".".join(self.entry.path[:-1]) or self.entry.path[0] if self.entry else QUESTION_SECTION

    @property
    def top(self) -> str:
        """Its section of the file, as a person counts them: rls.matrix, not_applicable."""
        if self.entry is None:
            return QUESTION_SECTION
        return ".".join(self.entry.path[:2] if self.entry.path[0] == "rls" else self.entry.path[:1])

    @property
    def shown(self) -> str:
        """The line without its mark."""
        return MARK.sub("", self.text).strip()

    @property
    def seen(self) -> str:
        """Where what it says was seen."""
        if self.entry is None:
            return "y says that you saw and accept it. If you do not, correct the project, then run `make init` again."
        return next((said for path, said in SEEN if self.entry.path[: len(path)] == path), "")

    @property
    def can_change(self) -> bool:
        return self.entry is not None and self.entry.value_from is not None


def find_unconfirmed(pack: Path) -> list[Unconfirmed]:
    """Return every line that waits, what looks dangerous first: questions, then lines about what they name.

    Raises ParamsError when there is no launch folder, or a file in it can't be read.
    """
    folder = pack / FOLDER
    files = [path.relative_to(pack).as_posix() for path in list_files(folder, root=pack, pattern="*.yaml")]
    if not files:
        raise ParamsError(f"There is no {FOLDER}/project.yaml in {pack.name}. Fix: Run make init PACK={pack}")
    found = [one for file in files for one in waiting_lines(file, read_text(pack, file) or "")]
    dangers = [one.text for one in found if one.is_danger]
    return sorted(found, key=lambda one: rank(one, dangers))


def rank(line: Unconfirmed, dangers: Iterable[str]) -> int:
    """Return 0 for what looks dangerous, 1 for a line about it, 2 for another question, 3 for any other line."""
    if line.is_danger:
        return 0
    if line.entry is None:
        return 2
    names = [one for one in line.entry.path if "." in one]
    return 1 if any(name in danger for danger in dangers for name in names) else 3


def waiting_lines(file: str, text: str) -> list[Unconfirmed]:
    """Return the lines of one file that wait. Raises ParamsError when it is no YAML."""
    text = text.replace("\r\n", "\n")
    try:
        layout = read_layout(text)
    except PlainYamlError as exc:
        raise ParamsError(f"{file} is not valid YAML: {exc}. Fix: Correct that line.") from exc
    entries: Mapping[int, Entry] = {one.last: one for one in layout.leaves()}
    return [
        Unconfirmed(
            file=file,
            number=place + 1,
            text=line,
            entry=None if line.lstrip().startswith("#") else entries.get(place),
            is_danger=is_danger(line),
        )
        for place, line in enumerate(layout.lines)
        if MARK.search(line)
    ]


def confirmed_text(line: Unconfirmed) -> str:
    """Return a line as it stands once it is confirmed: without its mark, a question with its answer."""
    return answered(line.text) if bare_question(line.text) else MARK.sub("", line.text).rstrip()


def confirm_line(pack: Path, line: Unconfirmed) -> None:
    """Take the mark off one line. Raises ParamsError when it is not as it was listed."""
    rewrite(pack, line, confirmed_text(line))


def change_line(pack: Path, line: Unconfirmed, value: str) -> None:
    """Give one line another value, as YAML on one line, and take its mark off. Raises ParamsError when it can't be that."""
    entry = line.entry
    if entry is None or entry.value_from is None or entry.value_to is None:
        raise ParamsError(f"{line.file}:{line.number} has no value on its line. Fix: Change it in an editor.")
    spelled = spell_value(parse_value(value))
    text = f"{line.text[: entry.value_from]}{spelled}{line.text[entry.value_to :]}"
    rewrite(pack, line, MARK.sub("", text).rstrip(), check=True)


def parse_value(text: str) -> object:
    """Return a value that was typed. Raises ParamsError with what is wrong when it is no YAML."""
    try:
        return load_yaml(f"- {text.strip()}")[0]
    except PlainYamlError as exc:
        raise ParamsError(f"This is not YAML: {exc}. Fix: Put a text with : or # in quotes.") from exc
    except (TypeError, IndexError, KeyError) as exc:
        raise ParamsError("This is not one value. Fix: Type one value, such as deny or {select: deny}.") from exc


def present_value(line: Unconfirmed) -> str:
    """Return the text of a line's value, as it stands there."""
    entry = line.entry
    return line.text[entry.value_from : entry.value_to] if entry and entry.value_from is not None else ""


def restore_line(pack: Path, line: Unconfirmed, now: str) -> None:
    """Bring a line back to how it was listed. now: what stands there. Raises ParamsError when something else does."""
    rewrite(pack, replace(line, text=now), line.text)


def text_at(pack: Path, line: Unconfirmed) -> str:
    """Return what stands at a line's place; '' where the file is shorter by now."""
    lines = (read_text(pack, line.file) or "").replace("\r\n", "\n").split("\n")
    return lines[line.number - 1] if line.number <= len(lines) else ""


def rewrite(pack: Path, line: Unconfirmed, text: str, *, check: bool = False) -> None:
    """Replace one line, in one step, if it is still as it was listed. Raises ParamsError when it is not.

    check: the file is read with it first; a comment alone, in a file that was read, breaks nothing.
    """
    before = read_text(pack, line.file) or ""
    ending = "\r\n" if "\r\n" in before else "\n"
    lines = before.replace("\r\n", "\n").split("\n")
    if line.number > len(lines) or lines[line.number - 1] != line.text:
        raise ParamsError(
            f"{line.file}:{line.number} was changed meanwhile, so it was left as it is. Fix: Run make confirm again."
        )
    lines[line.number - 1] = text
    after = "\n".join(lines)
    if check:
        waiting_lines(line.file, after)
    put(pack, Change(path=line.file, before=before, after=after.replace("\n", ending)))
