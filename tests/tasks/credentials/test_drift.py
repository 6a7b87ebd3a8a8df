"""What a target's names, times and digests say of a credential, and what they can't say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lib.clients.fly.digest_notes import Noted
from lib.clients.vault.declared import VaultCopy, Wanted, is_placeholder, shared_values
from lib.clients.vault.folder import VaultValue
from lib.core.results import Outcome
from lib.tasks.credentials.drift import Drift, Held, State, compare
from lib.tasks.credentials.judge import judge_target
from lib.tasks.credentials.sync import plan_steps

NOON = datetime(2026, 3, 1, 12, 0, 0, 700_000, tzinfo=UTC)
HOUR = timedelta(hours=1)
WORDS = ["changeme", "your-api-key", "null", "xxx"]


def drift(held: list[Held], *, wanted: tuple[str, ...] = ("A_KEY",), any_case: bool = True, **more: object) -> list[Drift]:
    given = {"vault": {"A_KEY": NOON}, "allowed": ["OWN_TOKEN"], **more}
    return compare(wanted, held, where="repository", any_case=any_case, **given)  # type: ignore[arg-type]


def states(drifts: list[Drift]) -> dict[str, State]:
    return {one.name: one.state for one in drifts}


@pytest.mark.parametrize(
    ("held", "state"),
    [
        (Held(name="A_KEY", updated_at=NOON + HOUR), State.CURRENT),
        (Held(name="a_key", updated_at=NOON + HOUR), State.CURRENT),
        (Held(name="A_KEY", updated_at=NOON.replace(microsecond=0)), State.CURRENT),
        (Held(name="A_KEY", updated_at=NOON - timedelta(seconds=2)), State.OLDER),
        (Held(name="A_KEY", digest="d1"), State.UNKNOWN),
    ],
)
def test_a_copy_is_as_old_as_its_time_says(held: Held, state: State) -> None:
    assert states(drift([held])) == {"A_KEY": state}


@pytest.mark.parametrize(
    ("digest", "changed_at", "state"),
    [("d1", NOON, State.CURRENT), ("d1", NOON - HOUR, State.OLDER), ("d2", NOON, State.CHANGED)],
)
def test_a_digest_says_what_the_last_sync_noted(digest: str, changed_at: datetime, state: State) -> None:
    noted = {"A_KEY": Noted(digest="d1", changed_at=changed_at)}
    assert states(drift([Held(name="A_KEY", digest=digest)], noted=noted)) == {"A_KEY": state}


def test_what_nobody_declared_is_told_and_what_is_allowed_is_not_a_finding() -> None:
    found = drift([Held(name="A_KEY", updated_at=NOON + HOUR), Held(name="OLD_TOKEN"), Held(name="own_token")])
    assert states(found) == {"A_KEY": State.CURRENT, "OLD_TOKEN": State.UNDECLARED, "own_token": State.ALLOWED}


def test_another_spelling_on_fly_is_one_finding_not_two() -> None:
    found = drift([Held(name="a_key", digest="d")], any_case=False)
    assert states(found) == {"A_KEY": State.MISSING}
    assert found[0].note == "it is spelled a_key there"


def test_a_copy_of_what_the_vault_lacks_is_not_judged_by_age() -> None:
    assert states(drift([Held(name="A_KEY", updated_at=NOON)], vault={})) == {"A_KEY": State.NOT_IN_VAULT}


def outcomes(drifts: list[Drift]) -> list[Outcome]:
    return [result.outcome for result in judge_target("github", "GitHub", drifts, "it can't.")]


def test_each_kind_of_drift_fails_its_own_check_alone() -> None:
    good = Held(name="A_KEY", updated_at=NOON + HOUR)
    two = {"vault": {"A_KEY": NOON, "B_KEY": NOON}, "wanted": ("A_KEY", "B_KEY")}
    clean, fail = Outcome.PASS, Outcome.FAIL
    assert outcomes(drift([good])) == [clean, clean, clean]
    assert outcomes(drift([good, Held(name="OWN_TOKEN")])) == [clean, clean, clean]
    assert outcomes(drift([good], **two)) == [fail, clean, clean]
    assert outcomes(drift([good, Held(name="MORE")])) == [clean, fail, clean]
    assert outcomes(drift([Held(name="A_KEY", updated_at=NOON - HOUR)])) == [clean, clean, fail]


def test_an_age_that_can_t_be_known_is_a_skip_and_never_a_pass() -> None:
    assert outcomes(drift([Held(name="A_KEY", digest="d")])) == [Outcome.PASS, Outcome.PASS, Outcome.SKIP]


def test_nothing_declared_is_an_error_and_so_is_nothing_to_compare() -> None:
    assert outcomes(drift([Held(name="MORE")], wanted=())) == [Outcome.ERROR] * 3
    assert outcomes(drift([])) == [Outcome.FAIL, Outcome.PASS, Outcome.ERROR]


def test_a_plan_sets_what_differs_and_removes_nothing() -> None:
    found = drift([Held(name="A_KEY", updated_at=NOON + HOUR), Held(name="MORE")], wanted=("A_KEY", "B_KEY"))
    assert [(step.name, step.target) for step in plan_steps([("github_repository", one) for one in found])] == [
        ("B_KEY", "github_repository")
    ]


@pytest.mark.parametrize(
    "value",
    [
        "changeme",
        "CHANGE_ME!",
        "<token>",
        "${TOKEN}",
        "{{ token }}",
        "your api key",
        "xxx",
        "******",
        "00000000",
        "abc12",
        " \n",
        "NULL",
    ],
)
def test_a_placeholder_is_known(value: str) -> None:
    assert is_placeholder(value, WORDS)


@pytest.mark.parametrize("value", ["changeme-7f3a9c", "s3cr3t-real-one", "a<b>c<d", "{not a template", "aaaaab"])
def test_a_value_that_only_looks_like_one_is_let_pass(value: str) -> None:
    assert not is_placeholder(value, WORDS)


def copy(**values: str) -> VaultCopy:
    wanted = [
        Wanted(name=name, place=name, needed_by=("fly",), max_age=HOUR, may_be_shared=name == "SHARED")
        for name in ("ONE", "TWO", "SHARED")
    ]
    found = {name: VaultValue(place=name, value=value, changed_at=NOON) for name, value in values.items()}
    return VaultCopy(wanted=tuple(wanted), values=found)


def test_one_value_in_two_environments_is_found_whatever_its_name() -> None:
    staging, production = copy(ONE="same-same-1", TWO="other-1"), copy(ONE="other-2", TWO="same-same-1\n")
    assert shared_values({"staging": staging, "production": production}, WORDS) == [("staging", "ONE", "production", "TWO")]


def test_placeholders_shared_ones_and_twice_in_one_environment_are_no_finding() -> None:
    first = copy(ONE="changeme", TWO="twice-twice", SHARED="of-all-of-them")
    second = copy(ONE="changeme", TWO="else-else-2", SHARED="of-all-of-them")
    assert shared_values({"a": first, "b": second}, WORDS) == []
    assert shared_values({"a": copy(ONE="twice-twice", TWO="twice-twice")}, WORDS) == []


def test_a_credential_is_overdue_by_its_own_age() -> None:
    held = copy(ONE="real-real-1", TWO="changeme")
    assert [one.name for one in held.overdue(NOON + HOUR + timedelta(seconds=1), WORDS)] == ["ONE"]
    assert held.overdue(NOON + HOUR, WORDS) == []


def test_no_value_is_in_any_repr() -> None:
    assert "real-real-1" not in repr(copy(ONE="real-real-1"))
