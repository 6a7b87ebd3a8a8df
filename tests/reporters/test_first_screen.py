"""The first screen: what stops the launch and who acts, what to run next, what changed since, and how real it was."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lib.core.make_commands import pack_word
from lib.core.results import Outcome, Provenance, SkipReason
from lib.core.verdict import Verdict
from lib.reporters.first_screen import first_screen
from lib.reporters.html.render import render_index
from lib.reporters.pages import summarize_run
from lib.run.params_file import PromotesFrom
from tests.support.report_worlds import GATE, OTHER_GATE, red, result, world

NOT_ALLOWED = result(
    GATE, Outcome.SKIP, skipped_because=SkipReason.NOT_ALLOWED, detail="Not listed.", fix=("Add deploy to `writes`.",)
)


def test_a_cause_has_its_owner_and_counts_what_waits(tmp_path: Path) -> None:
    found = first_screen(red(tmp_path))
    [one] = found.causes
    assert (one.check, one.owner, one.waiting, one.outcome) == (GATE, "ana@example.com", 1, Outcome.FAIL)
    assert one.page == f"rls.html#{GATE}" and found.more_causes == 0, "an advisory stops nothing"


def test_of_many_causes_three_are_named(tmp_path: Path) -> None:
    gates = (GATE, OTHER_GATE, "seed.checks_hold", "alerts.rules_are_valid", "health.publer_available")
    said = {name: result(name, Outcome.FAIL, detail=f"{name} is broken.") for name in gates}
    found = first_screen(world(tmp_path, said))
    assert (len(found.causes), found.more_causes) == (3, 2)
    assert [one.check.partition(".")[0] for one in found.causes] == ["rls", "migrations", "seed"], "what risks most comes first"


@pytest.mark.parametrize(
    ("said", "outcome", "run", "words", "command"),
    [
        ({GATE: result(GATE, Outcome.FAIL, detail="x")}, {}, {}, "Mend what stops it", "ONLY=rls"),
        ({GATE: result(GATE, Outcome.ERROR, detail="x")}, {}, {}, "Mend what stops it", "ONLY=rls"),
        ({}, {"finished": False}, {}, "cut off", "make resume RUN=20261126T120000Z-aaaa"),
        ({}, {"leaks": ("rls.ipynb",)}, {}, "Remove this run", ""),
        ({}, {"partial": True}, {}, "Run every task", "make readiness ENV=staging"),
        ({}, {}, {"unconfirmed": ("project.yaml:3",)}, "Say of each inferred expectation", "make confirm"),
        ({GATE: NOT_ALLOWED}, {}, {}, "Add deploy to `writes`.", ""),
        (
            {GATE: NOT_ALLOWED},
            {},
            {"promotes_from": PromotesFrom(environment="qa", max_age_h=24)},
            "Prove on qa, with the same commit",
            "make readiness ENV=qa",
        ),
        ({}, {}, {}, "To go live, set STAGING_DATABASE_URL", "make readiness ENV=staging"),
        ({}, {"rehearsed_for": ()}, {}, "set the variables that params/staging.yaml names", "make readiness ENV=staging"),
    ],
)
def test_the_next_step_is_what_this_run_needs(
    tmp_path: Path, said: dict[str, Any], outcome: dict[str, Any], run: dict[str, Any], words: str, command: str
) -> None:
    found = first_screen(world(tmp_path, said, outcome=outcome, **run)).next_step
    assert words in found.words
    assert found.command.startswith(command) if command.startswith("make") else command in found.command
    assert bool(command) is bool(found.command)


def test_after_a_go_anybody_can_verify_it(tmp_path: Path) -> None:
    report = replace(world(tmp_path), verdict=Verdict.GO)
    pack = shlex.quote(pack_word(report.run.pack))
    assert first_screen(report).next_step.command == f"make verify RUN=20261126T120000Z-aaaa PACK={pack}"


def test_what_changed_is_counted_and_linked_where_it_lies(tmp_path: Path) -> None:
    changes = (
        {"check": "a.a", "before": "pass", "now": "fail"},
        {"check": "a.b", "before": "pass", "now": "skip"},
        {"check": "a.c", "before": "error", "now": "pass"},
    )
    report = replace(
        world(tmp_path), previous="20261125T120000Z-bbbb", previous_at=datetime(2026, 11, 25, 12, tzinfo=UTC), changes=changes
    )
    since = first_screen(report).since
    assert since is not None and (since.worse, since.better, since.is_here) == (2, 1, False)
    there = report.run.run_folder.parent / "20261125T120000Z-bbbb"
    there.mkdir(parents=True)
    (there / "index.html").write_text("a page")
    page = render_index(None, summarize_run(report))
    assert 'href="../20261125T120000Z-bbbb/index.html"' in page and "2 worse" in page and "25 Nov 2026" in page
    assert first_screen(world(tmp_path / "first")).since is None


def test_how_real_it_was_counts_the_gates_that_passed(tmp_path: Path) -> None:
    report = world(tmp_path, {GATE: result(GATE, Outcome.FAIL, detail="x")})
    counted = first_screen(report).realness
    assert list(counted) == [one for one in Provenance if one in counted], "the most real first"
    assert sum(counted.values()) == sum(line.gate and line.result is Outcome.PASS for line in report.lines)
