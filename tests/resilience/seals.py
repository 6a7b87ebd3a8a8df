"""A sealed run among others is changed in one byte, or in its structure: verify must find each, and nothing else."""

from __future__ import annotations

import base64
import json
import os
import random
import shutil
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lib.cli.verify import Trust, examine
from lib.core.errors import WorkbookError
from lib.evidence.manifest import ENVELOPE, MANIFEST, verify_run
from lib.evidence.run_order import FILE as ORDER
from tests.resilience.measured import Measured
from tests.support.kept_runs import keep_run
from tests.support.trust_worlds import entry, trust

MUTATIONS, VERIFICATIONS = 20_000, 1_000
"""How many changes, and verifications of what was not changed, a whole experiment makes."""
BYTES_OF_ALL = 0.8
"""The part of the changes that are of one byte."""
Change = Callable[[Path, random.Random], object]
"""Changes a run's folder, or what lies beside it."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A pristine environment with three runs. run: the middle one's id."""

    pristine: Path
    run: str
    trust: Trust
    place: Path

    def restore(self) -> Path:
        """Return the run in a fresh copy of the environment."""
        shutil.rmtree(self.place.parent.parent, ignore_errors=True)
        shutil.copytree(self.pristine, self.place, symlinks=True)
        return self.place / self.run


def build_scene(home: Path) -> Scene:
    """Return a scene whose files are what runs leave: text, notebooks, bytes, nested folders."""
    run = keep_run(home, 1, extra=FILES), keep_run(home, 2, fails=True, extra=FILES), keep_run(home, 3)
    (run[0].parent / "latest").symlink_to(run[2].name)
    listed = trust(entry(home / "key.pem", since="2020-01-01", until="2099-01-01"))
    place = home / "now" / "pack" / "staging"
    return Scene(pristine=run[0].parent, run=run[1].name, trust=Trust(listed=listed), place=place)


FILES: Mapping[str, bytes] = MappingProxyType(
    {
        "index.html": b"<!DOCTYPE html>\n<p>a page</p>\n" * 40,
        "rls.ipynb": json.dumps({"cells": [], "nbformat": 4}).encode(),
        "artifacts/rls/matrix.json": b'{"a": 1}\n' * 30,
        "artifacts/health/picture.bin": bytes(range(256)),
        "artifacts/health/empty.txt": b"",
        "docs/feedback/devops/2026-11-26.md": "# Tag \u2713\n".encode(),
    }
)


def is_found(run: Path, trusted: Trust) -> str:
    """Return how verify takes a run: `verifies`, `does not hold` or `can't be checked`."""
    try:
        return "does not hold" if examine(run, verify_run(run), trusted).problems else "verifies"
    except WorkbookError:
        return "can't be checked"


def change_byte(run: Path, chance: random.Random) -> tuple[Path, bytes, str]:
    """Change one byte of one file that a run consists of, or of the order beside it; return the file, what it held, and how."""
    files = [path for path in sorted(run.rglob("*")) if path.is_file() and path.stat().st_size] + [run.parent / ORDER]
    weighed = [path for path in files if path.name in (MANIFEST, ENVELOPE, ORDER)]
    path = chance.choice(weighed if chance.random() < 0.5 else files)
    before = path.read_bytes()
    at = chance.randrange(len(before))
    how = chance.choice(["flip", "bit", "insert", "delete", "double", "truncate", "append", "swap"])
    one = bytes([before[at]])
    other = bytes([chance.randrange(256)])
    after = {
        "flip": before[:at] + bytes([before[at] ^ chance.randrange(1, 256)]) + before[at + 1 :],
        "bit": before[:at] + bytes([before[at] ^ (1 << chance.randrange(8))]) + before[at + 1 :],
        "insert": before[:at] + other + before[at:],
        "delete": before[:at] + before[at + 1 :],
        "double": before[:at] + one + before[at:],
        "truncate": before[:at],
        "append": before + other,
        "swap": before[: at - 1] + one + before[at - 1 : at] + before[at + 1 :] if at else other + before,
    }[how]
    if after == before:
        after, how = before + b"\n", "append"
    path.write_bytes(after)
    return path, before, f"{how} of byte {at} of {path.name}"


def rewrite(name: str, how: Callable[[str, random.Random], str]) -> Change:
    """Return a change of the text of a seal's file."""

    def change(run: Path, chance: random.Random) -> None:
        path = run.parent / name if name == ORDER else run / name
        path.write_bytes(how(path.read_text(), chance).encode("utf-8", "surrogatepass"))

    return change


def with_json(change: Callable[[Any], object], **spelling: Any) -> Callable[[str, random.Random], str]:
    """Return a rewriting of a JSON text that changes its value, in the spelling of the seal."""

    def rewritten(text: str, _: random.Random) -> str:
        value = json.loads(text)
        change(value)
        return json.dumps(value, **{"indent": 2, "sort_keys": True, **spelling}) + "\n"

    return rewritten


SPELLINGS: Mapping[str, Callable[[str, random.Random], str]] = {
    "no indent": lambda text, _: json.dumps(json.loads(text), sort_keys=True) + "\n",
    "keys in another order": lambda text, _: json.dumps(dict(reversed(json.loads(text).items())), indent=2) + "\n",
    "a space more": lambda text, chance: at_some(text, ": ", ":  ", chance),
    "a line end more": lambda text, _: text + "\n",
    "no last line end": lambda text, _: text.rstrip("\n"),
    "line ends of Windows": lambda text, _: text.replace("\n", "\r\n"),
    "a byte order mark": lambda text, _: "\ufeff" + text,
    "a name twice": lambda text, _: text.replace("{\n", '{\n  "verdict": "GO",\n', 1),
    "an unknown name": lambda text, _: text.replace("{\n", '{\n  "aaa": 1,\n', 1),
    "not a number": lambda text, _: text.replace("{\n", '{\n  "aaa": NaN,\n', 1),
    "a huge number": lambda text, _: text.replace("{\n", '{\n  "aaa": 1' + "0" * 400 + ",\n", 1),
    "half a character": lambda text, _: text.replace("{\n", '{\n  "aaa": "\\ud800",\n', 1),
    "an escape": lambda text, chance: at_some(text, "a", "\\u0061", chance),
    "something behind": lambda text, _: text + "{}",
    "a comment": lambda text, _: "// sealed\n" + text,
    "another seal first": lambda text, _: text + text,
}
"""Ways to write the same, or more, that a careless reader takes for the same."""


def at_some(text: str, old: str, new: str, chance: random.Random) -> str:
    """Return the text with one of the places of `old` changed."""
    places = [at for at in range(len(text)) if text.startswith(old, at)]
    at = chance.choice(places)
    return text[:at] + new + text[at + len(old) :]


def loosen_base64(said: dict[str, Any]) -> None:
    said["payload"] = said["payload"][:5] + "\n" + said["payload"][5:]


def change_payload(said: dict[str, Any]) -> None:
    payload = base64.b64decode(said["payload"]).replace(b"NO-GO", b"GO")
    said["payload"] = base64.b64encode(payload).decode()


ENVELOPES: Mapping[str, Callable[[Any], object]] = {
    "base64 with a line end": loosen_base64,
    "base64 without padding": lambda said: said.update(payload=said["payload"].rstrip("=") + "===="),
    "another verdict": change_payload,
    "a signature twice": lambda said: said["signatures"].append(said["signatures"][0]),
    "an empty signature more": lambda said: said["signatures"].append({"keyid": "", "sig": ""}),
    "no signature": lambda said: said.update(signatures=[]),
    "a signature in capitals": lambda said: said["signatures"][0].update(sig=said["signatures"][0]["sig"].upper()),
    "another key's id": lambda said: said["signatures"][0].update(keyid="ab" * 32),
    "another id beside the key": lambda said: said["publicKey"].update(keyid="ab" * 32),
    "another key": lambda said: said["publicKey"]["keyval"].update(public="ab" * 32),
    "another type of key": lambda said: said["publicKey"].update(keytype="rsa"),
    "another scheme": lambda said: said["publicKey"].update(scheme="none"),
    "another type of payload": lambda said: said.update(payloadType="text/plain"),
    "more in a signature": lambda said: said["signatures"][0].update(cert="x"),
    "more beside": lambda said: said.update(note="x"),
}


def some_file(run: Path, chance: random.Random) -> Path:
    """Return a file of the run, the seal's own left out."""
    return chance.choice([path for path in sorted(run.rglob("*")) if path.is_file() and path.name not in (MANIFEST, ENVELOPE)])


def some_folder(run: Path, chance: random.Random) -> Path:
    return chance.choice([run, *sorted(path for path in run.rglob("*") if path.is_dir())])


def replace_by(make: Callable[[Path, Path], object]) -> Change:
    """Return a change that puts something else in the place of a file. make: from where the file is now, to where it was."""

    def change(run: Path, chance: random.Random) -> None:
        path = some_file(run, chance)
        kept = run.parent.parent / "elsewhere"
        path.rename(kept)
        make(kept, path)

    return change


def add(make: Callable[[Path], object], name: str = "extra") -> Change:
    """Return a change that adds something, in any folder of the run."""
    return lambda run, chance: make(some_folder(run, chance) / name)


def make_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def swap_files(run: Path, chance: random.Random) -> None:
    first = some_file(run, chance)
    second = next(path for path in sorted(run.rglob("*")) if path.is_file() and path.read_bytes() != first.read_bytes())
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)


def others(run: Path) -> list[Path]:
    return [path for path in sorted(run.parent.glob("*Z-????")) if path != run and not path.is_symlink()]


def seal_of_another(*names: str) -> Change:
    def change(run: Path, chance: random.Random) -> None:
        other = chance.choice(others(run))
        for name in names:
            shutil.copy(other / name, run / name)

    return change


STRUCTURES: Mapping[str, Change] = {
    **{f"{name}: {how}": rewrite(name, SPELLINGS[how]) for name in (MANIFEST, ENVELOPE, ORDER) for how in SPELLINGS},
    **{f"{name}: {how}": rewrite(name, with_json(ENVELOPES[how])) for name in (ENVELOPE, ORDER) for how in ENVELOPES
       if not (name == ORDER and how == "another verdict")},
    "manifest: another verdict": rewrite(MANIFEST, with_json(lambda said: said.update(verdict="GO"))),
    "manifest: a file less": rewrite(MANIFEST, with_json(lambda said: said["files"].popitem())),
    "manifest: another size": rewrite(MANIFEST, with_json(lambda said: said["files"]["index.html"].update(size_bytes=1))),
    "a file removed": lambda run, chance: some_file(run, chance).unlink(),
    "a file renamed": lambda run, chance: some_file(run, chance).rename(run / "renamed"),
    "a file in capitals": lambda run, _: (run / "index.html").rename(run / "INDEX.html"),
    "two files swapped": swap_files,
    "a file more": add(lambda path: path.write_text("x")),
    "an empty file more": add(lambda path: path.write_text("")),
    "a hidden file more": add(lambda path: path.write_text("x"), ".extra"),
    "a manifest in a folder": lambda run, _: shutil.copy(run / MANIFEST, run / "artifacts" / MANIFEST),
    "an envelope in a folder": lambda run, _: shutil.copy(run / ENVELOPE, run / "docs" / ENVELOPE),
    "a record in a folder": lambda run, _: (run / "docs" / "unfinished.json").write_text("{}"),
    "a record": lambda run, _: (run / "unfinished.json").write_text("{}"),
    "an empty folder": add(lambda path: path.mkdir()),
    "a folder with a file": add(lambda path: (path.mkdir(), (path / "x").write_text("x"))),
    "a link to a file": add(lambda path: path.symlink_to("index.html")),
    "a link to a folder": add(lambda path: path.symlink_to("/etc")),
    "a link to nowhere": add(lambda path: path.symlink_to("nowhere")),
    "a named pipe": add(os.mkfifo),
    "a socket": add(make_socket),
    "a hard link": lambda run, _: os.link(run / "index.html", run / "extra"),
    "a hard link outside": lambda run, _: os.link(run / "index.html", run.parent.parent / "outside"),
    "a name that is no text": lambda run, _: os.close(os.open(os.fsencode(run) + b"/\xff", os.O_CREAT)),
    "a file by a link to itself": replace_by(lambda kept, path: path.symlink_to(kept)),
    "a file by a pipe": replace_by(lambda _, path: os.mkfifo(path)),
    "a file by a folder": replace_by(lambda _, path: path.mkdir()),
    "the manifest by a pipe": lambda run, _: ((run / MANIFEST).unlink(), os.mkfifo(run / MANIFEST)),
    "the envelope by a link": lambda run, _: (
        (run / ENVELOPE).rename(run.parent / "moved"), (run / ENVELOPE).symlink_to("../moved")),
    "the order by a pipe": lambda run, _: ((run.parent / ORDER).unlink(), os.mkfifo(run.parent / ORDER)),
    "a folder by a link to itself": lambda run, _: (
        (run / "docs").rename(run.parent / "docs"), (run / "docs").symlink_to("../docs")),
    "executable": lambda run, chance: some_file(run, chance).chmod(0o755),
    "setuid": lambda run, chance: some_file(run, chance).chmod(0o4644),
    "setgid": lambda run, chance: some_file(run, chance).chmod(0o2644),
    "sticky": lambda run, chance: some_file(run, chance).chmod(0o1644),
    "another run's manifest": seal_of_another(MANIFEST),
    "another run's envelope": seal_of_another(ENVELOPE),
    "another run's seal": seal_of_another(MANIFEST, ENVELOPE),
    "another run's evidence": seal_of_another("evidence.jsonl"),
    "another run": lambda run, _: (shutil.rmtree(run), shutil.copytree(others(run)[0], run)),
    "the seal removed": lambda run, _: ((run / MANIFEST).unlink(), (run / ENVELOPE).unlink()),
    "another run removed": lambda run, chance: shutil.rmtree(chance.choice(others(run))),
    "another run without its seal": lambda run, chance: (chance.choice(others(run)) / ENVELOPE).unlink(),
    "another run twice": lambda run, _: shutil.copytree(run, run.with_name("20261126T000009Z-zzzz")),
    "the others swapped": lambda run, _: swap_folders(*others(run)[:2]),
    "the order removed": lambda run, _: (run.parent / ORDER).unlink(),
}  # fmt: skip
"""Name -> a change of structure that verify must find."""


def swap_folders(first: Path, second: Path) -> None:
    first.rename(first.with_name("between"))
    second.rename(first)
    first.with_name("between").rename(second)


def moved_away(scene: Scene, chance: random.Random) -> Path:
    """Return the run copied among those of another environment or project."""
    run = scene.restore()
    place = chance.choice([run.parents[1] / "production", run.parents[2] / "other" / "staging"])
    place.mkdir(parents=True)
    (place / "latest").symlink_to(run.name)
    shutil.copytree(run, place / run.name)
    return place / run.name


def try_changes(home: Path, *, share: float, seed: int) -> Measured:
    """Change a run again and again, verify each, and count what was found and what was a false alarm."""
    scene, chance = build_scene(home), random.Random(seed)
    found: Counter[str] = Counter()
    problems: list[str] = []
    kinds = list(STRUCTURES)
    structural = max(round(MUTATIONS * share * (1 - BYTES_OF_ALL)), len(kinds) + 1)
    run = scene.restore()
    for number in range(round(MUTATIONS * share * BYTES_OF_ALL)):
        path, before, how = change_byte(run, chance)
        answer = is_found(run, scene.trust)
        path.write_bytes(before)
        found[answer] += 1
        if answer == "verifies":
            problems.append(f"change {number} (seed {seed}): {how} was not found")
    for number in range(structural):
        kind = kinds[number] if number < len(kinds) else chance.choice([*kinds, "moved"])
        run = moved_away(scene, chance) if kind == "moved" else scene.restore()
        if kind != "moved":
            STRUCTURES[kind](run, chance)
        answer = is_found(run, scene.trust)
        found[answer] += 1
        if answer == "verifies":
            problems.append(f"change {number} (seed {seed}): {kind} was not found")
    alarms, times = verify_unchanged(scene, round(max(VERIFICATIONS * share, 10)))
    problems += alarms
    return Measured(
        title="A sealed run is changed",
        what="One byte of a run, its seal or the order beside it is changed, or its structure: files, links, rights, spellings "
        "of the seal, other runs. `make verify` must not accept any of them, and must accept the run as it was, again and again.",
        tried=found.total() + len(times),
        problems=tuple(problems),
        figures={
            "changes": found.total(),
            "kinds of changes of structure": len(kinds) + 1,
            **{f"found: {name}": found[name] for name in ("does not hold", "can't be checked")},
            "not found": found["verifies"],
            "verifications of what was not changed": len(times),
            "false alarms": len(alarms),
            "one verification, median": f"{sorted(times)[len(times) // 2] * 1000:.1f} ms",
        },
    )


def verify_unchanged(scene: Scene, count: int) -> tuple[list[str], list[float]]:
    """Return one line for each verification of an unchanged run that found something, and how long each took, s."""
    alarms, times = [], []
    run = scene.restore()
    for number in range(count):
        if number % 10 == 0:
            run = scene.restore()
        started = time.perf_counter()
        found = examine(run, verify_run(run), scene.trust).problems
        times.append(time.perf_counter() - started)
        alarms += [f"verification {number}: {one}" for one in found[:1]]
    return alarms, times


def measure(*, share: float, seed: int) -> Measured:
    """Try `share` of 20,000 changes and 1,000 verifications."""
    with tempfile.TemporaryDirectory(prefix="seals-") as home:
        return try_changes(Path(home), share=share, seed=seed)
