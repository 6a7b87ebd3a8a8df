"""07_alerts with the real promtool: each fault is found by exactly its check."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from lib.clients.prometheus import promql, promtool
from lib.clients.prometheus.exposition import fetch_exposition, find_uses, parse_exposition
from lib.clients.prometheus.rule_file import RuleFile, read_rule_file
from lib.core.errors import CommandError, WebError
from lib.core.paths import ROOT
from lib.core.permissions import Act
from lib.core.results import Findings, Look, Outcome, Provenance, Result
from lib.embedded.vendors.mail import MailSink
from lib.tasks.alerts import judge
from lib.tasks.alerts import looks as alerts
from lib.tasks.alerts.task import Alerts
from lib.transport.context import Context, Service
from tests.support.local_sections import local_sections
from tests.support.permissions import refused

try:
    promtool.find_promtool()
except CommandError as missing:
    pytestmark = pytest.mark.skip(reason=str(missing))

RULES, TESTS = "prometheus-alerts.yml", "prometheus-alerts.test.yml"
EXPOSED = {
    "tile_request_duration_seconds_bucket": {"tile": frozenset({"pool"}), "le": frozenset({"0.5"})},
    "ingestion_failures_total": {},
}
Change = Callable[[Path], None]


@pytest.fixture
def context(tmp_path: Path) -> Context[Alerts]:
    """The sample pack's alerts, in a folder that may be changed."""
    pack, work = tmp_path / "pack", tmp_path / "work"
    work.mkdir()
    (pack / "docs/runbooks").mkdir(parents=True)
    for name in (RULES, TESTS, "docs/runbooks/alerts.md"):
        shutil.copyfile(ROOT / "pack" / name, pack / name)
    sections = local_sections()
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


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def look_at_all(context: Context[Alerts]) -> dict[str, Outcome]:
    """What every look that needs no other service comes to."""
    return {check: result.outcome for check, result in results_of(context).items()}


def results_of(context: Context[Alerts]) -> dict[str, Result]:
    """Every look that needs no other service, as the notebook makes them; the app exposes what it does in reality."""
    found = [guarded(context, alerts.look_at_rules)]
    rules = found[0].facts
    uses = [] if rules is None else find_uses(rules, EXPOSED)
    results = {"alerts.metrics_are_exposed": judge.judge_uses(uses, rules)} if rules else {}
    unexposed = sorted({use.alert for use in uses if use.problem})
    found.append(guarded(context, alerts.look_at_thresholds, rules=rules, left_out=unexposed))
    found.append(guarded(context, alerts.look_at_tests, rules=rules, left_out=found[-1].facts))
    return results | {result.check: result for one in found for result in one.results}


def guarded(context: Context[Alerts], look: Look[..., Any], **arguments: Any) -> Findings[Any]:
    findings = look.attempt(context, **arguments)
    assert [result.check for result in findings.results] == [check.id for check in look.checks]
    return findings


def not_passed(results: dict[str, Outcome], outcome: Outcome) -> set[str]:
    return {check.removeprefix("alerts.") for check, found in results.items() if found is outcome}


def drop_test(name: str) -> Change:
    """Take one whole test out of the file."""

    def change(pack: Path) -> None:
        path = pack / TESTS
        head, *tests = re.split(r"(?m)^(?=  - name: )", path.read_text())
        kept = [test for test in tests if not test.startswith(f"  - name: {name}")]
        assert len(kept) == len(tests) - 1
        path.write_text(head + "".join(kept))

    return change


def replace(name: str, old: str, new: str) -> Change:
    return lambda pack: edit(pack / name, old, new)


MOMENT = "      - eval_time: "
FAULTS: dict[str, tuple[Change, set[str]]] = {
    "threshold raised": (replace(RULES, "> 0.5\n", "> 2\n"), {"thresholds_as_declared"}),
    "threshold raised a little": (replace(RULES, "> 0.5\n", "> 0.51\n"), {"thresholds_as_declared"}),
    "threshold lowered": (replace(RULES, "> 5\n", "> 3\n"), {"thresholds_as_declared"}),
    "metric renamed": (replace(RULES, "ingestion_failures_total", "ingestion_errors_total"), {"metrics_are_exposed"}),
    "metric renamed in rules and tests": (
        lambda pack: [edit(pack / one, "ingestion_failures_total", "ingest_total") for one in (RULES, TESTS)],  # type: ignore[return-value]
        {"metrics_are_exposed"},
    ),
    "label that is not there": (
        replace(RULES, "ingestion_failures_total[", 'ingestion_failures_total{stage="x"}['),
        {"metrics_are_exposed"},
    ),
    "firing test deleted": (drop_test("ingestion refuses payloads, then none"), {"tested_firing_quiet_and_resolving"}),
    "quiet test deleted": (drop_test("tiles load just fast enough"), {"tested_firing_quiet_and_resolving"}),
    "resolving expectation deleted": (
        lambda pack: [  # type: ignore[return-value]
            edit(
                pack / TESTS,
                f"      - eval_time: {at}\n        alertname: AnalyticsTileLatencyHigh\n        exp_alerts: []\n",
                "",
            )
            for at in ("45m", "26m")
        ],
        {"tested_firing_quiet_and_resolving"},
    ),
    "quiet test far below": (replace(TESTS, "0+25x60", "0+46x60"), {"tested_firing_quiet_and_resolving"}),
    "waits too long": (replace(RULES, "for: 10m", "for: 2h"), {"unit_tests_pass"}),
    "test of no alert": (
        lambda pack: (pack / TESTS).write_text(
            (pack / TESTS).read_text() + "      - eval_time: 5m\n        alertname: NoSuchAlert\n        exp_alerts: []\n"
        ),  # type: ignore[return-value]
        {"unit_tests_name_real_alerts"},
    ),
    "runbook heading renamed": (
        replace("docs/runbooks/alerts.md", "## Tiles load slowly", "## Slow tiles"),
        {"runbooks_resolve"},
    ),
    "runbook gone": (lambda pack: (pack / "docs/runbooks/alerts.md").unlink(), {"runbooks_resolve"}),
    "runbook of another alert": (
        replace(RULES, "alerts.md#ingestion-refuses-payloads", "alerts.md#tiles-load-slowly"),
        {"runbooks_resolve", "unit_tests_pass"},
    ),
    "summary of a label that is gone": (
        replace(RULES, "now it is {{ $value", "{{ $labels.tile }} takes {{ $value"),
        {"alerts_tell_a_person", "unit_tests_pass"},
    ),
    "looked at every half hour": (replace(RULES, "interval: 30s", "interval: 30m"), {"alerts_tell_a_person"}),
    "grouped by a label that is not there": (
        lambda pack: edit(
            pack / RULES,
            "sum(increase(ingestion_failures_total[15m]))",
            "sum by (source) (increase(ingestion_failures_total[15m]))",
        ),
        {"metrics_are_exposed"},
    ),
    "waits half as long": (replace(RULES, "for: 5m", "for: 3m"), {"unit_tests_pass"}),
    "one tile alone": (replace(RULES, "_bucket[5m]", '_bucket{tile="idea-pool"}[5m]'), {"unit_tests_pass"}),
    "the mean of what is summed up": (replace(RULES, "sum(increase", "avg(increase"), {"unit_tests_pass"}),
    "looks back twice as far": (replace(RULES, "[5m]", "[10m]"), {"unit_tests_pass"}),
    "the last two samples alone": (replace(RULES, "(rate(", "(irate("), {"unit_tests_pass"}),
    "no severity": (replace(RULES, "severity: page", "severity: urgent"), {"alerts_tell_a_person", "unit_tests_pass"}),
    "alert renamed everywhere": (
        lambda pack: [edit(pack / one, "IdeaPoolIngestionFailing", "Ingestion") for one in (RULES, TESTS)],  # type: ignore[return-value]
        {"required_alerts_exist"},
    ),
    "duplicate rule": (
        lambda pack: (pack / RULES).write_text(
            (pack / RULES).read_text() + "      - {record: a, expr: up}\n      - {record: a, expr: up}\n"
        ),  # type: ignore[return-value]
        {"rules_are_valid"},
    ),
}


def test_the_sample_packs_alerts_pass(context: Context[Alerts]) -> None:
    assert set(look_at_all(context).values()) == {Outcome.PASS}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found_by_its_check_alone(context: Context[Alerts], fault: str) -> None:
    change, expected = FAULTS[fault]
    change(context.pack)
    assert not_passed(look_at_all(context), Outcome.FAIL) == expected


HIDDEN: dict[str, dict[str, str]] = {
    "threshold raised": {
        "unit_tests_pass": "thresholds_as_declared",
        "tested_firing_quiet_and_resolving": "thresholds_as_declared",
    },
    "threshold raised a little": {"tested_firing_quiet_and_resolving": "thresholds_as_declared"},
    "metric renamed": {
        "thresholds_as_declared": "metrics_are_exposed",
        "unit_tests_pass": "metrics_are_exposed",
        "tested_firing_quiet_and_resolving": "metrics_are_exposed",
    },
    "firing test deleted": {"thresholds_as_declared": "tested_firing_quiet_and_resolving"},
    "waits too long": {
        "thresholds_as_declared": "unit_tests_pass",
        "tested_firing_quiet_and_resolving": "unit_tests_pass",
    },
    "alert renamed everywhere": {"thresholds_as_declared": "required_alerts_exist"},
}
"""Fault -> the checks that it hides an alert of, each with the check that finds it."""


@pytest.mark.parametrize("fault", HIDDEN)
def test_a_check_that_a_fault_hides_an_alert_of_is_no_pass_and_names_the_cause(context: Context[Alerts], fault: str) -> None:
    FAULTS[fault][0](context.pack)
    results = results_of(context)
    hidden = {check.removeprefix("alerts."): result for check, result in results.items() if result.see}
    assert {check: (result.see or "").removeprefix("alerts.") for check, result in hidden.items()} == HIDDEN[fault]
    whole = {check: result.expected for check, result in hidden.items() if check != "unit_tests_pass"}
    assert set(whole.values()) <= {2}
    assert all(results[str(result.see)].outcome is Outcome.FAIL for result in hidden.values())


def test_an_alert_whose_metric_is_renamed_everywhere_is_still_found_to_fire_where_declared(context: Context[Alerts]) -> None:
    FAULTS["metric renamed in rules and tests"][0](context.pack)
    assert results_of(context)["alerts.thresholds_as_declared"].outcome is Outcome.PASS


def test_a_test_of_an_alert_that_is_missing_is_left_to_required_alerts_exist(context: Context[Alerts]) -> None:
    edit(context.pack / RULES, "IdeaPoolIngestionFailing", "Ingestion")
    result = results_of(context)["alerts.unit_tests_name_real_alerts"]
    assert (result.outcome, result.see, result.observed, result.expected) == (
        Outcome.SKIP,
        "alerts.required_alerts_exist",
        1,
        2,
    )


def test_unit_tests_that_name_no_alert_are_an_error(context: Context[Alerts]) -> None:
    (context.pack / TESTS).write_text(f"rule_files: [{RULES}]\ntests: [{{interval: 1m, input_series: []}}]\n")
    assert results_of(context)["alerts.unit_tests_name_real_alerts"].outcome is Outcome.ERROR


def test_the_second_rule_of_a_name_hides_no_fault_of_the_first(context: Context[Alerts]) -> None:
    rules = read_rule_file(context.pack / RULES).document["groups"][0]["rules"]
    nameless = {**rules[0], "labels": {"severity": "none"}, "annotations": {}}
    (context.pack / RULES).write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": [nameless, *rules]}]}))
    results = results_of(context)
    assert results["alerts.alerts_tell_a_person"].outcome is Outcome.FAIL
    assert results["alerts.runbooks_resolve"].outcome is Outcome.FAIL
    assert results["alerts.thresholds_as_declared"].outcome is Outcome.ERROR
    assert "Several rules are called AnalyticsTileLatencyHigh" in results["alerts.thresholds_as_declared"].detail


def test_an_alert_without_an_agreed_threshold_is_named(context: Context[Alerts]) -> None:
    context.settings.thresholds.pop("IdeaPoolIngestionFailing")
    result = results_of(context)["alerts.thresholds_as_declared"]
    assert (result.outcome, result.observed, result.expected) == (Outcome.PASS, 1, 1)
    assert result.detail == "No threshold is declared for IdeaPoolIngestionFailing."


def test_a_comment_and_a_new_line_change_nothing(context: Context[Alerts]) -> None:
    edit(context.pack / RULES, "sum(increase(", "# refused payloads\n          sum(increase(")
    edit(context.pack / RULES, "expr: # refused", "expr: |\n          # refused")
    assert set(look_at_all(context).values()) == {Outcome.PASS}


@pytest.mark.parametrize("text", ["groups: []\n", "groups:\n  - {name: a, rules: []}\n"])
def test_rules_without_an_alert_are_never_a_pass(context: Context[Alerts], text: str) -> None:
    (context.pack / RULES).write_text(text)
    results = look_at_all(context)
    assert results["alerts.rules_are_valid"] is Outcome.ERROR
    assert Outcome.PASS not in results.values()


def test_no_rule_file_is_an_error(context: Context[Alerts]) -> None:
    (context.pack / RULES).unlink()
    assert set(look_at_all(context).values()) == {Outcome.ERROR}


def test_a_test_file_without_tests_is_an_error(context: Context[Alerts]) -> None:
    (context.pack / TESTS).write_text("rule_files: [prometheus-alerts.yml]\ntests: []\n")
    assert look_at_all(context)["alerts.unit_tests_pass"] is Outcome.ERROR


def test_rule_files_that_name_nothing_fail(context: Context[Alerts]) -> None:
    edit(context.pack / TESTS, "  - prometheus-alerts.yml", "  - no-such-*.yml")
    # Without rules nothing fires, so the firing tests fail as well; what promtool only warns about is said first.
    findings = alerts.look_at_tests(context, rules=alerts.look_at_rules(context).facts, left_out=())
    assert "which is not a file" in findings.results[0].detail


def test_without_promtool_nothing_is_known(context: Context[Alerts], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(promtool, "KEPT", tmp_path / "promtool")
    with pytest.raises(CommandError, match="brew install prometheus"):
        alerts.look_at_rules(context)


def test_boundaries_lie_on_both_sides_of_the_threshold(context: Context[Alerts]) -> None:
    findings = alerts.look_at_thresholds(context, rules=alerts.look_at_rules(context).facts, left_out=())
    for row in findings.rows:
        assert float(row["quiet up to"]) <= row["declared"] <= float(row["fires from"])
        assert float(row["margin"]) < row["declared"] / 1000


def test_curves_show_when_an_alert_is_pending_and_firing(context: Context[Alerts]) -> None:
    curves = alerts.look_at_tests(context, rules=alerts.look_at_rules(context).facts, left_out=()).facts
    assert [(curve.first("pending"), curve.first("firing")) for curve in curves] == [
        (60, 660),
        (None, None),
        (870, 1170),
        (None, None),
    ]


def deliver(context: Context[Alerts], sink: MailSink) -> Findings[None]:
    rules = alerts.look_at_rules(context).facts
    curves = alerts.look_at_tests(context, rules=rules, left_out=()).facts
    with sink:
        reached = Context(**{**vars(context), "services": {"mail": Service(name="mail", parts=sink.parts)}})
        return alerts.look_at_delivery(reached, rules=rules, curves=curves)


def test_a_firing_alert_arrives_rendered_and_timed(context: Context[Alerts], tmp_path: Path) -> None:
    findings = deliver(context, MailSink(folder=tmp_path / "mail"))
    assert findings.results[0].outcome is Outcome.PASS
    arrived = findings.artifacts["alert.eml"].decode()
    assert "Drill: AnalyticsTileLatencyHigh is firing (page)" in arrived
    assert "now it is 519.2ms" in arrived.replace("=\n", "").replace("=\r\n", "")
    seconds = [row["seconds"] for row in findings.rows]
    assert seconds[:4] == [15, 60, 600, 30]
    assert seconds[-1] == pytest.approx(sum(seconds[:-1]), abs=0.01)


def test_a_mail_server_that_says_no_fails_the_delivery(context: Context[Alerts], tmp_path: Path) -> None:
    assert deliver(context, MailSink(fault="full", folder=tmp_path / "mail")).results[0].outcome is Outcome.FAIL


def test_live_mail_is_sent_only_where_changes_are_allowed(context: Context[Alerts], tmp_path: Path) -> None:
    asked = Context(**{**vars(context), "refusals": refused(Act.NOTIFY)})
    findings = deliver(asked, MailSink(folder=tmp_path / "mail"))
    assert findings.results[0].outcome is Outcome.SKIP
    assert not list((tmp_path / "mail").glob("*.eml"))


class App(BaseHTTPRequestHandler):
    """An app with /health and /metrics."""

    pages: dict[str, tuple[int, str]]

    def do_GET(self) -> None:
        status, body = self.pages.get(self.path, (404, ""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def app() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), App)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_metrics_are_read_from_the_app(app: str) -> None:
    App.pages = {"/health": (200, "{}"), "/metrics": (200, '# TYPE t histogram\na_total{x="1"} 3\nb 1\n')}
    assert fetch_exposition(app) == {"t_bucket": None, "t_sum": None, "t_count": None, "a_total": {"x": {"1"}}, "b": {}}


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ({"/health": (404, ""), "/metrics": (200, "b 1\n")}, "/health"),
        ({"/health": (200, "{}"), "/metrics": (404, "")}, "/metrics"),
        ({"/health": (200, "{}"), "/metrics": (200, "\n")}, "names no metric"),
        ({"/health": (200, "{}"), "/metrics": (200, "a 1\n<html>\n")}, "line 2 is '<html>'"),
        ({"/health": (200, "{}"), "/metrics": (200, "a{x=1} 1\n")}, "line 1 is 'a{x=1} 1'"),
    ],
)
def test_an_app_that_does_not_answer_is_not_judged(app: str, pages: dict[str, tuple[int, str]], said: str) -> None:
    App.pages = pages
    with pytest.raises(WebError, match=said):
        fetch_exposition(app)


def test_a_histogram_without_samples_counts_as_exposed() -> None:
    assert "tile_seconds_bucket" in parse_exposition("# TYPE tile_seconds histogram\n")


def test_labels_with_braces_commas_and_escaped_quotes_are_read() -> None:
    page = '# HELP a Its "help" {x}\n# a comment\na{x="},{",y="say \\"hi\\", \\\\"} 3 1700000000000\n\na{z="1"} NaN\n'
    assert parse_exposition(page) == {"a": {"x": {"},{"}, "y": {'say "hi", \\'}, "z": {"1"}}}


def test_every_type_is_exposed_under_the_names_of_its_samples() -> None:
    page = '# TYPE asked counter\nasked 3\n# TYPE kept_total counter\n# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 1\ns_count 1\n'
    assert parse_exposition(page) == {
        "asked": {},
        "kept_total": None,
        "s": {"quantile": {"0.5"}},
        "s_sum": {},
        "s_count": {},
    }


def rules_of(context: Context[Alerts], *expressions: str) -> RuleFile:
    """Return a rule file with one alert for each expression: Alert0, Alert1 and so on."""
    groups = [{"name": "g", "rules": [{"alert": f"Alert{n}", "expr": one} for n, one in enumerate(expressions)]}]
    (context.pack / RULES).write_text(yaml.safe_dump({"groups": groups}))
    return read_rule_file(context.pack / RULES)


def uses_of(context: Context[Alerts], *expressions: str) -> tuple[Outcome, str]:
    """Return what the metrics of these alerts come to where an app exposes `group` and `tile_latency_seconds`."""
    rules = rules_of(context, *expressions)
    exposed = {"group": {}, "tile_latency_seconds": {"tile": frozenset({"a"})}}
    result = judge.judge_uses(find_uses(rules, exposed), rules)
    return result.outcome, result.detail


def test_a_label_that_no_sample_shows_yet_is_no_pass(context: Context[Alerts]) -> None:
    rules = rules_of(context, 'waiting_total{stage="x"} > 1', "group > 3")
    unseen = judge.judge_uses(find_uses(rules, {"waiting_total": None, "group": {}}), rules)
    assert (unseen.outcome, unseen.observed, unseen.expected) == (Outcome.ERROR, 1, 2)
    assert "no sample of waiting_total shows whether it has the label stage" in unseen.detail
    seen = judge.judge_uses(find_uses(rules, {"waiting_total": {"stage": frozenset({"x"})}, "group": {}}), rules)
    assert seen.outcome is Outcome.PASS


def test_the_label_of_a_buckets_bound_needs_no_sample(context: Context[Alerts]) -> None:
    rules = rules_of(context, 'tile_seconds_bucket{le="1"} > 1')
    assert judge.judge_uses(find_uses(rules, {"tile_seconds_bucket": None}), rules).outcome is Outcome.PASS


def test_a_metric_with_the_name_of_an_aggregation_is_one_of_two(context: Context[Alerts]) -> None:
    rules = rules_of(context, "group > 3", "tile_latency_seconds > 1")
    uses = find_uses(rules, {"tile_latency_seconds": {"tile": frozenset({"a"})}})
    assert [(use.metric, bool(use.problem)) for use in uses] == [("group", True), ("tile_latency_seconds", False)]
    assert uses_of(context, "group > 3", "tile_latency_seconds > 1")[0] is Outcome.PASS


def test_what_prometheus_makes_itself_is_named_and_exposed_by_no_app(context: Context[Alerts]) -> None:
    assert uses_of(context, "up == 0")[0] is Outcome.PASS
    assert [use.is_own for use in find_uses(rules_of(context, "up == 0"), {})] == [True]


@pytest.mark.parametrize("expression", ["vector(1) > 0", '{__name__=~"tile_.*"} > 1'])
def test_an_alert_without_a_recognised_metric_is_an_error(context: Context[Alerts], expression: str) -> None:
    outcome, detail = uses_of(context, "group > 3", expression)
    assert outcome is Outcome.ERROR
    assert "No metric is recognised in Alert1" in detail
    assert uses_of(context, expression, "gone > 3")[0] is Outcome.FAIL  # a known fault is never hidden


def refuse_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the parser refuse every expression on refused payloads, as one would that is older than promtool."""
    known = promql.parse

    def parse(expression: str) -> Any:
        if "ingestion_failures_total" in expression:
            raise ValueError("unexpected token")
        return known(expression)

    monkeypatch.setattr(promql, "parse", parse)


def test_an_expression_that_promtool_accepts_and_we_cannot_parse_is_never_a_pass(
    context: Context[Alerts], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_failures(monkeypatch)
    undetermined = {"metrics_are_exposed", "thresholds_as_declared", "tested_firing_quiet_and_resolving"}
    assert not_passed(look_at_all(context), Outcome.ERROR) == undetermined
    rules = alerts.look_at_rules(context).facts
    findings = alerts.look_at_thresholds(context, rules=rules, left_out=())
    assert "cannot be parsed here: IdeaPoolIngestionFailing (unexpected token)" in findings.results[0].detail


def test_an_expression_that_cannot_be_parsed_hides_no_fault_of_another(
    context: Context[Alerts], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_failures(monkeypatch)
    edit(context.pack / RULES, "> 0.5\n", "> 2\n")
    assert not_passed(look_at_all(context), Outcome.FAIL) == {"thresholds_as_declared"}


def test_a_recording_rule_that_cannot_be_parsed_counts_for_the_alerts_on_it(context: Context[Alerts]) -> None:
    rules = [{"record": "job:a", "expr": "a ; b"}, {"alert": "OnIt", "expr": "job:a > 1"}]
    (context.pack / RULES).write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]}))
    assert set(read_rule_file(context.pack / RULES).unparsed) == {"OnIt"}


def test_a_moved_threshold_is_the_same_expression_with_another_number(context: Context[Alerts]) -> None:
    rules = alerts.look_at_rules(context).facts
    assert rules is not None
    for rule in rules.alerts:
        comparison = promql.find_comparison(rule.expression)
        assert comparison is not None
        moved = promql.with_limit(comparison, comparison.limit * 2)
        assert promql.find_selectors(moved) == promql.find_selectors(rule.expression)
        assert promql.find_comparison(moved) == replace_limit(comparison, comparison.limit * 2)


def replace_limit(comparison: promql.Comparison, limit: float) -> promql.Comparison:
    return promql.Comparison(left=comparison.left, operator=comparison.operator, limit=limit)
