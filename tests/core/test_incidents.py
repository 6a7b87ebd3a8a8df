"""A person is told once a failure, once when it is over, and again only after a while; and it is remembered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from lib.core.incidents import FailedCheck, Incident, plan_message
from lib.evidence.history import open_history
from lib.evidence.incident_store import INCIDENTS, keep_incidents, open_incidents

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
NIGHT = timedelta(days=1)


def failure(subject: str) -> FailedCheck:
    return FailedCheck(
        check=f"health.{subject}_is_alive", title="It answers", subject=subject, word="failed", detail="No.", fix=("look.",)
    )


def nights(
    *failing: set[str], delivered: list[bool] | None = None, remind_after_h: float = 1000
) -> list[tuple[set[str], set[str]]]:
    """Return for each night whom a message told of as failing, and as recovered."""
    past: list[Incident] = []
    told = []
    for number, subjects in enumerate(failing):
        now = NOW + number * NIGHT
        plan = plan_message(
            past, [failure(one) for one in sorted(subjects)], run_id=f"r{number}", now=now, remind_after_h=remind_after_h
        )
        taken = plan.is_due and (delivered is None or delivered[number])
        past = plan.open_after(notified=taken, now=now)
        if taken:
            told.append(({one.subject for one in (*plan.opened, *plan.reminded)}, {one.subject for one in plan.recovered}))
        else:
            told.append((set(), set()))
    return told


def test_one_message_an_episode() -> None:
    assert nights({"a"}, {"a"}, {"a"}) == [({"a"}, set()), (set(), set()), (set(), set())]


def test_one_message_on_recovery_and_a_new_one_for_a_new_episode() -> None:
    assert nights({"a"}, set(), set(), {"a"}) == [({"a"}, set()), (set(), {"a"}), (set(), set()), ({"a"}, set())]


def test_a_second_service_is_told_while_the_first_is_not_repeated() -> None:
    assert nights({"a"}, {"a", "b"}, {"b"}) == [({"a"}, set()), ({"b"}, set()), (set(), {"a"})]


def test_a_reminder_comes_when_it_is_due_and_not_before() -> None:
    assert [bool(failing) for failing, _ in nights({"a"}, {"a"}, {"a"}, {"a"}, remind_after_h=48)] == [True, False, True, False]


def test_what_was_not_taken_is_told_the_next_night() -> None:
    assert nights({"a"}, {"a"}, set(), set(), delivered=[False, True, False, True]) == [
        (set(), set()), ({"a"}, set()), (set(), set()), (set(), {"a"}),
    ]  # fmt: skip


def test_a_failure_nobody_heard_of_is_over_without_a_word() -> None:
    assert nights({"a"}, set(), delivered=[False, True]) == [(set(), set()), (set(), set())]


@given(st.lists(st.sets(st.sampled_from("abc")), max_size=12))
def test_every_change_is_told_exactly_once(failing: list[set[str]]) -> None:
    before: set[str] = set()
    for now, (opened, recovered) in zip(failing, nights(*failing), strict=True):
        assert opened == now - before
        assert recovered == before - now
        before = now


def test_an_episode_keeps_when_it_began_and_who_found_it() -> None:
    first = plan_message([], [failure("a")], run_id="r0", now=NOW, remind_after_h=1)
    again = plan_message(first.open_after(notified=True, now=NOW), [failure("a")], run_id="r1", now=NOW + NIGHT, remind_after_h=1)
    [incident] = again.reminded
    assert (incident.opened_at, incident.run_id) == (NOW, "r0")


class TestStore:
    def incident(self, subject: str = "chatwoot") -> Incident:
        return Incident(
            subject=subject, opened_at=NOW, run_id="r0", failing=("health.x",), notified_at=NOW + timedelta(seconds=1)
        )

    def keep(
        self, engine: sa.Engine, *, going_on: tuple[Incident, ...] = (), over: tuple[Incident, ...] = (), live: bool = True
    ) -> None:
        keep_incidents(engine, "pack", "staging", live=live, going_on=going_on, over=over, now=NOW)

    def test_what_goes_on_comes_back_whole(self, tmp_path: Path) -> None:
        self.keep(open_history(tmp_path), going_on=(self.incident(), self.incident("publer")))
        assert open_incidents(open_history(tmp_path), "pack", "staging", live=True) == [self.incident(), self.incident("publer")]

    def test_what_is_over_does_not_come_back_but_is_kept(self, tmp_path: Path) -> None:
        engine = open_history(tmp_path)
        self.keep(engine, going_on=(self.incident(),))
        self.keep(engine, over=(self.incident(),))
        assert open_incidents(engine, "pack", "staging", live=True) == []
        with engine.connect() as connection:
            assert len(connection.execute(sa.select(INCIDENTS)).all()) == 1

    def test_environments_and_rehearsals_are_apart(self, tmp_path: Path) -> None:
        engine = open_history(tmp_path)
        self.keep(engine, going_on=(self.incident(),), live=False)
        assert open_incidents(engine, "pack", "staging", live=True) == []
        assert open_incidents(engine, "pack", "production", live=False) == []
        assert open_incidents(engine, "pack", "staging", live=False) == [self.incident()]

    def test_a_history_made_before_there_were_episodes_is_taken(self, tmp_path: Path) -> None:
        engine = open_history(tmp_path)
        INCIDENTS.drop(engine)
        assert open_incidents(engine, "pack", "staging", live=True) == []
