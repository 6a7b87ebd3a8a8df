"""Each kind of fault in rules and unit tests is found by the check that is about it, and what means the same by none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lib.clients.prometheus import promtool
from lib.core.errors import CommandError
from lib.core.faults import End
from lib.core.paths import ROOT
from lib.core.results import Provenance
from lib.run.params import load_params
from lib.tasks.alerts import looks as alerts
from lib.tasks.alerts.faults import FAULTS
from lib.tasks.alerts.task import Alerts
from lib.transport.context import Context
from tests.support.faults import try_faults, unfound

try:
    promtool.find_promtool()
except CommandError as missing:
    pytestmark = pytest.mark.skip(reason=str(missing))

FILES = ("prometheus-alerts.yml", "prometheus-alerts.test.yml", "docs/runbooks/alerts.md")


@pytest.fixture
def context(tmp_path: Path) -> Context[Alerts]:
    pack, work = tmp_path / "pack", tmp_path / "work"
    (pack / "docs/runbooks").mkdir(parents=True)
    for name in FILES:
        shutil.copyfile(ROOT / "pack" / name, pack / name)
    work.mkdir()
    sections = load_params("local", variables={}).sections
    return Context(
        environment="local",
        pack=pack,
        settings=sections["alerts"],
        sections=sections,
        target=None,  # type: ignore[arg-type]
        scratch=None,  # type: ignore[arg-type]
        programs=None,  # type: ignore[arg-type]
        work=work,
        kept=work,
        is_rehearsal=True,
        provenances={"database": Provenance.EMBEDDED},
        embedded=frozenset({"database"}),
    )


def test_every_fault_of_a_rule_is_found_and_nothing_else(context: Context[Alerts], tmp_path: Path) -> None:
    files = {name: (context.pack / name).read_bytes() for name in FILES}
    trials = try_faults(FAULTS, alerts.look_at_rules, context, tmp_path)
    assert unfound(trials) == []
    assert {one.check for one in trials if one.end is End.FOUND} == {
        one.check.id for one in FAULTS.operators if one.look is alerts.look_at_rules and not one.is_harmless
    }
    assert {name: (context.pack / name).read_bytes() for name in FILES} == files


def test_faults_of_unit_tests_are_found_and_nothing_else(context: Context[Alerts], tmp_path: Path) -> None:
    rules = alerts.look_at_rules(context).facts
    trials = try_faults(FAULTS, alerts.look_at_tests, context, tmp_path, most=1, rules=rules, left_out={})
    trials += try_faults(FAULTS, alerts.look_at_thresholds, context, tmp_path, most=1, rules=rules, left_out=())
    assert unfound(trials) == []
    assert {one.end for one in trials} >= {End.FOUND, End.QUIET}


def test_a_quantile_of_means_is_listed_and_not_tried(context: Context[Alerts], tmp_path: Path) -> None:
    rules = alerts.look_at_rules(context).facts
    trials = try_faults(
        FAULTS, alerts.look_at_tests, context, tmp_path, only="means something else", most=0, rules=rules, left_out={}
    )
    assert [(one.place, one.end) for one in trials] == [("AnalyticsTileLatencyHigh takes the mean for the sum", End.EQUIVALENT)]
