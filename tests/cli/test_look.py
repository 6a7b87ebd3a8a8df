"""What a kept run found comes out the same when it is looked at again, a forged fact does not, and another input is named."""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lib.cli import look as module
from lib.cli.look import DIFFERS, NOT_COMPARED, SAME, choose_lines, compare, look, tasks_needed
from lib.core.errors import ParamsError
from lib.core.paths import ROOT
from lib.core.results import Outcome, SkipReason
from lib.evidence.log import FILE, EvidenceLine, read_evidence
from lib.run.params import load_params, reading_variables
from lib.run.recorded_inputs import FILE as INPUTS
from lib.tasks.index import SUMMARY, TASKS, every_check
from tests.support.launch import Done, carry_out

MANY = 50
SEED = 20
"""Of the forgeries: the same in every run of the tests."""


def look_at(run: Path, asked: str, **variables: str) -> Done:
    return carry_out(["look", asked, "--run", str(run)], run, **variables)


@pytest.fixture
def kept(whole: Done, tmp_path: Path) -> Path:
    """Return a copy of the run, as who was handed it has it, to be forged."""
    return Path(shutil.copytree(whole.folder, tmp_path / whole.folder.name))


def rewrite(run: Path, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
    lines = [change(json.loads(text)) for text in (run / FILE).read_text().splitlines()]
    (run / FILE).write_text("".join(json.dumps(one) + "\n" for one in lines if one is not None))


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    found = {path.relative_to(folder).as_posix(): path.lstat() for path in folder.rglob("*")}
    return {name: (status.st_size, status.st_mtime_ns) for name, status in found.items()}


@contextmanager
def not_yet_first_run() -> Iterator[None]:
    """Let no other worker make the run that conftest.py makes for the summary's notebook: it is kept in rendered/."""
    (ROOT / ".run").mkdir(exist_ok=True)
    with (ROOT / ".run" / "first-run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


TIME_UNITS = ("ms", "s", "min", "h")
TIME = re.compile(r"\d (?:ms|s|min|h)\b")


def forge(line: EvidenceLine, rng: random.Random) -> EvidenceLine:
    """Return the line with one word of its fact made another."""
    ways: dict[str, Callable[[], Any]] = {
        "result": lambda: rng.choice([one for one in Outcome if one is not line.result]),
        "expected": lambda: [line.expected, "forged"],
        "gate": lambda: not line.gate,
        "unit": lambda: f"{line.unit} forged",
        "subject": lambda: f"{line.subject} forged",
        "skipped_because": lambda: next(one for one in SkipReason if one is not line.skipped_because),
    }
    if not every_check()[line.check].measured:
        ways["observed"] = lambda: line.observed + 1 if isinstance(line.observed, int) else [line.observed, "forged"]
    key = rng.choice(sorted(ways))
    return line.model_copy(update={key: ways[key]()})


def test_every_line_carries_the_command_that_looks_again_and_its_page_shows_it(whole: Done) -> None:
    for line in read_evidence(whole.folder):
        assert line.again == f"python -m lib look {line.check} --run {whole.folder.name}"
    assert "python -m lib look rls.matrix_matches_declared --run" in (whole.folder / "rls.html").read_text()


def test_a_time_that_a_check_observes_is_a_measurement(whole: Done) -> None:
    times = {line.check for line in read_evidence(whole.folder) if TIME.search(str(line.observed)) or line.unit in TIME_UNITS}
    assert "health.chatwoot_workers_work" in times
    assert {check for check in times if not every_check()[check].measured} == set()


def test_all_comes_out_the_same_and_nothing_is_written(whole: Done) -> None:
    places = (whole.folder.parent.parent.parent, ROOT / "pack", ROOT / "rendered")
    with not_yet_first_run():
        before = [snapshot(place) for place in places]
        done = look_at(whole.folder, "all")
        after = [snapshot(place) for place in places]
    checks = [line.check for line in read_evidence(whole.folder)]
    # On a busy machine a measurement may be undetermined; the summary, which adds the run up, then says so, too.
    busy = {check for check in checks if f"{check} could not be looked at again: " in done.said and every_check()[check].measured}
    promised = [check for check in checks if check not in busy and not (busy and check.startswith(f"{SUMMARY.name}."))]
    assert [check for check in promised if f"{check} comes out the same: " not in done.said] == [], done.said
    assert done.exit_code == SAME or busy, done.said
    assert after == before


def test_forged_facts_of_a_kept_run_are_found_by_looking_again(kept: Path) -> None:
    """Several for real, in one look; each by itself is compared below."""

    def change(line: dict[str, Any]) -> dict[str, Any] | None:
        match line["check"]:
            case "rls.every_table_enabled":
                return {**line, "result": "fail", "observed": 3}
            case "rls.matrix_matches_declared":
                return {**line, "observed": [line["observed"], 1]}
            case "rls.no_spare_grants":
                return {**line, "expected": "another"}
            case "rls.roles_stay_apart":
                return {**line, "provenance": "live"}
        return line

    rewrite(kept, change)
    done = look_at(kept, "rls")
    assert done.exit_code == DIFFERS, done.said
    differing = sorted(line.split(" ")[0] for line in done.said.splitlines() if " differs: the run says " in line)
    wanted = ["every_table_enabled", "matrix_matches_declared", "no_spare_grants", "roles_stay_apart"]
    assert differing == [f"rls.{name}" for name in wanted]
    assert "the run says result fail, now pass" in done.said


def test_each_of_many_forged_facts_differs_and_none_that_was_left_alone(whole: Done) -> None:
    lines, rng = read_evidence(whole.folder), random.Random(SEED)
    chosen = rng.sample(lines, MANY)
    assert len({line.task for line in chosen}) == len(TASKS)
    for line in chosen:
        check = every_check()[line.check]
        assert compare(check, [line], [line]).code == SAME
        forged = forge(line, rng)
        assert compare(check, [forged], [line]).code != SAME, forged
        assert compare(check, [line, line], [line]).code == DIFFERS


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test in which something is performed."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was performed")

    monkeypatch.setattr(module, "look_anew", refuse)
    yield


@pytest.mark.usefixtures("untouched")
def test_another_input_is_named_and_nothing_is_performed(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = Path(shutil.copytree(ROOT / "pack", tmp_path / "pack", ignore=shutil.ignore_patterns("node_modules")))
    migration = sorted((pack / "supabase" / "migrations").glob("*.sql"))[0]
    migration.write_text(migration.read_text() + "\n-- one line more\n")
    subprocess.run(["git", "-C", str(pack), "init", "-q"], check=True)
    assert look("rls.every_table_enabled", run=str(kept), pack=str(pack), anyway=False) == NOT_COMPARED
    said = capsys.readouterr().out
    assert f"Supabase/migrations/{migration.name} differs." in said
    assert "The pack is at commit unknown, the run judged" in said and "add --anyway" in said


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("asked", "damage", "said"),
    [
        ("rls.no_such_check", None, "has no result of it"),
        ("rls", lambda run: (run / INPUTS).unlink(), "does not say what it was made on"),
        ("rls", lambda run: (run / FILE).write_text("{\n"), "can't be read"),
        ("rls", lambda run: rewrite(run, lambda line: {**line, "check": "rls.of_old"}), "this workbook has no such check"),
    ],
)
def test_what_cannot_be_looked_at_again_is_said_in_one_sentence(
    kept: Path, asked: str, damage: Callable[[Path], object] | None, said: str
) -> None:
    if damage is not None:
        damage(kept)
    with pytest.raises(ParamsError, match=said) as raised:
        look(asked, run=str(kept), pack=None, anyway=False)
    assert len(raised.value.problems) == 1 and "Fix: " in raised.value.problems[0]


def line_like(line: EvidenceLine, **changes: Any) -> EvidenceLine:
    return line.model_copy(update=changes)


def test_what_gave_nothing_now_is_neither_the_same_nor_different(whole: Done) -> None:
    check = every_check()["rls.every_table_enabled"]
    (line,) = choose_lines(whole.folder, check.id)[check.id]
    blocked = line_like(line, result=Outcome.ERROR, detail="Not determined: its target could not be prepared.")
    refused = line_like(line, result=Outcome.SKIP, skipped_because=SkipReason.NOT_ALLOWED)
    assert compare(check, [line], []).code == NOT_COMPARED
    assert compare(check, [line], [blocked]).code == NOT_COMPARED
    assert compare(check, [line], [refused]).code == NOT_COMPARED
    assert compare(check, [line], [line_like(line, result=Outcome.ERROR, detail="It answered nothing.")]).code == DIFFERS


def test_a_measurement_that_could_not_be_made_now_is_not_compared_and_its_figure_never_is(whole: Done) -> None:
    check = next(one for one in every_check().values() if one.measured)
    (line,) = choose_lines(whole.folder, check.id)[check.id]
    busy = line_like(line, result=Outcome.ERROR, detail="This machine was too busy to tell.")
    near = compare(check, [line], [line_like(line, observed=12345)])
    assert (near.code, "12345" in near.said) == (SAME, True)
    assert compare(check, [line], [busy]).code == NOT_COMPARED
    assert compare(check, [line], [line_like(line, result=Outcome.FAIL)]).code == DIFFERS


def test_the_summary_needs_every_task_and_a_live_target_those_before() -> None:
    rehearsal = load_params("staging", variables={})
    live = load_params("staging", variables={"STAGING_DATABASE_URL": "postgresql://a:Zq7xK2mP9wLr4@db.example.com/b"})
    names = [[task.name for task in tasks_needed({"rls"}, params)] for params in (rehearsal, live)]
    assert [sorted(one) for one in names] == [["rls"], ["migrations", "rls", "seed"]]
    assert len(tasks_needed({"readiness_summary"}, rehearsal)) == len(TASKS)


def test_a_look_may_not_write(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ALLOW_WRITES", "APPLY", "HISTORY_URL"):
        monkeypatch.setenv(name, "staging")
    assert not {"ALLOW_WRITES", "APPLY", "HISTORY_URL"} & reading_variables().keys()
    assert reading_variables().keys() >= os.environ.keys() - {"ALLOW_WRITES", "APPLY", "HISTORY_URL"}
