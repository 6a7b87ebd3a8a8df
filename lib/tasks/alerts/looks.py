"""The pack's Prometheus alerts: valid, told well, on metrics that exist, and firing where they should.

The looks are made in order: each later one leaves out the alerts that an earlier one has judged, so that one
cause gives one `fail`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from lib.clients.fly.flyctl import Fly, read_app
from lib.clients.prometheus.exposition import fetch_exposition, find_uses
from lib.clients.prometheus.promql import find_comparison
from lib.clients.prometheus.promtool import check_rules, find_promtool, read_failures, run_tests
from lib.clients.prometheus.rule_file import RuleFile, find_runbook, read_rule_file
from lib.clients.prometheus.test_file import read_test_file
from lib.core.errors import TargetError
from lib.core.results import Findings, Outcome, looks_at, skipped, unseen
from lib.tasks.alerts import judge as judging
from lib.tasks.alerts.boundaries import Bench, find_boundaries
from lib.tasks.alerts.delivery import carry, part_rows, render_alert
from lib.tasks.alerts.mutations import Curve, count_kinds, read_curves
from lib.tasks.alerts.show import boundary_row, kept_boundary, kinds_row, rule_row
from lib.tasks.alerts.task import Alerts
from lib.transport.context import World

OF_EACH_RULE = ("alerts.required_alerts_exist", "alerts.alerts_tell_a_person", "alerts.runbooks_resolve")


@looks_at("alerts.rules_are_valid", *OF_EACH_RULE)
def look_at_rules(world: World) -> Findings:
    """Each alert: how bad, how long it waits, and where it leads the person it wakes."""
    settings: Alerts = world.settings
    path = world.pack / settings.rules
    rules = read_rule_file(path)
    run = check_rules(find_promtool(), path, timeout_s=settings.command_timeout_s)
    valid = judging.judge_rules(run, len(rules.alerts))
    transcript = {"promtool_check.txt": run.transcript}
    if valid.outcome is not Outcome.PASS:
        reason = f"{path.name} was not accepted: see {valid.check}. Next: mend that first."
        return Findings(results=[valid, *(unseen(check, reason) for check in OF_EACH_RULE)], artifacts=transcript)
    runbooks = {alert.name: find_runbook(world.pack, alert.annotations.get("runbook_url", "")) for alert in rules.alerts}
    rows = [rule_row(alert, runbooks[alert.name]) for alert in rules.alerts]
    words = {alert.name: judging.word_problems(alert, settings.severities) for alert in rules.alerts}
    leads = {name: [problem] if problem else [] for name, problem in runbooks.items()}
    results = [
        valid,
        judging.judge_required(rules.names, settings.thresholds),
        judging.judge_problems(
            "alerts.alerts_tell_a_person", words, expected="every alert", move="say it in the rule; severities are in params"
        ),
        judging.judge_problems(
            "alerts.runbooks_resolve", leads, expected="every alert", move="write that section, or correct runbook_url"
        ),
    ]
    return Findings(results=results, rows=rows, artifacts=transcript, facts=rules)


def require(rules: RuleFile | None) -> RuleFile:
    """Return the rules of an earlier look. Raises TargetError when it brought none."""
    if rules is None:
        raise TargetError("There are no rules to look at: see alerts.rules_are_valid. Next: mend them first.")
    return rules


def open_bench(world: World, rules: RuleFile | None) -> Bench:
    """Return what every run of promtool needs. Raises TargetError when a part is missing."""
    settings: Alerts = world.settings
    folder = world.work / "alerts"
    folder.mkdir(exist_ok=True)
    return Bench(
        promtool=find_promtool(),
        rules=require(rules),
        tests=read_test_file(world.pack / settings.tests),
        folder=folder,
        timeout_s=settings.command_timeout_s,
    )


@looks_at("alerts.metrics_are_exposed")
def look_at_metrics(world: World, *, rules: RuleFile | None) -> Findings:
    """Each metric that an alert asks for, and whether the running app exposes it."""
    rules = require(rules)
    rehearsal = world.sections["deploy_rehearsal"]
    service = world.service("fly")
    fly = Fly(
        program=world.programs.flyctl,
        app=rehearsal.app,
        timeout_s=rehearsal.command_timeout_s,
        folder=world.pack,
        token=service.parts.get("token") or None,
    )
    exposed = fetch_exposition(read_app(fly).url)
    uses = find_uses(rules, exposed)
    rows = [{"alert": use.alert, "metric": use.metric, "exposed": not use.problem, "note": use.problem or None} for use in uses]
    kept = {"metrics.json": {name: sorted(labels or ()) for name, labels in sorted(exposed.items())}}
    return Findings(
        results=[judging.judge_uses(uses)],
        rows=rows,
        artifacts=kept,
        facts=sorted({use.alert for use in uses if use.problem}),
    )


@looks_at("alerts.thresholds_as_declared")
def look_at_thresholds(world: World, *, rules: RuleFile | None, left_out: Collection[str] | None) -> Findings:
    """For each alert the largest series that stays quiet and the smallest that fires, found by running promtool.

    left_out: alerts on a metric that is not exposed.
    """
    bench = open_bench(world, rules)
    limits: Mapping[str, float] = world.settings.thresholds
    boundaries = {one.alert: one for one in find_boundaries(bench)}
    comparisons = {alert.name: find_comparison(alert.expression) for alert in bench.rules.alerts}
    aside = {name for name in left_out or () if name in boundaries}
    problems = {
        name: judging.threshold_problem(one, comparisons[name], limits[name])
        for name, one in boundaries.items()
        if name in limits and name not in aside and not one.problem
    }
    result = judging.judge_thresholds(problems, limits, aside | {name for name, one in boundaries.items() if one.problem})
    return Findings(
        results=[result],
        rows=[boundary_row(one, limits.get(one.alert)) for one in boundaries.values()],
        artifacts={"boundaries.json": [kept_boundary(one) for one in boundaries.values()]},
        facts=sorted({name for name, problem in problems.items() if problem} | aside),
    )


@looks_at(
    "alerts.unit_tests_pass",
    "alerts.unit_tests_name_real_alerts",
    "alerts.tested_firing_quiet_and_resolving",
)
def look_at_tests(world: World, *, rules: RuleFile | None, left_out: Collection[str] | None) -> Findings:
    """How each alert is tested, and whether its tests notice a threshold that is moved by the margin.

    left_out: alerts that an earlier look has judged. facts: each alert along its tests.
    """
    bench, settings = open_bench(world, rules), world.settings
    if not bench.tests.tests:
        raise TargetError(f"{bench.tests.path.name} has no test in it. promtool lets that pass, and it is none. Next: add some.")
    aside = set(left_out or ())
    run = run_tests(bench.promtool, bench.tests.path, timeout_s=bench.timeout_s)
    strangers = [name for name in bench.tests.alerts if name not in bench.rules.names and name not in settings.thresholds]
    missing = {name for name in settings.thresholds if name not in bench.rules.names}
    failures = read_failures(run)
    other = judging.rule_file_problems(bench.rules, bench.tests)
    kinds = count_kinds(
        bench,
        margin=settings.test_margin_percent / 100,
        limits=settings.thresholds,
        left_out=aside | {one.alert for one in failures},
    )
    return Findings(
        results=[
            judging.judge_tests(run, failures, aside | missing | set(strangers), other),
            judging.judge_problems(
                "alerts.unit_tests_name_real_alerts",
                {name: ["not in the rules"] if name in strangers else [] for name in bench.tests.alerts},
                expected="every alert named",
                move="correct the name; a test of an alert that is not there never fails",
            ),
            judging.judge_kinds(kinds),
        ],
        rows=[kinds_row(one) for one in kinds],
        artifacts={"promtool_test.txt": run.transcript},
        facts=read_curves(bench),
    )


@looks_at("alerts.firing_alert_is_delivered")
def look_at_delivery(world: World, *, rules: RuleFile | None, curves: Sequence[Curve] | None) -> Findings:
    """The seconds from the first bad sample to the delivered message, part by part."""
    bench, settings, health = open_bench(world, rules), world.settings, world.sections["health"]
    service = world.service("mail")
    if not world.writes_allowed:
        reason = f"This would send a real mail. Next: run with ALLOW_WRITES={world.environment} to carry one alert through."
        return Findings(results=[skipped("alerts.firing_alert_is_delivered", reason)])
    curve = next((one for one in curves or () if one.first("firing") is not None), None)
    if curve is None:
        raise TargetError("No alert fires along its own tests, so none can be carried to a person. Next: mend the tests first.")
    rule = next(alert for alert in bench.rules.alerts if alert.name == curve.alert)
    alert = render_alert(bench, rule, curve)
    carried = carry(
        alert,
        mail=service.parts,
        environment=world.environment,
        sender=health.notify_from,
        recipients=health.notify_to,
        scrape_interval_s=settings.scrape_interval_s,
        group_wait_s=settings.group_wait_s,
        timeout_s=health.timeout_s,
    )
    return Findings(
        results=[judging.judge_carried(carried, alert.name, bench.rules)],
        rows=part_rows(carried),
        artifacts={"alert.eml": carried.message},
    )
