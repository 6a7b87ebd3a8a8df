"""The pack's Prometheus alerts: valid, clear to the person they wake, on metrics that exist, firing where they should.

The looks are made in order: each later one leaves out the alerts that an earlier one has judged, so that one
cause gives one `fail`. A check that so speaks of fewer alerts is a skip that names the cause, never a pass.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from lib.clients.fly.flyctl import Fly, read_app
from lib.clients.prometheus.alertmanager import find_delivery_problems
from lib.clients.prometheus.exposition import Declared, fetch_exposition, find_uses
from lib.clients.prometheus.generations import find_unmet
from lib.clients.prometheus.promtool import check_rules, find_promtool, read_failures, run_tests
from lib.clients.prometheus.rule_file import RuleFile, read_rule_file, with_recording
from lib.clients.prometheus.runbooks import ask_sites, find_mixed_up, find_runbook, is_on_site
from lib.clients.prometheus.scrape_config import read_scraped
from lib.clients.prometheus.server_config import find_server_problems
from lib.clients.prometheus.test_file import read_test_file
from lib.core.errors import TargetError
from lib.core.offered import offer_looks
from lib.core.permissions import Act, Refusal
from lib.core.results import Findings, Outcome, look
from lib.tasks.alerts import judge as judging
from lib.tasks.alerts import judge_rules as ruling
from lib.tasks.alerts import judge_thresholds as limiting
from lib.tasks.alerts.boundaries import Bench, find_boundaries
from lib.tasks.alerts.delivery import deliver_alert, part_rows, render_alert
from lib.tasks.alerts.mutations import Curve, measure_coverage, read_curves
from lib.tasks.alerts.show import boundary_row, coverage_row, kept_boundary, note_of, rule_row
from lib.tasks.alerts.task import (
    ALERTED_PEOPLE,
    ALERTS_SENDER,
    ALERTS_TELL_A_PERSON,
    ENDPOINTS,
    FIRING_ALERT_IS_DELIVERED,
    FLY_APP,
    FLY_TIMEOUT_S,
    MAIL_TIMEOUT_S,
    METRICS_ARE_EXPOSED,
    REQUIRED_ALERTS_EXIST,
    RULES_ARE_VALID,
    RUNBOOKS_RESOLVE,
    TESTED_FIRING_QUIET_AND_RESOLVING,
    THRESHOLDS_AS_DECLARED,
    UNIT_TESTS_NAME_REAL_ALERTS,
    UNIT_TESTS_PASS,
    Alerts,
)
from lib.transport.context import Context

OF_EACH_RULE = (REQUIRED_ALERTS_EXIST, ALERTS_TELL_A_PERSON, RUNBOOKS_RESOLVE)
NO_RULES = f"There are no rules to look at: see {RULES_ARE_VALID.id}."
FIX_RULES = "Fix the rules first."


@look(RULES_ARE_VALID, *OF_EACH_RULE)
def look_at_rules(context: Context[Alerts]) -> Findings[RuleFile]:
    """Each alert: how bad, how long it waits, and which runbook it names."""
    settings = context.settings
    path = context.pack / settings.rules
    rules = read_rule_file(path, root=context.pack)
    promtool = find_promtool(settings.promtool_features)
    run = check_rules(promtool, path, timeout_s=settings.command_timeout_s)
    unloaded = find_server_problems(context.pack, settings.rules, promtool, timeout_s=settings.command_timeout_s)
    needs = find_unmet(promtool.version, rules.document)
    valid = ruling.judge_rules(run, len(rules.alerts), promtool, needs, unloaded=unloaded)
    transcript = {"promtool_check.txt": run.transcript}
    if valid.outcome is not Outcome.PASS:
        reason = f"Cannot check: {path.name} was not accepted, see {valid.check}."
        others = [check.errored(reason, fix=FIX_RULES) for check in OF_EACH_RULE]
        return Findings(results=[valid, *others], artifacts=transcript)
    runbooks = find_runbooks(context, rules)
    rows = [rule_row(alert, found) for alert, found in zip(rules.alerts, runbooks, strict=True)]
    words = [(alert.name, judging.word_problems(alert, settings.severities)) for alert in rules.alerts]
    leads = [(alert.name, found) for alert, found in zip(rules.alerts, runbooks, strict=True)]
    results = [
        valid,
        judging.judge_required(rules.names, settings.thresholds),
        judging.judge_problems(ALERTS_TELL_A_PERSON, ruling.gather_problems(words)),
        ruling.judge_runbooks(leads),
    ]
    return Findings(results=results, rows=rows, artifacts=transcript, facts=rules)


def find_runbooks(context: Context[Alerts], rules: RuleFile) -> list[str]:
    """Return of each alert what is wrong with its runbook: '' nothing, NOT_CHECKED where nobody can know."""
    urls = [alert.annotations.get("runbook_url", "") for alert in rules.alerts]
    sites = context.settings.runbook_sites
    asked = ask_sites({url for url in urls if is_on_site(url, sites)})
    found = [asked[url] if url in asked else find_runbook(context.pack, url) for url in urls]
    whole = {alert.name: url for alert, url, said in zip(rules.alerts, urls, found, strict=True) if not said and url not in asked}
    mixed_up = find_mixed_up(context.pack, whole)
    return [said or mixed_up.get(alert.name, "") for alert, said in zip(rules.alerts, found, strict=True)]


def open_bench(context: Context[Alerts], rules: RuleFile) -> Bench:
    """Return what every run of promtool needs. Raises TargetError when a part is missing."""
    settings = context.settings
    folder = context.work / "alerts"
    folder.mkdir(exist_ok=True)
    return Bench(
        promtool=find_promtool(settings.promtool_features),
        rules=rules,
        tests=read_test_file(context.pack / settings.tests, root=context.pack),
        folder=folder,
        timeout_s=settings.command_timeout_s,
    )


@look(METRICS_ARE_EXPOSED)
def look_at_metrics(context: Context[Alerts], *, rules: RuleFile | None) -> Findings[list[str]]:
    """Each metric that an alert names, and whether the running app exposes it.

    facts: the alerts on a metric that is not exposed.
    """
    if rules is None:
        return look_at_metrics.errors(NO_RULES, fix=FIX_RULES)
    service = context.service("fly")
    fly = Fly(
        program=context.programs.flyctl,
        app=context.borrow(FLY_APP),
        timeout_s=context.borrow(FLY_TIMEOUT_S),
        folder=context.pack,
        token=service.parts.get("token") or None,
    )
    app = read_app(fly)
    exposed = fetch_exposition(app.url, asked_first=context.borrow(ENDPOINTS), machines=len(app.machines))
    uses = find_uses(with_recorded(context, rules), exposed, find_declared(context))
    rows = [
        {
            "alert": use.alert,
            "metric": use.metric,
            "exposed": not use.problem,
            "note": note_of(use),
        }
        for use in uses
    ]
    kept = {"metrics.json": {name: sorted(labels or ()) for name, labels in sorted(exposed.items())}}
    result = judging.judge_uses(uses, rules)
    refusal = context.refusals.get(Act.DEPLOY)
    if result.outcome is Outcome.FAIL and refusal and context.is_promoted:
        reason = (
            f"What runs may be older than the rules, and the candidate is not deployed here. {result.detail} {refusal.reason}"
        )
        result = METRICS_ARE_EXPOSED.not_allowed(Refusal(reason=reason, fix=refusal.fix), observed=result.observed)
    return Findings(
        results=[result],
        rows=rows,
        artifacts=kept,
        facts=sorted({use.alert for use in uses if use.problem}),
    )


def find_declared(context: Context[Alerts]) -> Declared:
    """Return what the project says of labels and metrics that the app's page cannot show; the jobs of its Prometheus, too."""
    settings = context.settings
    values = {label: list(some) for label, some in settings.label_values.items()}
    for label, some in read_scraped(context.pack).items():
        values.setdefault(label, []).extend(some)
    return Declared(values=values, elsewhere=settings.exposed_elsewhere)


def with_recorded(context: Context[Alerts], rules: RuleFile) -> RuleFile:
    """Return the rules with what the other rule files of their tests record, which may be behind an alert."""
    settings = context.settings
    try:
        tests = read_test_file(context.pack / settings.tests, root=context.pack)
        others = [read_rule_file(path, root=context.pack) for path in tests.named_files()]
    except TargetError:  # said where the tests are looked at
        return rules
    recorded = {name: expression for one in (*others, rules) for name, expression in one.recorded.items()}
    return with_recording(rules, recorded)


@look(THRESHOLDS_AS_DECLARED)
def look_at_thresholds(
    context: Context[Alerts], *, rules: RuleFile | None, left_out: Collection[str] | None
) -> Findings[dict[str, str]]:
    """For each alert the largest series that stays quiet and the smallest that fires, found by running promtool.

    left_out: alerts on a metric that is not exposed. facts: these, and the alerts that begin to fire elsewhere, each with
    the check that has judged it.
    """
    if rules is None:
        return look_at_thresholds.errors(NO_RULES, fix=FIX_RULES)
    bench = open_bench(context, rules)
    limits: Mapping[str, float] = context.settings.thresholds
    boundaries = {one.alert: one for one in find_boundaries(bench)}
    unexposed = set(left_out or ())
    problems = limiting.find_problems(rules, boundaries, limits, unexposed)
    undetermined = [name for name, problem in problems.items() if problem is None]
    red: set[str] = set()
    if any(name in boundaries for name in undetermined):
        red = {one.alert for one in read_failures(run_tests(bench.promtool, bench.tests.path, timeout_s=bench.timeout_s))}
    unknown = {
        name: limiting.why_unknown(name, rules, boundaries.get(name), unexposed=unexposed, red=red) for name in undetermined
    }
    wrong = [name for name, problem in problems.items() if problem]
    return Findings(
        results=[limiting.judge_thresholds(problems, unknown, [name for name in rules.names if name not in limits])],
        rows=[boundary_row(one, limits.get(one.alert)) for one in boundaries.values()],
        artifacts={"boundaries.json": [kept_boundary(one) for one in boundaries.values()]},
        facts=dict.fromkeys(wrong, THRESHOLDS_AS_DECLARED.id) | dict.fromkeys(sorted(unexposed), METRICS_ARE_EXPOSED.id),
    )


@look(
    UNIT_TESTS_PASS,
    UNIT_TESTS_NAME_REAL_ALERTS,
    TESTED_FIRING_QUIET_AND_RESOLVING,
)
def look_at_tests(
    context: Context[Alerts], *, rules: RuleFile | None, left_out: Mapping[str, str] | None
) -> Findings[list[Curve]]:
    """How each alert is tested, and whether its tests notice a threshold that is moved by the margin.

    left_out: alert -> the check that an earlier look judged it by. facts: each alert along its tests.
    """
    if rules is None:
        return look_at_tests.errors(NO_RULES, fix=FIX_RULES)
    bench, settings = open_bench(context, rules), context.settings
    if not bench.tests.tests:
        return look_at_tests.errors(
            f"{bench.tests.path.name} has no test in it. promtool accepts this, but it tests nothing.",
            fix=f"Add unit tests to {settings.tests}.",
        )
    causes = dict(left_out or {})
    run = run_tests(bench.promtool, bench.tests.path, timeout_s=bench.timeout_s)
    others = {alert for path in bench.companions for alert in read_rule_file(path, root=context.pack).names}
    absent = [name for name in bench.tests.alerts if name not in rules.names and name not in others]
    missing = dict.fromkeys((name for name in settings.thresholds if name not in rules.names), REQUIRED_ALERTS_EXIST.id)
    strangers = dict.fromkeys(absent, UNIT_TESTS_NAME_REAL_ALERTS.id)
    failures = read_failures(run)
    red = dict.fromkeys((one.alert for one in failures), UNIT_TESTS_PASS.id)
    coverage = measure_coverage(
        bench,
        margin=settings.test_margin_percent / 100,
        limits=settings.thresholds,
        left_out={*causes, *red, *rules.unparsed},
    )
    return Findings(
        results=[
            judging.judge_tests(
                run,
                failures,
                strangers | missing | causes,
                judging.rule_file_problems(bench.rules, bench.tests),
                promtool=bench.promtool,
                unmet=find_unmet(bench.promtool.version, rules.document, bench.tests.document),
            ),
            judging.judge_names(bench.tests.alerts, rules, settings.thresholds, others),
            judging.judge_coverage(coverage, rules.unparsed, red | causes),
        ],
        rows=[coverage_row(one) for one in coverage],
        artifacts={"promtool_test.txt": run.transcript},
        facts=read_curves(bench),
    )


@look(FIRING_ALERT_IS_DELIVERED)
def look_at_delivery(context: Context[Alerts], *, rules: RuleFile | None, curves: Sequence[Curve] | None) -> Findings[None]:
    """The seconds from the first bad sample to the delivered message, part by part."""
    if rules is None:
        return look_at_delivery.errors(NO_RULES, fix=FIX_RULES)
    if problems := find_delivery_problems(context.pack, rules.alerts):
        return Findings(results=[ruling.judge_routes(problems)])
    bench, settings = open_bench(context, rules), context.settings
    service = context.service("mail")
    if refusal := context.refusals.get(Act.NOTIFY):
        return look_at_delivery.not_allowed(Refusal(reason=f"This would send a real mail. {refusal.reason}", fix=refusal.fix))
    curve = next((one for one in curves or () if one.first("firing") is not None), None)
    if curve is None:
        return look_at_delivery.errors(
            "No alert fires along its own tests, so none can be delivered to a person.", fix="Fix the unit tests first."
        )
    rule = next(alert for alert in rules.alerts if alert.name == curve.alert)
    alert = render_alert(bench, rule, curve)
    delivery = deliver_alert(
        alert,
        mail=service.parts,
        environment=context.environment,
        sender=context.borrow(ALERTS_SENDER),
        recipients=context.borrow(ALERTED_PEOPLE),
        scrape_interval_s=settings.scrape_interval_s,
        group_wait_s=settings.group_wait_s,
        timeout_s=context.borrow(MAIL_TIMEOUT_S),
    )
    return Findings(
        results=[judging.judge_alert_delivery(delivery, alert.name, rules)],
        rows=part_rows(delivery),
        artifacts={"alert.eml": delivery.message},
    )


offer_looks(__name__)
