"""Hostile projects: what lies under a name is a pipe, a device, a bomb or nonsense. Each run must end with a result for all."""

from __future__ import annotations

import json
import os
import random
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from lib.core.paths import ROOT
from lib.embedded.state_folders import own_folder, temp_root
from lib.tasks.index import task_named
from tests.resilience.measured import Measured

LIMIT_S = 420
"""Longest that one run of a task or two may take on a busy machine, its own limits included; then it hangs."""
MOST_BYTES = 600 * 1024 * 1024
"""Of memory, in any process of a run."""
SAMPLE_S = 0.1
AT_A_TIME = 2
SCRIPTS = {name: "node --version" for name in ("ci", "scan", "test:ci", "fmt", "lint", "backup")}
Spoil = Callable[[Path], object]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One hostile project. spoil: makes a copy of the sample hostile. named: one of these stands in what is said of it.

    quick: whether the project's own commands are replaced by ones that take no time.
    """

    name: str
    tasks: tuple[str, ...]
    spoil: Spoil
    named: tuple[str, ...]
    quick: bool = True


@dataclass(kw_only=True)
class Seen:
    """What became of one run."""

    exit_code: int | None
    output: str
    lines: list[dict[str, Any]] = field(default_factory=list)
    tracebacks: int = 0
    peak_bytes: int = 0
    duration_s: float = 0.0


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    """Put a socket there; its address is short, whatever the path is."""
    with socket.socket(socket.AF_UNIX) as one:
        here = os.open(path.parent, os.O_RDONLY)
        try:
            one.bind(f"/proc/self/fd/{here}/{path.name}")
        finally:
            os.close(here)


def make_loop(path: Path) -> None:
    other = path.with_name(f"{path.name}.other")
    path.symlink_to(other.name)
    other.symlink_to(path.name)


def make_sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2 * 1024**3)


KINDS: dict[str, Spoil] = {
    "a pipe": make_fifo,
    "a socket": make_socket,
    "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
    "a link out of the project": lambda path: path.symlink_to("/etc/passwd"),
    "a link to /proc/self/environ": lambda path: path.symlink_to("/proc/self/environ"),
    "a circle of links": make_loop,
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "a folder": lambda path: path.mkdir(),
    "two gigabytes": make_sparse,
    "UTF-16": lambda path: path.write_bytes("a: b\n".encode("utf-16")),
    "Latin-1": lambda path: path.write_bytes(b"# caf\xe9\n[a]\n"),
    "NUL bytes": lambda path: path.write_bytes(b"a\0b\n" * 50),
    "nothing": lambda path: path.write_bytes(b""),
    "white space": lambda path: path.write_bytes(b" \r\n\t\r\n" * 50),
    "no syntax": lambda path: path.write_text("[[[{{{ ]] : \x1b[2J ' \" = \n" * 20),
    "10,000 levels": lambda path: path.write_text("[" * 10_000 + "]" * 10_000),
    "nested mappings": lambda path: path.write_text('{"a":' * 10_000 + "1" + "}" * 10_000),
    "a list": lambda path: path.write_text("[1, 2, null, true]\n"),
    "a number": lambda path: path.write_text("1" * 5_000),
}
"""What lies under a file's name instead of the file."""

PLACES: dict[tuple[str, ...], tuple[str, ...]] = {
    (".github/launch-policy.yml",): ("guardrails",),
    (".github/workflows/health-check.yml", "package.json"): ("guardrails",),
    ("vault/occ/local/publer.json", "vault/occ/local/chatwoot.env"): ("credentials",),
    ("prometheus-alerts.yml",): ("alerts",),
    ("prometheus-alerts.test.yml", "docs/runbooks/alerts.md"): ("alerts",),
    ("fly.toml",): ("deploy_rehearsal",),
    ("supabase/tests/02_workspaces.test.sql", "supabase/config.toml"): ("migrations", "rls"),
}
"""Files that are spoiled together -> the tasks that read them."""
PER_PLACE = 7
"""Kinds that each place meets."""


def spoil_files(places: Sequence[str], kind: str) -> Spoil:
    """Return what puts a kind of thing in the place of these files."""

    def spoil(pack: Path) -> None:
        for place in places:
            (pack / place).unlink()
            KINDS[kind](pack / place)

    return spoil


def edit(place: str, old: str, new: str) -> Spoil:
    """Return what changes a text in a file."""

    def spoil(pack: Path) -> None:
        text = (pack / place).read_text(encoding="utf-8")
        assert old in text, f"{place} has no {old!r}"
        (pack / place).write_text(text.replace(old, new, 1), encoding="utf-8")

    return spoil


def write(place: str, text: str) -> Spoil:
    def spoil(pack: Path) -> None:
        (pack / place).parent.mkdir(parents=True, exist_ok=True)
        (pack / place).write_text(text, encoding="utf-8")

    return spoil


def nest_folders(pack: Path) -> None:
    """Make 200 folders within folders in the vault."""
    (pack / "vault/occ/local" / "/".join(["d"] * 200)).mkdir(parents=True)


def fill_folder(pack: Path) -> None:
    """Make 12,000 files beside the vault's, more than are looked at."""
    (pack / "vault/occ/local/many").mkdir()
    for number in range(12_000):
        (pack / f"vault/occ/local/many/{number}.txt").touch()


def make_odd_names(pack: Path) -> None:
    """Add rule files' and workflows' neighbours that nobody can show."""
    for name in (b"a\nb.yml", b"a\x1b[2J.yml", b"\xff\xfe.yml", b"-rf.yml"):
        (pack / os.fsdecode(b".github/workflows/" + name)).write_text("on: push\n")


def arm_repository(pack: Path, marker: str = "") -> None:
    """Make the pack a repository whose own settings name programs in every place that git knows."""
    run = lambda *words: subprocess.run(["git", "-C", str(pack), *words], check=True, capture_output=True)  # noqa: E731
    run("init", "--quiet", "--initial-branch=main")
    run("add", "--all")
    run("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "Refs #1")
    run("checkout", "--quiet", "-b", "feature/x")
    program = f"touch {marker or pack.parent / 'marker'}; cat"
    (pack / ".gitattributes").write_text("* filter=evil diff=evil\n")
    (pack / "README.md").write_text("changed\n")
    hooks = pack / ".git" / "armed"
    hooks.mkdir()
    for name in ("post-checkout", "post-index-change", "pre-commit", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\n{program}\n")
        (hooks / name).chmod(0o755)
    settings = {
        "core.fsmonitor": program, "core.hooksPath": str(hooks), "core.sshCommand": program, "core.pager": program,
        "core.editor": program, "core.askPass": program, "diff.external": program, "gpg.program": program,
        "log.showSignature": "true", "filter.evil.clean": program, "filter.evil.smudge": program, "filter.evil.process": program,
        "filter.evil.required": "true", "diff.evil.textconv": program, "diff.evil.command": program,
        "alias.status": f"!{program}",
        "core.alternateRefsCommand": program, "remote.origin.url": f"ext::sh -c '{program}'", "remote.origin.promisor": "true",
        "protocol.ext.allow": "always", "remote.origin.uploadpack": program, "credential.helper": f"!{program}",
    }  # fmt: skip
    for name, value in settings.items():
        run("config", name, value)


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
RULE = "groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: {expression}\n"
SPECIAL = (
    Case(name="a pattern without end", tasks=("guardrails",), named=("branch.pattern",), spoil=edit(
        ".github/launch-policy.yml", "pattern:", 'pattern: "^(f|e|fe|a|t|u|r|e|feature|[a-z]|[a-z]+|/|-)*#$"  #')),
    Case(name="aliases without end in the policy", tasks=("guardrails",), named=("launch-policy.yml",),
         spoil=write(".github/launch-policy.yml", BOMB)),
    Case(name="aliases without end in a workflow", tasks=("guardrails",), named=("bomb.yml",),
         spoil=write(".github/workflows/bomb.yml", BOMB)),
    Case(name="names that nobody can show", tasks=("guardrails",), named=("name that can't be shown",), spoil=make_odd_names),
    Case(name="scripts as a list", tasks=("guardrails",), named=("package.json",), quick=False,
         spoil=write("package.json", '{"scripts": ["ci", "lint"]}')),
    Case(name="a script of five megabytes", tasks=("guardrails",), named=("package.json",), quick=False,
         spoil=write("package.json", json.dumps({"scripts": {"ci": "x" * 5_000_000}}))),
    Case(name="a script that is a mapping", tasks=("guardrails",), named=("package.json",), quick=False,
         spoil=write("package.json", '{"scripts": {"ci": {"run": 1}}}')),
    Case(name="one app in two configs", tasks=("credentials", "deploy_rehearsal"), named=("app",), spoil=lambda pack: [
        write("fly.a.toml", (pack / "fly.toml").read_text())(pack), (pack / "fly.toml").unlink()]),
    Case(name="no fly.toml at all", tasks=("credentials",), named=("Could not find App",), spoil=lambda pack: [
        path.unlink() for path in pack.glob("fly*.toml")]),
    Case(name="no syntax in any fly.toml", tasks=("credentials",), named=("fly.", "app"), spoil=lambda pack: [
        path.write_text("app = [[[") for path in pack.glob("fly*.toml")]),
    Case(name="other kinds of values in fly.toml", tasks=("deploy_rehearsal",), named=("min_machines_running",),
         spoil=lambda pack: [
        path.write_text(path.read_text().replace("min_machines_running =", "min_machines_running = 1e9 #", 1))
        for path in pack.glob("fly*.toml")]),
    Case(name="a pipe in an image", tasks=("deploy_rehearsal",), named=("images/candidate/pipe",),
         spoil=lambda pack: os.mkfifo(pack / "app/images/candidate/pipe")),
    Case(name="a link to /dev/zero in the app", tasks=("deploy_rehearsal",), named=("zero.py",),
         spoil=lambda pack: (pack / "app/idea_board/zero.py").symlink_to("/dev/zero")),
    Case(name="a series of a billion samples", tasks=("alerts",), named=("prometheus-alerts.test.yml",), spoil=lambda pack: write(
        "prometheus-alerts.test.yml", "rule_files: [prometheus-alerts.yml]\ntests:\n  - interval: 1s\n    input_series:\n"
        "      - series: up\n        values: 1x999999999\n")(pack)),
    Case(name="rule_files that lead to a device", tasks=("alerts",), named=("zero",), spoil=edit(
        "prometheus-alerts.test.yml", "rule_files:", "rule_files:\n  - /dev/zero\n  - ../../../../../../dev/zero")),
    Case(name="an expression deeper than the parser's stack", tasks=("alerts",), named=("A",), spoil=write(
        "prometheus-alerts.yml", RULE.format(expression="1" + "+1" * 20_000 + " > 0"))),
    Case(name="rules of other kinds", tasks=("alerts",), named=("prometheus-alerts.yml", "unmarshal", "yaml"), spoil=write(
        "prometheus-alerts.yml", "groups:\n  - 5\n  - rules: {a: 1}\n  - rules: [null, {alert: [x], expr: {}}]\n")),
    Case(name="200 folders deep in the vault", tasks=("credentials",), named=("folders more than", "deep"), spoil=nest_folders),
    Case(name="12,000 files in the vault", tasks=("credentials",), named=("more than",), spoil=fill_folder),
    Case(name="a pipe as a file of variables", tasks=("credentials",), named=(".env",),
         spoil=lambda pack: os.mkfifo(pack / ".env.local")),
    Case(name="a repository that is armed", tasks=("guardrails",), named=(".gitattributes",),
         spoil=arm_repository),
    Case(name="a file .git that leads nowhere", tasks=("guardrails",), named=("package.json",),
         spoil=lambda pack: [write(".git", "gitdir: /proc/self/nowhere\n")(pack), (pack / "package.json").unlink()]),
    Case(name="a migration that is a pipe", tasks=("migrations", "seed"), named=("20251112083000_idea_board.sql",),
         spoil=spoil_files(("supabase/migrations/20251112083000_idea_board.sql",), "a pipe")),
    Case(name="a seed that is a device", tasks=("migrations", "seed"), named=("seed.sql",),
         spoil=spoil_files(("supabase/seed.sql",), "a link to /dev/zero")),
)  # fmt: skip
"""Things that one file is not enough for, or that only one kind of file can be."""


def build_cases(seed: int) -> list[Case]:
    """Return every special case, and each place with some of the kinds, by chance but every kind somewhere."""
    chance = random.Random(seed)
    names = list(KINDS)
    chance.shuffle(names)
    cases = list(SPECIAL)
    for number, (places, tasks) in enumerate(PLACES.items()):
        for step in range(PER_PLACE):
            kind = names[(number * PER_PLACE + step) % len(names)]
            named = tuple(Path(place).name for place in places)
            cases.append(
                Case(
                    name=f"{' and '.join(places)} as {kind}", tasks=tasks, spoil=spoil_files(places, kind), named=named,
                    quick="package.json" not in places,
                )
            )  # fmt: skip
    return cases


def make_pack(case: Case, folder: Path) -> Path:
    """Return a copy of the sample, made hostile; as what runs besides is not looked at, its commands take no time."""
    pack = folder / "pack"
    shutil.copytree(ROOT / "pack", pack, symlinks=True, ignore=shutil.ignore_patterns("node_modules"))
    if case.quick:
        about = json.loads((pack / "package.json").read_text(encoding="utf-8"))
        (pack / "package.json").write_text(json.dumps({**about, "scripts": {**about.get("scripts", {}), **SCRIPTS}}))
    case.spoil(pack)
    return pack


def run_case(case: Case, folder: Path) -> Seen:
    """Run the tasks on a hostile project, and return what was seen; a run that hangs is ended."""
    pack, rendered = make_pack(case, folder), folder / "rendered"
    argv = [sys.executable, "-m", "lib", "run", "local", "--only", ",".join(case.tasks)]
    argv += ["--pack", str(pack), "--rendered", str(rendered)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    started, peak = time.monotonic(), 0
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(argv, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        while process.poll() is None and time.monotonic() - started < LIMIT_S:
            peak = max(peak, largest_of(process.pid))
            time.sleep(SAMPLE_S)
        exit_code = process.poll()
        if exit_code is None:
            process.terminate()
            process.wait()
    said = (folder / "output").read_text(encoding="utf-8", errors="replace")
    [*found] = rendered.glob("*/local/*Z-*/evidence.jsonl")
    lines = [json.loads(line) for path in found for line in path.read_text(encoding="utf-8").splitlines()]
    return Seen(
        exit_code=exit_code, output=said, lines=lines, tracebacks=count_tracebacks(said, rendered), peak_bytes=peak,
        duration_s=time.monotonic() - started,
    )  # fmt: skip


def largest_of(pid: int) -> int:
    """Return the memory of the largest process among one and all that it started, in bytes.

    What a server of a database shares between its processes is not counted once more for each.
    """
    largest = 0
    try:
        root = psutil.Process(pid)
        for one in (root, *root.children(recursive=True)):
            try:
                about = one.memory_info()
            except psutil.Error:
                continue
            largest = max(largest, about.rss - getattr(about, "shared", 0))
    except psutil.Error:
        pass
    return largest


def count_tracebacks(said: str, rendered: Path) -> int:
    """Return how many tracebacks and bugs of ours a run showed: on the terminal, in its notebooks and in its logs."""
    texts = [said, *(path.read_text(errors="replace") for path in rendered.rglob("kernel.log"))]
    texts += [path.read_text(errors="replace") for path in rendered.rglob("artifacts/breakages/*.txt")]
    found = sum(text.count("Traceback (most recent call last)") + text.count("bug of ours") for text in texts)
    for path in rendered.glob("*/local/*Z-*/*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        outputs = [one for cell in cells for one in cell.get("outputs", []) if one.get("output_type") == "error"]
        found += sum(one.get("ename") != "NotReadyError" for one in outputs)
    return found


def find_wrong(case: Case, folder: Path) -> tuple[list[str], Seen]:
    """Run one case; return what is wrong with what came of it, and what was seen."""
    seen = run_case(case, folder)
    wrong = judge(case, seen)
    if (folder / "marker").exists():
        wrong.append("a program of the project's settings ran")
    return [f"{case.name}: {one}" for one in wrong], seen


def judge(case: Case, seen: Seen) -> list[str]:
    """Return what is wrong with what came of a case."""
    wrong = []
    if seen.exit_code is None:
        wrong.append(f"it did not end within {LIMIT_S} s")
    elif seen.exit_code not in (1, 2):
        wrong.append(f"exit code {seen.exit_code}: {seen.output.strip()[-200:]}")
    if seen.tracebacks:
        wrong.append(f"{seen.tracebacks} tracebacks or bugs of ours")
    if seen.peak_bytes > MOST_BYTES:
        wrong.append(f"a process of {seen.peak_bytes // 1024**2} MB")
    have = {line["check"] for line in seen.lines}
    if lacking := [check.id for task in case.tasks for check in task_named(task).checks if check.id not in have]:
        wrong.append(f"no result for {', '.join(lacking[:3])}")
    bad = [f"{line['detail']} {line.get('observed')}" for line in seen.lines if line["result"] in ("fail", "error")]
    if not any(name in text for text in bad for name in case.named):
        wrong.append(f"nothing names {' or '.join(case.named)}: {' | '.join(dict.fromkeys(bad))[:300]}")
    return wrong


def try_packs(cases: Sequence[Case], base: Path) -> tuple[list[str], list[Seen]]:
    """Try cases, two at a time; return what came out wrong, and what was seen of each."""

    def try_one(numbered: tuple[int, Case]) -> tuple[list[str], Seen]:
        number, case = numbered
        folder = base / str(number)
        folder.mkdir()
        try:
            return find_wrong(case, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    with ThreadPoolExecutor(max_workers=AT_A_TIME) as executor:
        found = list(executor.map(try_one, enumerate(cases)))
    return [one for wrong, _ in found for one in wrong], [seen for _, seen in found]


def measure(*, share: float, seed: int) -> Measured:
    """Return what came of a share of the hostile projects."""
    every = build_cases(seed)
    cases = random.Random(seed).sample(every, max(1, round(share * len(every))))
    base = own_folder(temp_root() / f"launch-workbook-test-{secrets.token_hex(4)}")
    try:
        wrong, seen = try_packs(cases, base)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return Measured(
        title="Hostile projects",
        what="Copies of the sample project in which files are pipes, devices, links out, bombs or nonsense, each run by the "
        "tasks that read them. Each run must end by itself, not green, with a result for every check that names the place.",
        tried=len(cases),
        problems=tuple(wrong),
        figures={
            "kinds of files": len(KINDS),
            "tracebacks and bugs of ours": sum(one.tracebacks for one in seen),
            "runs that hung": sum(one.exit_code is None for one in seen),
            "largest process": f"{max(one.peak_bytes for one in seen) // 1024**2} MB",
            "longest run": f"{max(one.duration_s for one in seen):.0f} s",
        },
    )
