"""Whatever vendors and programs answer: tracebacks, looks beyond their time, and memory. None, none, and little are wanted."""

from __future__ import annotations

import json
import random
import shlex
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from lib.core.environment import PROGRAMS_INHERIT, inherited
from lib.core.paths import ROOT
from tests.resilience.hostile import BODIES, Server, as_answers, mutations, serve, smtp_scripts, whole, wire_cases
from tests.resilience.measured import Measured

MOST_MEMORY = 600_000_000
"""Bytes of the process that looks, its program included."""
SLACK_S = 4.0
"""Seconds beyond a look's own limit that a busy machine may take."""
MOST_SAID = 60_000
"""Bytes that the results of one look may say."""
MUTATED = 400
"""Answers that are like a good one but for one part, at full share."""
SECRET = {"name": "PUBLER_API_KEY", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
MACHINE = {
    "id": "a1", "state": "started", "config": {"image": "x:1", "env": {"A": "b"}, "metadata": {"fly_release_id": "1"}},
    "image_ref": {"digest": "sha256:1"}, "checks": [{"name": "up", "status": "passing"}],
    "events": [{"type": "exit", "timestamp": 5, "request": {"exit_event": {"requested_stop": False}}}],
}  # fmt: skip
LIKE_GOOD: dict[str, tuple[str, Any]] = {
    "chatwoot": ("chatwoot", {"id": 1, "status": "woot", "accounts": [{"id": 1, "status": "active", "role": "agent"}],
                              "payload": [{"id": 1, "name": "web", "channel_type": "api", "reauthorization_required": False}],
                              "version": "4.1.0", "timestamp": "2026-01-01 00:00:00", "queue_services": "ok",
                              "data_services": "ok", "labels": ["launch-canary"]}),
    "publer": ("publer", [{"id": "5", "name": "n", "plan": "p", "provider": "x", "type": "y"}]),
    "github": ("github", {"total_count": 1, "secrets": [SECRET]}),
    "vault": ("vault", {"data": {"data": {"PUBLER_API_KEY": "x" * 20, "api_key": "y" * 20},
                                 "metadata": {"version": 3, "created_time": "2026-01-01T00:00:00Z"}}}),
}  # fmt: skip
"""Vendor -> the look that reads it, and an answer that is much like its own."""
FLY_GOOD: dict[str, Any] = {
    "version": {"Version": "0.3.1"},
    "auth whoami": {"email": "x@example.com"},
    "status": {"AppURL": "http://127.0.0.1:9", "Hostname": "x.example.com", "Machines": [MACHINE]},
    "releases": [{"Version": 1, "Status": "complete", "ImageRef": "x:1"}],
    "machine list": [MACHINE],
    "secrets list": [{"name": "A", "digest": "d", "status": "Deployed"}],
}
EMPTY = ("flyctl prints null", "flyctl prints an empty list")
"""What Go's programs print where there is nothing: such an app holds no secret that nobody declared."""
PROGRAMS = {
    "prints without end": "yes flood",
    "one line without end": "yes | tr -d '\\n'",
    "leaves a child with its pipes": "sleep 60 & echo '{}'",
    "leaves a child of another session": "setsid sleep 60 & echo '{}'",
    "ignores the request to end": "trap '' TERM; sleep 60",
    "closes its pipes and goes on": "exec >&- 2>&-; sleep 60",
    "prints what is no text": "head -c 3000000 /dev/urandom",
    "fails in one line of 5 MB": "head -c 5000000 /dev/zero | tr '\\0' x >&2; exit 1",
    "is killed": "kill -9 $$",
}
"""What flyctl does instead of answering."""


def pick(values: Sequence[Any], share: float, choose: random.Random) -> list[Any]:
    """Return a part of these values, at least one."""
    return choose.sample(list(values), max(1, round(len(values) * share)))


def web_questions(server: Server, share: float, choose: random.Random) -> Iterator[dict[str, Any]]:
    """Yield the addresses with hostile answers; those like a good one are read by their own vendor's look alone."""
    scripts = {**wire_cases(), **{f"JSON: {name}": whole(body) for name, body in BODIES.items()}}
    every: list[tuple[str, Any, list[str]]] = [(name, script, []) for name, script in scripts.items()]
    chosen = pick(every, share, choose)
    like_good = [
        (f"like {vendor}: {answer[:300]!r}", whole(answer), [look])
        for vendor, (look, good) in LIKE_GOOD.items()
        for answer in as_answers(mutations(good))
    ]
    chosen += pick(like_good, min(1.0, share * MUTATED / len(like_good)), choose)
    for name, script, only in chosen:
        place = len(server.answers)
        server.answers[place] = script
        yield {"name": name.removeprefix("JSON: "), "url": f"http://127.0.0.1:{server.port}/case-{place}", "only": only}


def fly_questions(folder: Path, share: float, choose: random.Random) -> Iterator[dict[str, Any]]:
    """Yield flyctls that answer what no flyctl does."""
    programs = {**PROGRAMS}
    for number, (name, body) in enumerate(BODIES.items()):
        (folder / f"body-{number}").write_bytes(body)
        programs[f"prints {name}"] = f"cat {shlex.quote(str(folder / f'body-{number}'))}"
    chosen = pick(list(programs.items()), share, choose)
    like_good = [(words, answer) for words, good in FLY_GOOD.items() for answer in as_answers(mutations(good))]
    for words, answer in pick(like_good, min(1.0, share * 100 / len(like_good)), choose):
        said = {**{name: json.dumps(good).encode() for name, good in FLY_GOOD.items()}, words: answer}
        lines = [f"'{name} '*) printf %s {shlex.quote(text.decode())};;" for name, text in said.items()]
        chosen.append((f"like {words}: {answer[:300]!r}", 'case "$* " in ' + " ".join(lines) + " *) exit 1;; esac"))
    for number, (name, script) in enumerate(chosen):
        program = folder / f"flyctl-{number}"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        yield {"name": f"flyctl {name}", "flyctl": str(program)}


def mail_questions(opened: ExitStack, share: float, choose: random.Random) -> Iterator[dict[str, Any]]:
    """Yield mail servers that speak no SMTP, or no end of it."""
    for name, words in pick(list(smtp_scripts().items()), share, choose):
        listening = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        threading.Thread(target=speak, args=(listening, words), daemon=True).start()
        yield {"name": f"mail: {name}", "smtp": f"smtp://user:{'p' * 9}@127.0.0.1:{listening.getsockname()[1]}"}


def speak(listening: socket.socket, words: Sequence[bytes]) -> None:
    """Say the first words, each other after something was heard, and the last again and again."""
    with suppress(OSError), listening.accept()[0] as connection:
        connection.settimeout(10)
        for word in words[:-1]:
            connection.sendall(word)
            connection.recv(65536)
        while True:
            connection.sendall(words[-1])
            time.sleep(0.02)


@contextmanager
def looking() -> Iterator[subprocess.Popen[str]]:
    """Yield the process that looks."""
    argv = [sys.executable, "-m", "tests.resilience.vendor_looks"]
    with subprocess.Popen(
        argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**inherited(PROGRAMS_INHERIT), "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def ask(process: subprocess.Popen[str], question: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what each look at one address came to."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(question) + "\n")
    process.stdin.flush()
    for line in process.stdout:
        told = json.loads(line) if line.startswith("{") else {"case": question["name"], "look": "?", "trouble": line}
        if "done" in told:
            return
        yield told
    yield {"case": question["name"], "look": "?", "trouble": "the process that looks has ended"}


def find_problems(told: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with one look at one hostile answer."""
    where = f"{told['case']}, {told['look']}"
    if "trouble" in told:
        yield f"{where}: {' '.join(str(told['trouble']).split())[-600:]}"
        return
    if told["took_s"] > told["limit_s"] + SLACK_S:
        yield f"{where}: took {told['took_s']:.1f} s of {told['limit_s']:.1f} s"
    if told["peak"] > MOST_MEMORY:
        yield f"{where}: {told['peak'] / 1e6:.0f} MB of memory"
    if told.get("said", 0) > MOST_SAID:
        yield f"{where}: the results say {told['said']:,} bytes"
    if "pass" in told["outcomes"] and not told["case"].startswith(("like ", "flyctl like ")) and told["case"] not in EMPTY:
        yield f"{where}: passed"


def format_results(seen: Sequence[Mapping[str, Any]]) -> str:
    """Return how many results there were of each outcome."""
    counts = Counter(outcome for one in seen for outcome in one.get("outcomes", ()))
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))


def measure(*, share: float, seed: int) -> Measured:
    """Return what every look at every hostile answer came to."""
    choose = random.Random(seed)
    problems: list[str] = []
    seen: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name, serve() as server, looking() as process, ExitStack() as opened:
        questions = [
            *web_questions(server, share, choose),
            *fly_questions(Path(name), share, choose),
            *mail_questions(opened, share, choose),
        ]
        for question in questions:
            for told in ask(process, question):
                seen.append(told)
                problems += find_problems(told)
            if process.poll() is not None:
                break
    tracebacks = sum("trouble" in one for one in seen)
    late = [one for one in seen if one.get("took_s", 0) > one.get("limit_s", 0) + SLACK_S]
    slowest = max(seen, key=lambda one: one.get("took_s", 0), default={})
    return Measured(
        title="Hostile answers of vendors and programs",
        what=(
            f"{len(questions)} answers are given to the looks of health, credentials, deploy_rehearsal and alerts by a server of "
            "raw sockets, by mail servers and by a flyctl. A look is wrong when it ends in a traceback, takes longer than its "
            "settings allow, passes, or says too much."
        ),
        tried=len(seen),
        problems=tuple(problems),
        figures={
            "answers": len(questions),
            "tracebacks": tracebacks,
            "looks beyond their time": len(late),
            "results": format_results(seen),
            "slowest look": f"{slowest.get('took_s', 0):.1f} s ({slowest.get('case', '')[:60]}, {slowest.get('look', '')})",
            "most memory of the looking process": f"{max((one.get('peak', 0) for one in seen), default=0) / 1e6:.0f} MB",
        },
    )
