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

from lib.clients.prometheus import promtool
from lib.clients.prometheus.exposition import fetch_exposition, find_uses, parse_exposition
from lib.core.errors import CommandError, TargetError, WebError
from lib.core.paths import ROOT
from lib.core.results import Findings, Outcome, Provenance
from lib.embedded.vendors.mail import MailSink
from lib.run.params import load_params
from lib.tasks.alerts import looks as alerts
from lib.transport.context import Service, World

try:
    promtool.find_promtool()
except CommandError as missing:
    pytestmark = pytest.mark.skip(reason=str(missing))

RULES, TESTS = "prometheus-alerts.yml", "prometheus-alerts.test.yml"
EXPOSED = {
    "tile_request_duration_seconds_bucket": frozenset({"tile", "le"}),
    "ingestion_failures_total": frozenset[str](),
}
Change = Callable[[Path], None]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The sample pack's alerts, in a folder that may be changed."""
    pack, work = tmp_path / "pack", tmp_path / "work"
    work.mkdir()
    (pack / "docs/runbooks").mkdir(parents=True)
    for name in (RULES, TESTS, "docs/runbooks/alerts.md"):
        shutil.copyfile(ROOT / "pack" / name, pack / name)
    sections = load_params("local", variables={}).sections
    return World(
        environment="local",
        pack=pack,
        settings=sections["alerts"],
        sections=sections,
        target=None,  # type: ignore[arg-type]
        scratch=None,  # type: ignore[arg-type]
        programs=None,  # type: ignore[arg-type]
        work=work,
        kept=work,
        provenance=Provenance.EMBEDDED,
        writes_allowed=True,
    )


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def look_at_all(world: World) -> dict[str, Outcome]:
    """Every look that needs no other service, as the notebook makes them; the app exposes what it does in reality."""
    found = [guarded(world, alerts.look_at_rules)]
    rules = found[0].facts
    uses = [] if rules is None else find_uses(rules, EXPOSED)
    results = {"alerts.metrics_are_exposed": alerts.judging.judge_uses(uses).outcome} if rules else {}
    unexposed = sorted({use.alert for use in uses if use.problem})
    found.append(guarded(world, alerts.look_at_thresholds, rules=rules, left_out=unexposed))
    found.append(guarded(world, alerts.look_at_tests, rules=rules, left_out=found[-1].facts))
    return results | {result.check: result.outcome for one in found for result in one.results}


def guarded(world: World, look: Callable[..., Findings], **arguments: Any) -> Findings:
    try:
        return look(world, **arguments)
    except TargetError as exc:
        unseen = [alerts.unseen(check, str(exc)) for check in look.check_ids]  # type: ignore[attr-defined]
        return Findings(results=unseen)


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
        replace(TESTS, "      - eval_time: 45m\n        alertname: AnalyticsTileLatencyHigh\n        exp_alerts: []\n", ""),
        {"tested_firing_quiet_and_resolving"},
    ),
    "quiet test far below": (replace(TESTS, "0+50x60", "0+96x60"), {"tested_firing_quiet_and_resolving"}),
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


def test_the_sample_packs_alerts_pass(world: World) -> None:
    assert set(look_at_all(world).values()) == {Outcome.PASS}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found_by_its_check_alone(world: World, fault: str) -> None:
    change, expected = FAULTS[fault]
    change(world.pack)
    assert not_passed(look_at_all(world), Outcome.FAIL) == expected


def test_a_comment_and_a_new_line_change_nothing(world: World) -> None:
    edit(world.pack / RULES, "sum(increase(", "# refused payloads\n          sum(increase(")
    edit(world.pack / RULES, "expr: # refused", "expr: |\n          # refused")
    assert set(look_at_all(world).values()) == {Outcome.PASS}


@pytest.mark.parametrize("text", ["groups: []\n", "groups:\n  - {name: a, rules: []}\n"])
def test_rules_without_an_alert_are_never_a_pass(world: World, text: str) -> None:
    (world.pack / RULES).write_text(text)
    results = look_at_all(world)
    assert results["alerts.rules_are_valid"] is Outcome.ERROR
    assert Outcome.PASS not in results.values()


def test_no_rule_file_is_an_error(world: World) -> None:
    (world.pack / RULES).unlink()
    assert set(look_at_all(world).values()) == {Outcome.ERROR}


def test_a_test_file_without_tests_is_an_error(world: World) -> None:
    (world.pack / TESTS).write_text("rule_files: [prometheus-alerts.yml]\ntests: []\n")
    assert look_at_all(world)["alerts.unit_tests_pass"] is Outcome.ERROR


def test_rule_files_that_name_nothing_fail(world: World) -> None:
    edit(world.pack / TESTS, "  - prometheus-alerts.yml", "  - no-such-*.yml")
    # Without rules nothing fires, so the firing tests fail as well; what promtool only warns about is said first.
    findings = alerts.look_at_tests(world, rules=alerts.look_at_rules(world).facts, left_out=())
    assert "which is no file" in findings.results[0].detail


def test_without_promtool_nothing_is_known(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(promtool, "KEPT", tmp_path / "promtool")
    with pytest.raises(CommandError, match="brew install prometheus"):
        alerts.look_at_rules(world)


def test_boundaries_lie_on_both_sides_of_the_threshold(world: World) -> None:
    findings = alerts.look_at_thresholds(world, rules=alerts.look_at_rules(world).facts, left_out=())
    for row in findings.rows:
        assert float(row["quiet up to"]) <= row["declared"] <= float(row["fires from"])
        assert float(row["margin"]) < row["declared"] / 1000


def test_curves_show_when_an_alert_is_pending_and_firing(world: World) -> None:
    curves = alerts.look_at_tests(world, rules=alerts.look_at_rules(world).facts, left_out=()).facts
    assert [(curve.first("pending"), curve.first("firing")) for curve in curves] == [
        (60, 660),
        (None, None),
        (870, 1170),
        (None, None),
    ]


def deliver(world: World, sink: MailSink) -> Findings:
    rules = alerts.look_at_rules(world).facts
    curves = alerts.look_at_tests(world, rules=rules, left_out=()).facts
    with sink:
        told = World(**{**vars(world), "services": {"mail": Service(name="mail", parts=sink.parts)}})
        return alerts.look_at_delivery(told, rules=rules, curves=curves)


def test_a_firing_alert_arrives_rendered_and_timed(world: World, tmp_path: Path) -> None:
    findings = deliver(world, MailSink(folder=tmp_path / "mail"))
    assert findings.results[0].outcome is Outcome.PASS
    arrived = findings.artifacts["alert.eml"].decode()
    assert "Drill: AnalyticsTileLatencyHigh is firing (page)" in arrived
    assert "now it is 519.2ms" in arrived.replace("=\n", "").replace("=\r\n", "")
    seconds = [row["seconds"] for row in findings.rows]
    assert seconds[:4] == [15, 60, 600, 30]
    assert seconds[-1] == pytest.approx(sum(seconds[:-1]), abs=0.01)


def test_a_mail_server_that_says_no_fails_the_delivery(world: World, tmp_path: Path) -> None:
    assert deliver(world, MailSink(fault="full", folder=tmp_path / "mail")).results[0].outcome is Outcome.FAIL


def test_live_mail_is_sent_only_where_changes_are_allowed(world: World, tmp_path: Path) -> None:
    asked = World(**{**vars(world), "writes_allowed": False})
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
    assert fetch_exposition(app) == {"t_bucket": None, "t_sum": None, "t_count": None, "a_total": {"x"}, "b": frozenset()}


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ({"/health": (404, ""), "/metrics": (200, "b 1\n")}, "/health"),
        ({"/health": (200, "{}"), "/metrics": (404, "")}, "/metrics"),
        ({"/health": (200, "{}"), "/metrics": (200, "<html>")}, "names no metric"),
    ],
)
def test_an_app_that_does_not_tell_is_not_judged(app: str, pages: dict[str, tuple[int, str]], said: str) -> None:
    App.pages = pages
    with pytest.raises(WebError, match=said):
        fetch_exposition(app)


def test_a_histogram_without_samples_counts_as_exposed() -> None:
    assert "tile_seconds_bucket" in parse_exposition("# TYPE tile_seconds histogram\n")
