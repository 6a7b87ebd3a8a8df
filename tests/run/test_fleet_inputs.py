"""What need not be run again: unchanged rehearsals without a failure, young enough, as they were committed, and nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lib.run.fleet import Outcome
from lib.run.fleet_commit import Committed
from lib.run.fleet_inputs import choose_reused, digest_member, digest_members, find_reusable, keep_latest, longest_age_h
from lib.run.fleet_plan import Member, cross
from lib.transport.storage import Storage, open_storage
from tests.support.credential_worlds import copy_pack

MANIFEST = b"{}"
ENDED_AT = "2026-11-01T00:01:00+00:00"
SOON = datetime.fromisoformat(ENDED_AT) + timedelta(hours=1)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(str(tmp_path / "results"))


MEMBER = Member(project="p", pack="/p", environment="staging", variables={"URL": "P__URL"}, optional=frozenset({"URL"}))
COMMITTED = Committed(
    fleet="f",
    attempt="a",
    project="p",
    environment="staging",
    run_id="r",
    verdict="REHEARSED",
    exit_code=0,
    finished=True,
    partial=False,
    started_at="2026-11-01T00:00:00+00:00",
    ended_at=ENDED_AT,
    commit=None,
    manifest_sha256=hashlib.sha256(MANIFEST).hexdigest(),
    is_live=False,
)


def reused(
    storage: Storage,
    committed: Committed = COMMITTED,
    member: Member = MEMBER,
    *,
    inputs: str | None = "same",
    now: datetime = SOON,
) -> bool:
    keep_latest(storage, Outcome(member=member, committed=committed), "same")
    storage.write(f"{committed.folder}/manifest.json", MANIFEST)
    found = find_reusable(storage, member, inputs, set_at_worker=(), max_age_h=24, now=now)
    assert found is None or found == Outcome(member=member, committed=committed, reused=True)
    return found is not None


def test_an_unchanged_rehearsal_is_reused(storage: Storage) -> None:
    assert reused(storage)


@pytest.mark.parametrize(
    "change",
    [{"exit_code": 1}, {"exit_code": 2}, {"is_live": True}, {"manifest_sha256": "0"}, {"finished": False}],
    ids=lambda change: next(iter(change)),
)
def test_a_result_that_says_too_little_is_not(storage: Storage, change: dict[str, object]) -> None:
    assert not reused(storage, replace(COMMITTED, **change))  # type: ignore[arg-type]


@pytest.mark.parametrize("inputs", ["other", None])
def test_what_changed_or_can_not_be_told_is_run(storage: Storage, inputs: str | None) -> None:
    assert not reused(storage, inputs=inputs)


@pytest.mark.parametrize("age", [timedelta(hours=25), -timedelta(hours=1)])
def test_an_old_result_and_one_of_the_future_are_not_reused(storage: Storage, age: timedelta) -> None:
    assert not reused(storage, now=datetime.fromisoformat(ENDED_AT) + age)


def test_production_is_always_run(storage: Storage) -> None:
    assert not reused(storage, replace(COMMITTED, environment="production"), replace(MEMBER, environment="production"))


def test_what_would_be_live_now_is_run(storage: Storage) -> None:
    assert reused(storage)
    found = find_reusable(storage, MEMBER, "same", set_at_worker={"P__URL"}, max_age_h=24, now=SOON)
    assert found is None
    assert not reused(storage, member=replace(MEMBER, optional=frozenset()))


def test_inputs_that_changed_while_it_ran_are_those_of_no_result(storage: Storage) -> None:
    keep_latest(storage, Outcome(member=MEMBER, committed=COMMITTED), None)
    storage.write(f"{COMMITTED.folder}/manifest.json", MANIFEST)
    assert choose_reused(storage, [MEMBER], {MEMBER.name: None}, set_at_worker=()) == {}


def test_the_digest_tells_a_changed_policy_another_choice_and_another_environment(tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    [member] = cross([str(pack)], ["local"], base=tmp_path)
    first = digest_member(member)
    assert first is not None
    assert digest_member(member) == first == digest_members([member])[member.name]
    assert digest_member(replace(member, only=("rls",))) != first
    assert digest_member(replace(member, environment="staging")) != first
    (pack / "fly.toml").write_text((pack / "fly.toml").read_text() + "\n# changed\n")
    assert digest_member(member) != first


def test_a_project_whose_settings_are_wrong_has_no_digest(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert digest_member(Member(project="p", pack=str(tmp_path / "empty"), environment="local")) is None


def test_the_age_up_to_which_results_are_reused_is_what_the_settings_say(tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    [member] = cross([str(pack)], ["local"], base=tmp_path)
    assert longest_age_h(member) == 24
    settings = pack / "launch" / "project.yaml"
    said = "shelf_life:\n  max_age_h: 12\n  max_age_h_by_check: {rls.every_table_enabled: 6}\n"
    settings.write_text(f"{settings.read_text()}\n{said}")
    assert longest_age_h(member) == 6
