"""Rules as real projects write them: newer than promtool, along ramps, in several files, on sites and metrics of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lib.clients.prometheus import promtool
from lib.clients.prometheus.exposition import Declared, Exposition, find_uses
from lib.clients.prometheus.promtool import find_promtool
from lib.clients.prometheus.rule_file import read_rule_file
from lib.clients.prometheus.scrape_config import read_scraped
from lib.core.errors import CommandError
from lib.core.results import Outcome, Provenance, Result
from lib.run.params import load_params
from lib.tasks.alerts import judge
from lib.tasks.alerts import looks as alerts
from lib.tasks.alerts.task import Alerts
from lib.transport.context import Context
from tests.support.small_site import small_site

try:
    promtool.find_promtool()
except CommandError as missing:
    pytestmark = pytest.mark.skip(reason=str(missing))

RAMP = "0+0.02x60"
"""From 0 to 1.2 within an hour: 0.8 is passed after 40 minutes."""


def alert(expression: str = "load > 0.8", **more: Any) -> dict[str, Any]:
    words = {"alert": "High", "expr": expression, "for": "5m", "labels": {"severity": "page"}}
    return words | {"annotations": {"summary": "High", "runbook_url": "runbook.md#high"}} | more


def test_of(values: str, *moments: tuple[str, bool], alertname: str = "High", series: str = "load") -> dict[str, Any]:
    """Return a unit test; moments: when, and whether the alert must fire then."""
    shown = {"exp_labels": {"severity": "page"}, "exp_annotations": {"summary": "High", "runbook_url": "runbook.md#high"}}
    expected = [{"eval_time": at, "alertname": alertname, "exp_alerts": [shown] if must else []} for at, must in moments]
    return {"name": values, "interval": "1m", "input_series": [{"series": series, "values": values}], "alert_rule_test": expected}


test_of.__test__ = False  # type: ignore[attr-defined]
GOOD = (test_of("0.7x60", ("60m", False)), test_of(f"{RAMP} 0x30", ("55m", True), ("80m", False)))


def results_of(
    tmp_path: Path,
    *,
    groups: list[dict[str, Any]] | None = None,
    tests: Any = GOOD,
    others: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
) -> dict[str, Result]:
    """Return what every look at these rules comes to. others: more rule files. settings: other than the usual ones."""
    pack, work = tmp_path / "pack", tmp_path / "work"
    pack.mkdir()
    work.mkdir()
    (pack / "runbook.md").write_text("# High\nLook at the load.\n")
    files = {"rules.yml": {"groups": groups or [{"name": "g", "rules": [alert()]}]}, **(others or {})}
    for name, document in files.items():
        (pack / name).write_text(yaml.safe_dump(document))
    (pack / "tests.yml").write_text(yaml.safe_dump({"rule_files": list(files), "tests": list(tests)}))
    sections = load_params("local", variables={}).sections
    said = {"rules": "rules.yml", "tests": "tests.yml", "severities": ["page"], "thresholds": {"High": 0.8}}
    section = sections["alerts"].model_copy(update=said | (settings or {}))
    context: Context[Alerts] = Context(
        environment="local",
        pack=pack,
        settings=section,  # type: ignore[arg-type]
        sections={**sections, "alerts": section},
        target=None,  # type: ignore[arg-type]
        scratch=None,  # type: ignore[arg-type]
        programs=None,  # type: ignore[arg-type]
        work=work,
        kept=work,
        is_rehearsal=True,
        provenances={"database": Provenance.EMBEDDED},
        embedded=frozenset({"database"}),
    )
    found = [alerts.look_at_rules.attempt(context)]
    rules = found[0].facts
    found.append(alerts.look_at_thresholds.attempt(context, rules=rules, left_out=()))
    found.append(alerts.look_at_tests.attempt(context, rules=rules, left_out=found[-1].facts))
    return {result.check.removeprefix("alerts."): result for one in found for result in one.results}


def bad(results: dict[str, Result]) -> dict[str, Outcome]:
    return {check: one.outcome for check, one in results.items() if one.outcome is not Outcome.PASS}


def test_along_a_ramp_the_threshold_is_where_the_alert_begins_to_wait(tmp_path: Path) -> None:
    results = results_of(tmp_path, settings={"test_margin_percent": 30})
    assert bad(results) == {}, results


def test_a_threshold_that_was_moved_is_found_along_a_ramp(tmp_path: Path) -> None:
    groups = [{"name": "g", "rules": [alert("load > 0.85")]}]
    results = results_of(tmp_path, groups=groups)
    assert results["thresholds_as_declared"].outcome is Outcome.FAIL
    assert "begins to fire at 0.85" in results["thresholds_as_declared"].detail


def test_a_spike_shorter_than_the_waiting_time_moves_no_threshold(tmp_path: Path) -> None:
    spike = test_of("0.7x30 0.9x3 0.7x60", ("60m", False))
    assert results_of(tmp_path, tests=(spike, GOOD[1]))["thresholds_as_declared"].outcome is Outcome.PASS


def test_too_low_is_measured_the_other_way_round(tmp_path: Path) -> None:
    groups = [{"name": "g", "rules": [alert("load < 0.8")]}]
    falling = test_of("1.2-0.02x50 1x30", ("49m", True), ("75m", False))
    results = results_of(tmp_path, groups=groups, tests=(test_of("0.9x60", ("60m", False)), falling))
    assert results["thresholds_as_declared"].outcome is Outcome.PASS, results["thresholds_as_declared"]


def test_the_worst_of_many_series_counts(tmp_path: Path) -> None:
    groups = [{"name": "g", "rules": [alert("load > 0.8", annotations={})]}]
    pair = [{"series": 'load{x="a"}', "values": "0.1x60"}]
    shown = {"exp_labels": {"severity": "page", "x": "b"}}
    tests = [
        {"interval": "1m", "input_series": [*pair, {"series": 'load{x="b"}', "values": values}], "alert_rule_test": [
            {"eval_time": "55m", "alertname": "High", "exp_alerts": [shown] if fires else []}
        ]}
        for values, fires in (("0.7x60", False), (RAMP, True))
    ]  # fmt: skip
    assert results_of(tmp_path, groups=groups, tests=tests)["thresholds_as_declared"].outcome is Outcome.PASS


def test_a_test_of_one_sample_is_measured(tmp_path: Path) -> None:
    groups = [{"name": "g", "rules": [alert("load > 0.8", **{"for": "0s"})]}]
    tests = (test_of("0.7", ("0s", False)), test_of("0.9 0.1", ("0s", True), ("1m", False)))
    assert results_of(tmp_path, groups=groups, tests=tests)["thresholds_as_declared"].outcome is Outcome.PASS


def test_rules_and_alerts_of_the_other_files_count(tmp_path: Path) -> None:
    groups = [{"name": "g", "rules": [alert("job:load > 0.8")]}]
    record = {
        "groups": [{"name": "r", "rules": [{"record": "job:load", "expr": "load"}, {"alert": "Other", "expr": "load > 9"}]}]
    }
    more = test_of("1x3", ("1m", False), alertname="Other")
    results = results_of(
        tmp_path, groups=groups, others={"a.yml": record}, tests=(*GOOD, more), settings={"test_margin_percent": 30}
    )
    assert bad(results) == {}, results


def test_tests_with_native_histograms_are_run_and_nothing_is_sought_between_them(tmp_path: Path) -> None:
    groups = [{"name": "g", "rules": [alert("histogram_count(load) > 0.8")]}]
    tests = (test_of("{{count:0.5 sum:1}}x60", ("60m", False)), test_of("{{count:9 sum:1}}x60", ("55m", True)))
    if (find_promtool().version or (0, 0)) < (2, 47):
        pytest.skip("this promtool has no native histograms in tests")
    results = results_of(tmp_path, groups=groups, tests=tests)
    assert results["unit_tests_pass"].outcome is Outcome.PASS
    assert results["thresholds_as_declared"].outcome is Outcome.ERROR
    assert "its tests feed native histograms" in results["thresholds_as_declared"].detail


def old_promtool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """Put a promtool 2.42 on PATH that refuses every rule with these words, and take any other away."""
    folder = tmp_path / "bin"
    folder.mkdir()
    text = f"#!/bin/sh\n[ \"$1\" = --version ] && echo 'promtool, version 2.42.0' && exit 0\necho '{said}' >&2\nexit 1\n"
    (folder / "promtool").write_text(text)
    (folder / "promtool").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(promtool, "KEPT", tmp_path / "none")


def test_rules_newer_than_promtool_are_not_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old_promtool(tmp_path, monkeypatch, "line 3: field query_offset not found in type rulefmt.RuleGroup")
    groups = [{"name": "g", "query_offset": "1m", "labels": {"team": "a"}, "rules": [alert()]}]
    result = results_of(tmp_path, groups=groups)["rules_are_valid"]
    assert result.outcome is Outcome.ERROR
    assert result.detail.startswith(
        "Promtool 2.42 is older than what it was given: `labels` is there since Prometheus 3.0 and `query_offset` is there "
        "since Prometheus 2.53. It said: "
    )
    assert "Put promtool 3.0 or newer on PATH" in result.fix[0]


def test_a_mistake_is_still_one_for_an_old_promtool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old_promtool(tmp_path, monkeypatch, "field foo not found in type rulefmt.RuleGroup")
    result = results_of(tmp_path, groups=[{"name": "g", "foo": 1, "rules": [alert()]}])["rules_are_valid"]
    assert (result.outcome, result.detail) == (
        Outcome.FAIL,
        "promtool refuses the rules: field foo not found in type rulefmt.RuleGroup.",
    )


def test_a_rule_without_an_expression_is_said_in_promtools_words(tmp_path: Path) -> None:
    result = results_of(tmp_path, groups=[{"name": "g", "rules": [{"alert": "High", "for": "5m"}]}])["rules_are_valid"]
    assert result.outcome is Outcome.FAIL
    assert "field 'expr' must be set in rule" in result.detail


def test_a_runbook_on_a_trusted_site_is_asked_for(tmp_path: Path) -> None:
    with small_site({"/high": 200}) as base:
        rules = [alert(annotations={"summary": "x", "runbook_url": f"{base}/{page}"}) for page in ("high", "gone")]
        rules[1]["alert"] = "Gone"
        found = results_of(tmp_path, groups=[{"name": "g", "rules": rules}], settings={"runbook_sites": [base]})
    assert found["runbooks_resolve"].detail == f"Gone: {base}/gone answered HTTP 404."


def test_a_site_that_is_not_reached_is_said_and_no_pass(tmp_path: Path) -> None:
    with small_site({}) as base:
        pass
    away = alert(alert="Away", annotations={"summary": "x", "runbook_url": f"{base}/high"})
    groups = [{"name": "g", "rules": [alert(), away]}]
    found = results_of(tmp_path, groups=groups, settings={"runbook_sites": [base]})["runbooks_resolve"]
    assert (found.outcome, found.observed, found.expected) == (Outcome.ERROR, 1, 2)
    assert found.detail == "On a site of alerts.runbook_sites, not checked, since it was not reached: Away."


def test_a_site_that_nobody_trusts_fails(tmp_path: Path) -> None:
    groups = [{"name": "g", "rules": [alert(annotations={"summary": "x", "runbook_url": "https://docs.example.com/a"})]}]
    result = results_of(tmp_path, groups=groups)["runbooks_resolve"]
    assert result.outcome is Outcome.FAIL
    assert "nor on a site of alerts.runbook_sites" in result.detail


EXPOSED: Exposition = {
    "asked_total": {"status": frozenset({"200", "404"}), "path": frozenset({"/a"})},
    "took_bucket": {"le": frozenset({"0.5", "1", "+Inf"})},
}


def uses_of(tmp_path: Path, expression: str, declared: Declared = Declared()) -> Result:  # noqa: B008 - frozen
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": [alert(expression)]}]}))
    rules = read_rule_file(tmp_path / "rules.yml")
    return judge.judge_uses(find_uses(rules, EXPOSED, declared), rules)


@pytest.mark.parametrize(
    ("expression", "outcome", "said"),
    [
        ('asked_total{status="200"} > 1', Outcome.PASS, ""),
        ('asked_total{status=~"2..|3.."} > 1', Outcome.PASS, ""),
        ('asked_total{status!="500",zone!="x",zone!~"a.*",zone=""} > 1', Outcome.PASS, ""),
        ('asked_total{zone=~".*"} > 1', Outcome.PASS, ""),
        ('took_bucket{le="1.0"} > 1', Outcome.PASS, ""),
        ('up{instance!="x"} == 0', Outcome.PASS, "Made by Prometheus itself: up."),
        ('ALERTS{alertname="x"} == 1', Outcome.PASS, "Made by Prometheus itself: ALERTS."),
        ('asked_total{status="500"} > 1', Outcome.ERROR, 'a series of asked_total with status="500"; known: 200 and 404'),
        ('asked_total{job="nope"} > 1', Outcome.ERROR, 'a series of asked_total with job="nope"'),
        ('up{job="nope"} == 0', Outcome.ERROR, 'a series of up with job="nope"'),
        ('absent(up{job="nope"})', Outcome.ERROR, 'a series of up with job="nope"'),
        ('asked_total{path=~"(a+)+"} > 1', Outcome.ERROR, "cannot be tried here"),
        ('asked_total{zone="x"} > 1', Outcome.FAIL, "asked_total has no label zone"),
        ('asked_total{zone=~".+"} > 1', Outcome.FAIL, "asked_total has no label zone"),
        ('took_bucket{le="0.3"} > 1', Outcome.FAIL, 'took_bucket has no le="0.3"'),
        ("node_load1 > 1", Outcome.FAIL, "Where nothing else exposes it, a rule on it never fires."),
    ],
)
def test_labels_are_compared_with_real_series(tmp_path: Path, expression: str, outcome: Outcome, said: str) -> None:
    result = uses_of(tmp_path, expression)
    assert result.outcome is outcome, result
    assert said in result.detail


@pytest.mark.parametrize(
    ("expression", "outcome"),
    [
        ('asked_total{job="app",status=~"5.."} > 1', Outcome.PASS),
        ('up{job=~"app|web"} == 0', Outcome.PASS),
        ('up{job="nope"} == 0', Outcome.ERROR),
        ("node_load1 > up", Outcome.PASS),
        ("node_load1 > 1", Outcome.ERROR),
        ("fly_load > 1", Outcome.FAIL),
    ],
)
def test_what_the_page_cannot_show_is_said_by_the_project(tmp_path: Path, expression: str, outcome: Outcome) -> None:
    declared = Declared(values={"job": ["app"], "status": ["500"]}, elsewhere=["node_*"])
    assert uses_of(tmp_path, expression, declared).outcome is outcome


def test_the_jobs_of_the_projects_prometheus_are_known(tmp_path: Path) -> None:
    (tmp_path / "monitoring").mkdir()
    static = {"targets": ["app:80"], "labels": {"team": "a"}}
    scraped = {"scrape_configs": [{"job_name": "app", "static_configs": [static]}, {"job_name": 3}, None]}
    (tmp_path / "monitoring/prometheus.yml").write_text(yaml.safe_dump(scraped))
    (tmp_path / "prometheus-alerts.yml").write_text("groups: []\n")
    (tmp_path / "prometheus-odd.yml").write_text("a: [\n")
    assert read_scraped(tmp_path) == {"job": ["app"], "instance": ["app:80"], "team": ["a"]}
