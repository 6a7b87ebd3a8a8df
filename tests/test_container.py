"""The container's recipe, as far as it can be judged without an engine: its user, its sources, and its commands."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import PurePosixPath

from lib.core.paths import ROOT

FILE = ROOT / "Containerfile"
IGNORED = ROOT / ".containerignore"
ALLOWED = {"FROM", "RUN", "USER", "WORKDIR", "COPY", "ENTRYPOINT", "CMD"}


def instructions() -> list[tuple[str, str]]:
    """Return each instruction's word and what follows it, continued lines joined."""
    lines = [line for line in FILE.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in joined.splitlines() if line.strip()]


def test_every_instruction_is_known_and_the_image_is_named_whole() -> None:
    found = instructions()
    assert {word for word, _ in found} <= ALLOWED and found[0][0] == "FROM"
    assert re.fullmatch(r"[a-z.]+/[\w/-]+:[\w.-]+", found[0][1]), "with its registry and a version"


def test_what_it_runs_is_run_without_root_and_nothing_of_ours_before() -> None:
    found = instructions()
    place = next(number for number, (word, _) in enumerate(found) if word == "USER")
    assert [rest for word, rest in found if word == "USER"] == ["10001"]
    assert all(word in ("FROM", "RUN") for word, _ in found[:place])
    assert not any("make" in rest.split()[:1] for _, rest in found[:place])
    assert re.search(r"useradd .*--uid 10001\b", found[place - 1][1])
    assert not any("sudo" in rest for _, rest in found)


def test_every_source_that_it_copies_is_there_and_belongs_to_its_user() -> None:
    for rest in (rest for word, rest in instructions() if word == "COPY"):
        *sources, target = [word for word in rest.split() if not word.startswith("--")]
        assert "--chown=10001:10001" in rest
        assert all((ROOT / source).exists() for source in sources) and target == "."


def test_its_commands_are_the_readmes() -> None:
    found = dict(instructions()[::-1])
    [entry], [command] = json.loads(found["ENTRYPOINT"]), json.loads(found["CMD"])
    assert f"{entry} {command} " in (ROOT / "README.md").read_text()
    helped = subprocess.run(["make", "-n", "help"], cwd=ROOT, capture_output=True, text=True)
    assert helped.returncode == 0
    assert [rest for word, rest in instructions() if word == "RUN"][-1] == "make setup"


def test_it_brings_no_key_run_or_installation_of_this_machine_along() -> None:
    ignored = {line for line in IGNORED.read_text().splitlines() if line and not line.startswith("#")}
    assert {".git", ".keys", ".run", ".tools", ".venv", "rendered/*"} <= ignored
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    names = {name.rstrip("/") for name in ignored if not name.startswith(("!", "**", "rendered"))}
    lost = [
        path for path in tracked if path and names & {str(one) for one in [PurePosixPath(path), *PurePosixPath(path).parents]}
    ]
    assert lost == [], "every file of the repository is in the image"
