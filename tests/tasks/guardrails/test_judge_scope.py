"""A branch beside each bound: kept, broken, not known, or an exception with a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lib.clients.git import Branch
from lib.clients.git_added import AddedLine
from lib.core.direction_fields import Field
from lib.core.results import Outcome, Result
from lib.tasks.guardrails.branch import GuardedBranch, Proposal
from lib.tasks.guardrails.judge_scope import bound_rows, judge_scope, weigh_bounds
from lib.tasks.guardrails.policy import DEFAULT_POLICY, parse_policy
from lib.tasks.guardrails.scope import ScopeCard

PATH = "docs/directions/devops.md"
CARD = ScopeCard(directories=("docs/", "artifacts/"), files=3, minutes=45, tokens=5000, tools=("npm",), is_alone=True)
AT = datetime(2026, 1, 2, tzinfo=UTC)
KEPT = {PATH: "M", "artifacts/run.txt": "A"}
SAID = "Do it\n\nTokens: 4,000"
REASON = "the vendor moved all of it at once"


def result(
    *,
    card: ScopeCard = CARD,
    changes: dict[str, str] | None = None,
    message: str = SAID,
    typed: str | None = "$ npm ci",
    minutes: float | None = 30,
    policy: str = "",
    proposal: Proposal | None = None,
) -> Result:
    transcript = (AddedLine(path="artifacts/run.txt", line=1, text=typed),) if typed else ()
    branch = Branch(
        root=Path("/nowhere"),
        name="feature/x",
        base="main",
        changes=KEPT if changes is None else changes,
        added=transcript,
        messages=(message,),
        policy="",
    )
    guarded = GuardedBranch(branch=branch, policy=parse_policy(DEFAULT_POLICY + policy), proposal=proposal or Proposal())
    times = () if minutes is None else (AT, AT + timedelta(minutes=minutes))
    bounds = weigh_bounds(card, guarded, times, path=PATH, template="docs/directions/template.md")
    assert len(bound_rows(bounds)) == len(bounds)
    return judge_scope(PATH, bounds, guarded.policy.scope.trailer)


def test_a_branch_within_every_bound_passes() -> None:
    assert (result().outcome, result().observed, result().expected) == (Outcome.PASS, 6, 6)
    assert result(minutes=45, changes={**KEPT, "docs/c.md": "A"}).outcome is Outcome.PASS
    assert result(changes={**KEPT, "docs/directions/template.md": "M"}).outcome is Outcome.PASS


BROKEN = {
    "directories": {"changes": {**KEPT, "app/x.py": "A"}},
    "files": {"changes": {**KEPT, "docs/a.md": "A", "docs/b.md": "A"}},
    "minutes": {"minutes": 45.5},
    "tokens": {"message": "Do it\n\nTokens: 5,001"},
    "tools": {"typed": "$ curl https://example.com"},
    "directions": {"changes": {PATH: "M", "docs/directions/other.md": "M"}},
}
UNKNOWN = {"tokens": {"message": "Do it"}, "tools": {"typed": None}, "minutes": {"minutes": None}}


@pytest.mark.parametrize("name", BROKEN)
def test_each_bound_that_is_broken_fails_alone_and_names_it(name: str) -> None:
    found = result(**BROKEN[name])  # type: ignore[arg-type]
    assert (found.outcome, found.observed) == (Outcome.FAIL, 5)
    assert f": {name} (" in found.detail
    assert f"Scope-exception: {name}: <why>" in found.fix[0]


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_declared_and_not_known_is_an_error(name: str) -> None:
    found = result(**UNKNOWN[name])  # type: ignore[arg-type]
    assert (found.outcome, found.observed) == (Outcome.ERROR, 5)
    assert f"Not known: {name} (" in found.detail


def test_a_broken_bound_is_not_hidden_by_one_that_is_not_known() -> None:
    found = result(typed=None, minutes=46)
    assert found.outcome is Outcome.FAIL
    assert "46 minutes, at most 45" in found.detail and "Not known: tools" in found.detail


@pytest.mark.parametrize("name", [*BROKEN, *UNKNOWN])
def test_an_exception_with_a_reason_passes_and_is_named(name: str) -> None:
    given = {**BROKEN, **UNKNOWN}[name]
    message = f"{given.get('message', SAID)}\nScope-exception: {name}: {REASON}"
    for one in (
        result(**{**given, "message": message}),  # type: ignore[arg-type]
        result(**given, policy=f"scope: {{exceptions: {{{name}: {REASON}}}}}\n"),  # type: ignore[arg-type]
        result(**given, proposal=Proposal(labels=("wide-change",), text=f"Scope-exception: {name}: {REASON}")),  # type: ignore[arg-type]
    ):
        assert one.outcome is Outcome.PASS
        assert f"By exception: {name}: {REASON}." in one.detail


@pytest.mark.parametrize(
    "line", ["Scope-exception: files: because", "Scope-exception: files", "Scope-exception: minutes: " + REASON]
)
def test_a_short_reason_none_or_one_for_another_bound_is_none(line: str) -> None:
    assert result(**BROKEN["files"], message=f"Do it\n\nTokens: 4,000\n{line}").outcome is Outcome.FAIL  # type: ignore[arg-type]


def test_a_pull_request_without_the_label_excepts_nothing() -> None:
    said = Proposal(text=f"Scope-exception: files: {REASON}")
    assert result(**BROKEN["files"], proposal=said).outcome is Outcome.FAIL  # type: ignore[arg-type]


def test_a_direction_without_constraints_is_skipped_and_one_that_cannot_be_read_is_an_error() -> None:
    assert result(card=ScopeCard()).outcome is Outcome.SKIP
    unread = ScopeCard(unread=(Field(label="Budget", value="small", line=3),))
    assert result(card=unread).outcome is Outcome.ERROR
