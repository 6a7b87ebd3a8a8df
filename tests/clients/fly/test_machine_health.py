"""Machines are healthy by the meaning of their own config, and Bash and Python say the same of each."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lib.clients.fly.flyctl import describe_machine, describe_machines
from lib.clients.fly.machine_health import find_fault, is_counted
from lib.core.paths import ROOT
from tests.support.fly_health_cases import CASES, ended, machine, service

OPS = ROOT / "pack/scripts/ops"
SCRIPT = """
source "$1/json.bash"; source "$1/machines.bash"
for file in "$2"/*.json; do
  json_values < "$file" > "$2/values" || exit 1
  read_machines "$2/values"
  judge_machines
  printf '%s\\n' "$seen"
done
"""


def bash_says(folder: Path, every: list[list[dict[str, Any]]]) -> list[str]:
    """Return the sentence of each list of machines, '' where they are healthy."""
    for place, machines in enumerate(every):
        (folder / f"{place:04}.json").write_text(json.dumps(machines, indent=4))
    argv = ["bash", "-uc", SCRIPT, "judge", str(OPS), str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize("name", CASES)
def test_the_notebook_says_it(name: str) -> None:
    machines, said = CASES[name]
    assert find_fault(describe_machines(machines)) == said


def test_the_script_says_it_in_the_same_words(tmp_path: Path) -> None:
    assert dict(zip(CASES, bash_says(tmp_path, [machines for machines, _ in CASES.values()]), strict=True)) == {
        name: said for name, (_, said) in CASES.items()
    }


def made_up(rng: random.Random, place: int) -> dict[str, Any]:
    """Return a machine with whatever a config may say, in any order and spelling."""
    pick = rng.choice
    services = [
        service(
            checks=pick([0, 1]),
            **pick([{}, {"autostop": pick([True, False, "stop", "suspend", "off"])}]),
            **pick([{}, {"autostart": pick([True, False])}]),
            **pick([{}, {"min_machines_running": pick([0, 1, 2])}]),
        )
        for _ in range(pick([0, 1, 2]))
    ]
    said = {
        "services": services, "restart": pick([None, {"policy": pick(["no", "always", "on-failure"])}]),
        "standbys": pick([None, None, ["m0"]]), "schedule": pick([None, None, "daily"]),
        "env": pick([{}, {"PRIMARY_REGION": "ams"}]),
        "top": pick([None, {"a.type": {"type": "tcp"}}]), "host": pick(["ok", "ok", "ok", "unknown"]),
        "region": pick(["ams", "iad"]),
        "events": pick([[], ended(pick([0, 1, None]), asked=pick([True, False]), monitored=pick([True, False]))]),
        "auto_destroy": pick([None, None, False, True]),
    }  # fmt: skip
    names = [f"servicecheck-{n:02}" for n in range(sum(len(one["checks"]) for one in services))] + (
        ["a.type"] if said["top"] else []
    )
    checks = {name: pick(["passing", "passing", "passing", "critical"]) for name in names[: pick([len(names), len(names), 1])]}
    state = pick(["started", "started", "stopped", "suspended", "created", "destroyed"])
    found = machine(f"m{place}", state, pick(["app", "app", "worker", "fly_app_console"]), checks, **said)
    return dict(sorted(found.items(), reverse=pick([True, False])))


def test_both_say_the_same_of_whatever_machines_there_are(tmp_path: Path) -> None:
    rng = random.Random(11)
    every = [[made_up(rng, place) for place in range(rng.choice([1, 2, 3]))] for _ in range(200)]
    said = [find_fault([describe_machine(one) for one in machines if is_counted(one)]) for machines in every]
    assert bash_says(tmp_path, every) == said
    assert 20 < said.count("") < 180


def test_a_platform_that_answers_nonsense_runs_nothing_of_it(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    code = f"x[$(touch {ran})]"
    odd: list[Any] = [
        {code: {"id": code, "state": code}},
        [machine(services=[service(min_machines_running=code)], checks={code: code})],
        [{**machine(), "events": {code: {"type": "exit"}}, "checks": {code: {"name": code, "status": "passing"}}}],
        [{**machine(), "config": {"services": {code: {"min_machines_running": 1}}}}],
    ]
    bash_says(tmp_path, odd)
    assert not ran.exists()
