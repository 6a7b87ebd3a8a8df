"""Each way in which a vendor's answer is bad is found by the check of its endpoint, and a field more by none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib.core.faults import End
from lib.run.params import load_params
from lib.run.run_file import context_of
from lib.run.stack import start_stack_for
from lib.tasks.health import looks as health
from lib.tasks.health.faults import FAULTS
from lib.transport.context import Context
from tests.support.faults import try_faults, unfound


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context[Any]]:
    folder = tmp_path_factory.mktemp("health_faults")
    about = {"run_id": "faults", "run_folder": folder, "rendered": folder / "rendered", "tasks": (), "project": "pack"}
    with start_stack_for(load_params("local", variables={}), {"chatwoot", "publer"}, about=about) as run:
        given: Context[Any] = context_of(run, "health", {})
        yield replace(given, settings=given.settings.model_copy(update={"samples": 20}))


@pytest.mark.parametrize("look", [health.look_at_chatwoot, health.look_at_publer], ids=lambda look: look.name)
def test_every_bad_answer_is_found_and_nothing_else(look: Any, context: Context[Any], tmp_path: Path) -> None:
    trials = try_faults(FAULTS, look, context, tmp_path)
    assert unfound(trials) == []
    assert {one.check for one in trials if one.end is End.FOUND} == {check.id for check in look.checks}


def test_answers_that_get_lost_are_found(context: Context[Any], tmp_path: Path) -> None:
    for look, first in (
        (health.look_at_chatwoot_times, health.look_at_chatwoot(context).facts),
        (health.look_at_publer_times, health.look_at_publer(context).facts),
    ):
        trials = try_faults(FAULTS, look, context, tmp_path, first=first)
        assert unfound(trials) == [] and {one.end for one in trials} == {End.FOUND}
