"""Looking at a finished run: who signed it, whether that counts, and whether everything is as it was signed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lib.cli.named_run import find_run
from lib.cli.verify_order import Place, find_place
from lib.core.errors import ParamsError, TargetError, WorkbookError
from lib.core.make_commands import SAMPLE
from lib.core.pack_files import read_text_file
from lib.core.paths import ROOT
from lib.core.visible import plain_line, say
from lib.core.wording import format_count, format_time
from lib.evidence.log import FILE as EVIDENCE
from lib.evidence.log import read_lines
from lib.evidence.manifest import Verification, verify_run
from lib.evidence.run_order import FILE as ORDER
from lib.evidence.trust import FOLDER, SHOWN, Standing, TrustList, read_public_key
from lib.reporters.decide_again import find_contradictions
from lib.run.layers import known_environments
from lib.run.project import find_project
from lib.run.signing import own_keys
from lib.run.trusted_keys import read_trusted_keys

CHANGED = 1
"""The exit code when something does not hold: a file, the signature, who signed, the place, the verdict."""
UNKNOWABLE = 2
"""The exit code when it can't be checked: without a seal, or without anything that says whose word counts."""


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Whose word counts for a verification. listed: of the project; given: keyid of KEY=; own: keyids of this user's keys."""

    listed: TrustList
    given: str | None = None
    given_name: str = ""
    own: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        return self.given is None and not self.listed.keys and not self.own

    def judge(self, keyid: str, at: datetime) -> Standing:
        """Return what is known of who signed, by the key that was given, else the project's list, else the user's own keys."""
        if self.given is not None:
            problem = "" if keyid == self.given else f"signed by another key than {self.given_name}: {keyid[:SHOWN]}"
            return Standing(keyid=keyid, signer="the key", problem=problem, source=self.given_name)
        if not self.listed.keys and keyid in self.own:
            return Standing(
                keyid=keyid, signer="a key of yours", source=f"this machine alone: {FOLDER} of the project names no key"
            )
        return self.listed.judge(keyid, at)


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What looking at a run came to. seal: of its files. standing: of who signed. place: in the order of runs.

    problems: one sentence for each thing that does not hold.
    """

    seal: Verification
    standing: Standing
    place: Place
    problems: tuple[str, ...]


def verify(run: str, *, key: str = "", pack: str = "") -> int:
    """Print who signed a run, what it says, and what of it does not hold; return the exit code.

    key: a public key's file, whose signature alone counts then. pack: the project whose trusted keys count.
    Raises WorkbookError when it can't be checked.
    """
    folder = find_run(run)
    seal = verify_run(folder)
    trust = open_trust(key, pack, folder, seal.about)
    if trust.is_empty:
        say(f"{plain_line(folder.name)} can't be checked: nothing here says whose signature counts. {how_to_trust(folder)}")
        return UNKNOWABLE
    found = examine(folder, seal, trust)
    say(plain_line(headline(found.seal, found.standing)))
    say(plain_line(describe_run(found.seal.about)))
    say(plain_line(found.place.sentence))
    return conclude(folder, found)


def examine(folder: Path, seal: Verification, trust: Trust) -> Examined:
    """Return all that is known of a run by those whose word counts. seal: what checking its seal came to."""
    about = seal.about
    standing = trust.judge(seal.signed_by, signed_at(about))
    place = find_place(folder, about, trust.judge, trust.own)
    problems = [
        *([] if standing.is_trusted else [standing.problem]),
        *seal.problems,
        *find_misplaced(folder, about),
        *place.problems,
    ]
    if not seal.problems:
        problems += find_contradictions(about, read_lines(folder / EVIDENCE)[0])
    return Examined(seal=seal, standing=standing, place=place, problems=tuple(problems))


def headline(found: Verification, standing: Standing) -> str:
    """Return the first thing first: a broken signature, else who signed."""
    broken = next((one for one in found.problems if one.startswith("the signature does not hold")), None)
    return broken or standing.sentence


def conclude(folder: Path, found: Examined) -> int:
    """Print what does not hold, or that all of it does; return the exit code."""
    name, files = plain_line(folder.name), format_count(found.seal.files, "file")
    for problem in found.problems:
        say(f"{name}: {plain_line(problem)}")
    if not found.problems:
        say(f"{name} verifies: {files} are as they were signed ({found.seal.signed_by[:SHOWN]}).")
        return 0
    if found.problems == (found.standing.problem,) and not found.standing.signer:
        why = f"its {files} are as that key sealed them, and nobody here knows whose key it is. {how_to_trust(folder)}"
    elif found.problems == found.place.problems:
        why = (
            "it is as it was signed, and the runs beside it are not as they were. "
            "Fix: Bring back what was taken away, or ask who did it; make remove-run leaves a note."
        )
    else:
        why = f"{format_count(len(found.problems), 'problem')}. Don't rely on it; run again."
    say(f"{name} does not verify: {why}")
    return CHANGED


def how_to_trust(folder: Path) -> str:
    """Return the fix for a signer that is not known."""
    return (
        f"Fix: make verify RUN={plain_line(folder.name)} PACK=<the project>, or KEY=<the signer's public key, from the signer>."
    )


def open_trust(key: str, pack: str, folder: Path, about: Mapping[str, Any]) -> Trust:
    """Return whose word counts. Raises WorkbookError when a key or a list can't be read."""
    own = frozenset(one.keyid for one in own_keys())
    if key.strip():
        return Trust(listed=TrustList(), given=read_key(Path(key.strip()).expanduser()), given_name=key.strip(), own=own)
    if pack.strip():
        from lib.run.params import find_pack  # settings and tasks take most of a second to import

        project = find_pack(pack.strip(), "")
        said = find_project(folder.parent.parent.parent, project)
        if is_laid_out(folder) and said != about.get("project"):
            raise ParamsError(
                f"PACK={pack}: its runs are called {said}, and this one is of {about.get('project')}. Fix: Correct PACK or RUN."
            )
        return Trust(listed=read_trusted_keys(project), own=own)
    is_sample = about.get("project") == find_project(ROOT / "rendered", SAMPLE)
    return Trust(listed=read_trusted_keys(SAMPLE) if is_sample else TrustList(), own=own)


def read_key(path: Path) -> str:
    """Return the id of a public key in a file. Raises ParamsError when it can't be read."""
    try:
        real = path.resolve(strict=True)
        return str(read_public_key(read_text_file(real, root=real.parent, limit_bytes=16_384)).keyid)
    except (OSError, ValueError, TargetError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else exc.message if isinstance(exc, WorkbookError) else exc
        raise ParamsError(f"KEY={path}: it can't be used: {why}. Fix: Give a file with an Ed25519 public key in PEM.") from exc


def signed_at(about: Mapping[str, Any]) -> datetime:
    """Return the moment that a run's manifest says it ended at; without one, as in very old runs, the beginning of time."""
    try:
        return datetime.fromisoformat(str(about["ended_at"])).astimezone(UTC)
    except (KeyError, ValueError, OverflowError):
        return datetime(1970, 1, 1, tzinfo=UTC)


def describe_run(about: Mapping[str, Any]) -> str:
    """Return what a run says of itself in one line."""
    parts = {
        "project": about.get("project"),
        "environment": about.get("environment"),
        "run": about.get("run_id"),
        "verdict": about.get("verdict"),
        "commit": about.get("pack_commit") or "none",
        "ended": format_time(str(about.get("ended_at") or "")),
    }
    return ", ".join(f"{name} {value}" for name, value in parts.items())


def find_misplaced(folder: Path, about: Mapping[str, Any]) -> Iterator[str]:
    """Yield one sentence for each way a run does not lie where its manifest says it belongs."""
    if folder.name != about.get("run_id"):
        yield f"it is the run {about.get('run_id')}, in a folder called {folder.name}"
    if is_laid_out(folder):
        for name, place in (("environment", folder.parent.name), ("project", folder.parent.parent.name)):
            if about.get(name) != place:
                yield f"it is of the {name} {about.get(name)}, and lies among the runs of {place}"


def is_laid_out(folder: Path) -> bool:
    """Return whether a run lies among others as the workbook keeps them, and not by itself, as one that was passed on."""
    beside = folder.parent
    return (
        folder.is_relative_to(ROOT / "rendered")
        or beside.name in known_environments()
        or (beside / "latest").is_symlink()
        or os.path.lexists(beside / ORDER)
    )
