"""Results are taken over from a run that is whole, sealed by a known key, new enough and clear; from no other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.core.faults import End, Trial
from lib.core.results import Outcome, Provenance, Result, SkipReason
from lib.evidence.fault_log import append_trials, read_trials
from lib.evidence.log import FILE, EvidenceLine, ReusedFrom, append_line, keep_artifacts, line_of, read_evidence
from lib.evidence.manifest import MANIFEST, load_signer, seal_run
from lib.run.reuse import Reuse, find_reusable, require_new, take_over
from lib.run.reuse_inputs import ReuseInputs
from lib.tasks.index import task_named
from tests.support.paper_worlds import make_pack, run_in

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SEED, RLS = task_named("seed"), task_named("rls")
OLD, NEW = "20261126T080000Z-aaaa", "20261126T090000Z-bbbb"
INPUTS = {"seed": "seed's", "rls": "rls's"}


def make_run(
    home: Path,
    run_id: str = NEW,
    *,
    hours: float = 3,
    said: dict[str, Result] | None = None,
    key: str = "key.pem",
    change: Callable[[list[EvidenceLine]], list[EvidenceLine]] = list,
    **about: Any,
) -> Path:
    """Return a sealed run of seed and rls in which every check passed but those that are said."""
    folder = home / "runs" / run_id
    folder.mkdir(parents=True)
    lines = []
    for task in (SEED, RLS):
        kept = keep_artifacts(folder, task.name, {"seen.json": {"task": task.name}, "seen.txt": "text"})
        (folder / f"{task.name}.ipynb").write_text('{"cells": []}')
        for check in task.checks:
            lines.append(
                line_of(
                    (said or {}).get(check.id) or check.passed(observed=1),
                    check,
                    run_id=run_id,
                    environment="local",
                    provenance=Provenance.EMBEDDED,
                    started_at=NOW - timedelta(hours=hours),
                    duration_s=1.5,
                    artifacts=kept,
                )
            )
    for line in change(lines):
        append_line(folder, line)
    append_trials(
        folder,
        [
            Trial(task=task.name, look="look", check=task.checks[0].id, operator="drop", place="here", end=End.FOUND)
            for task in (SEED, RLS)
        ],
    )
    seal_run(folder, {"finished": True, "tasks": ["seed", "rls"], "inputs": INPUTS, **about}, load_signer(home / key))
    return folder


def look(home: Path, *, inputs: dict[str, str] | None = None, now: datetime = NOW, max_age_h: float = 24, **more: Any) -> Reuse:
    keys = more.get("keys", [load_signer(home / "key.pem").public_key])
    given = ReuseInputs(digests=inputs or INPUTS, refusals={})
    return find_reusable((SEED, RLS), given, home / "runs", now=now, max_age_h=max_age_h, keys=keys)


def why(found: Reuse) -> str:
    assert not found.sources
    return found.refusals["seed"]


def test_unchanged_tasks_are_taken_over_whole_with_the_run_that_looked(tmp_path: Path) -> None:
    folder = make_run(tmp_path, said={SEED.checks[1].id: SEED.checks[1].failed(detail="It is not so.")})
    found = look(tmp_path)
    assert (set(found.sources), found.refusals) == ({"seed", "rls"}, {})
    assert found.sources["rls"].describe(NOW) == f"looked at in run {NEW}, 3 h 00 min ago"
    run = run_in(tmp_path, "20261126T120000Z-cccc", pack=make_pack(tmp_path))
    for source in found.sources.values():
        take_over(source, run)
    before, after = read_evidence(folder), read_evidence(run.run_folder)
    assert [one.model_copy(update={"run_id": NEW, "reused_from": None}) for one in after] == before, "as they are"
    assert {one.run_id for one in after} == {run.run_id}
    assert {(one.reused_from.run_id, one.reused_from.looked_at) for one in after if one.reused_from} == {
        (NEW, NOW - timedelta(hours=3))
    }
    assert all(one.reused_from for one in after)
    assert read_trials(run.run_folder) == read_trials(folder)
    for name in ("seed.ipynb", "rls.ipynb", "artifacts/seed/seen.json", "artifacts/rls/seen.txt"):
        assert (run.run_folder / name).read_bytes() == (folder / name).read_bytes()
    assert not (run.run_folder / MANIFEST).exists(), "nothing but what is the tasks'"


def test_other_inputs_are_not_reused_and_an_older_run_on_the_same_ones_is(tmp_path: Path) -> None:
    make_run(tmp_path, OLD, hours=4)
    assert why(look(tmp_path, inputs={"seed": "x", "rls": "y"})) == "no earlier run looked at it on these inputs"
    make_run(tmp_path, NEW, inputs={"seed": "x", "rls": "y"})
    assert {source.run_ids for source in look(tmp_path).sources.values()} == {(OLD,)}


def test_a_task_after_one_that_is_executed_is_executed(tmp_path: Path) -> None:
    make_run(tmp_path)
    found = look(tmp_path, inputs={"seed": "changed", "rls": INPUTS["rls"]})
    assert (found.sources, found.refusals["rls"]) == ({}, "seed is executed before it")
    found = look(tmp_path, inputs={"seed": INPUTS["seed"], "rls": "changed"})
    assert set(found.sources) == {"seed"}


def test_what_could_not_be_determined_is_never_reused_and_hides_an_older_pass(tmp_path: Path) -> None:
    make_run(tmp_path, OLD, hours=4)
    make_run(tmp_path, NEW, said={SEED.checks[0].id: SEED.checks[0].errored("Too busy to tell.")})
    assert why(look(tmp_path)) == f"{SEED.checks[0].id} could not be determined in run {NEW}"


def test_a_newer_failure_is_taken_over_and_not_an_older_pass(tmp_path: Path) -> None:
    make_run(tmp_path, OLD, hours=4)
    make_run(tmp_path, NEW, said={SEED.checks[0].id: SEED.checks[0].failed(detail="no")})
    [first] = [one for one in look(tmp_path).sources["seed"].lines if one.check == SEED.checks[0].id]
    assert first.result is Outcome.FAIL


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: lines[1:], "has not one result of each of its checks"),
        (lambda lines: [*lines, lines[0]], "has not one result of each of its checks"),
        (lambda lines: [lines[0].model_copy(update={"check": "seed.unheard_of"}), *lines[1:]], "has not one result"),
        (lambda lines: [lines[0].model_copy(update={"started_at": NOW + timedelta(hours=1)}), *lines[1:]], "in the future"),
        (lambda lines: [lines[0].model_copy(update={"started_at": NOW - timedelta(hours=25)}), *lines[1:]], "more than 24 h"),
    ],
)
def test_a_task_that_is_not_whole_or_not_of_its_time_is_executed(tmp_path: Path, change: Any, said: str) -> None:
    make_run(tmp_path, change=change)
    assert said in why(look(tmp_path))


@settings(deadline=None)
@given(
    ages=st.lists(st.integers(min_value=-3, max_value=60), min_size=1, max_size=4),
    taken=st.lists(st.integers(min_value=-3, max_value=60), max_size=4),
    limit=st.integers(min_value=1, max_value=48),
)
def test_the_oldest_look_decides_and_never_a_copys_time(ages: list[int], taken: list[int], limit: int) -> None:
    check = SEED.checks[0]

    def aged(age: int) -> EvidenceLine:
        started_at = NOW - timedelta(hours=age)
        about: dict[str, Any] = {"run_id": NEW, "environment": "local", "provenance": Provenance.EMBEDDED, "duration_s": 1}
        return line_of(check.passed(), check, started_at=started_at, **about)

    lines = [aged(age) for age in ages]
    lines += [
        aged(0).model_copy(update={"reused_from": ReusedFrom(run_id=OLD, looked_at=NOW - timedelta(hours=age))}) for age in taken
    ]
    spans = [(NOW - one.started_at).total_seconds() for one in lines]
    spans += [(NOW - one.reused_from.looked_at).total_seconds() for one in lines if one.reused_from]
    if all(0 <= span <= limit * 3600 for span in spans):
        require_new(lines, now=NOW, max_age_h=limit)
    else:
        with pytest.raises(Exception, match=r"looked at .* (ago|future)"):
            require_new(lines, now=NOW, max_age_h=limit)


def test_a_chain_keeps_the_run_that_looked_and_its_age(tmp_path: Path) -> None:
    make_run(tmp_path, OLD, hours=20)
    taken = look(tmp_path).sources
    copied = [line for source in taken.values() for line in source.lines]
    make_run(
        tmp_path, NEW, hours=0, change=lambda _: [one.model_copy(update={"run_id": NEW}) for one in copied]
    )  # fmt: skip
    found = look(tmp_path)
    assert found.sources["seed"].run_ids == (OLD,)
    assert found.sources["seed"].describe(NOW) == f"looked at in run {OLD}, 20 h 00 min ago"
    later = look(tmp_path, now=NOW + timedelta(hours=5))
    assert "more than 24 h" in why(later), "the copy is 5 hours old, the look 25"


def break_evidence(folder: Path) -> None:
    (folder / FILE).write_text((folder / FILE).read_text().replace('"observed":1', '"observed":2', 1))


def break_inputs(folder: Path) -> None:
    about = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**about, "inputs": {"seed": "x", "rls": "y"}}, indent=2, sort_keys=True) + "\n")


@pytest.mark.parametrize(
    "change",
    [
        break_evidence,
        break_inputs,
        lambda folder: (folder / "artifacts/seed/seen.txt").write_text("other"),
        lambda folder: (folder / "artifacts/seed/seen.txt").unlink(),
        lambda folder: (folder / "artifacts/seed/more.txt").write_text("more"),
        lambda folder: (folder / "unfinished.json").write_text("{}"),
    ],
)
def test_a_run_that_was_altered_is_not_believed_and_hides_the_older_one(tmp_path: Path, change: Callable[[Path], object]) -> None:
    make_run(tmp_path, OLD, hours=4)
    change(make_run(tmp_path, NEW))
    assert f"run {NEW} does not verify" in why(look(tmp_path))


def test_a_run_that_was_altered_and_sealed_again_by_another_key_is_not_believed(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    break_evidence(folder)
    about = {"finished": True, "tasks": ["seed", "rls"], "inputs": INPUTS}
    seal_run(folder, about, load_signer(tmp_path / "other.pem"))
    assert "which is not known here" in why(look(tmp_path))


def test_without_a_trusted_key_nothing_is_reused(tmp_path: Path) -> None:
    make_run(tmp_path)
    assert why(look(tmp_path, keys=[])) == "there is no key whose signature is trusted"


def test_a_newer_run_that_nobody_can_vouch_for_hides_the_older_one_if_it_looked(tmp_path: Path) -> None:
    make_run(tmp_path, OLD, hours=4)
    killed = make_run(tmp_path, NEW)
    (killed / "manifest.dsse.json").unlink()
    assert "does not say on which inputs" in why(look(tmp_path))
    (killed / FILE).write_text("")
    assert set(look(tmp_path).sources) == {"seed", "rls"}, "it had not begun"


def test_a_run_that_says_nothing_of_its_inputs_is_not_reused(tmp_path: Path) -> None:
    make_run(tmp_path, inputs={})
    assert "did not come to its end" in why(look(tmp_path))
    shutil.rmtree(tmp_path / "runs")
    make_run(tmp_path, inputs=None)
    assert "does not say on which inputs" in why(look(tmp_path)), "as an older workbook's"


def test_a_run_without_the_notebook_or_an_artifact_is_not_reused(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    about = {"finished": True, "tasks": ["seed", "rls"], "inputs": INPUTS}
    (folder / "artifacts/seed/seen.txt").unlink()
    seal_run(folder, about, load_signer(tmp_path / "key.pem"))
    assert "lacks artifacts/seed/seen.txt" in why(look(tmp_path))
    (folder / "seed.ipynb").unlink()
    seal_run(folder, about, load_signer(tmp_path / "key.pem"))
    assert "has no notebook of it" in why(look(tmp_path))


def test_a_run_of_other_tasks_is_passed_over_and_a_linked_folder_is_none(tmp_path: Path) -> None:
    make_run(tmp_path, OLD, hours=4)
    make_run(tmp_path, NEW, tasks=["health"], inputs={})
    (tmp_path / "runs" / "20261126T100000Z-dddd").symlink_to(tmp_path / "runs" / NEW)
    assert {source.run_ids for source in look(tmp_path).sources.values()} == {(OLD,)}


def test_a_skip_is_taken_over_with_its_reason(tmp_path: Path) -> None:
    skip = SEED.checks[0].not_applicable("There is none.")
    make_run(tmp_path, said={skip.check: replace(skip)})
    [first] = [one for one in look(tmp_path).sources["seed"].lines if one.check == skip.check]
    assert (first.result, first.skipped_because) == (Outcome.SKIP, SkipReason.NOT_APPLICABLE)
