"""Whether the rules are what Prometheus takes, and whether each leads to its runbook: plain facts in, results out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lib.clients.prometheus.generations import FLAG, NOT_ENABLED, Need, format_version
from lib.clients.prometheus.promtool import Promtool, count_rules
from lib.clients.prometheus.runbooks import NOT_CHECKED
from lib.core.left_out import LeftOut, judge_all
from lib.core.results import Result
from lib.core.wording import join_words, name_some
from lib.tasks.alerts.task import FIRING_ALERT_IS_DELIVERED, RULES_ARE_VALID, RUNBOOKS_RESOLVE
from lib.transport.process import CommandRun

FIX_RULER = "Check the rules with that program's own tool, or name a plain rule file of Prometheus in alerts.rules."
FIX_OLDER = "Write the rules for the Prometheus of today, or leave only the promtool of yours on PATH and in .tools."
FIX_FLAG = f"If your Prometheus has the flag, name it in launch/project.yaml: alerts.promtool_features: [{FLAG}]"
UNREACHED = "On a site of alerts.runbook_sites, not checked, since it was not reached"
FIX_SITE = "Run where the site of alerts.runbook_sites can be reached without a login, or open the addresses by hand."


def judge_rules(
    run: CommandRun, alerts: int, promtool: Promtool, unmet: Sequence[Need] = (), *, unloaded: Sequence[str] = ()
) -> Result:
    """Judge what `promtool check rules` said; a file without an alert is an error.

    unloaded: why the project's own Prometheus would not have the rules.
    unmet: what the file needs and this promtool has not; where it refuses such a file, nobody knows whether the rest is right.
    """
    check = RULES_ARE_VALID
    facts: dict[str, Any] = {"command": run.command, "exit_code": run.exit_code}
    if run.exit_code != 0:
        said = what_it_said(run)
        if unknown := why_refused(run, promtool, unmet):
            sentence, fix = unknown
            return check.errored(f"{sentence} It said: {said}.", **facts, fix=fix)
        return check.failed(observed="refused", expected="accepted", detail=f"promtool refuses the rules: {said}.", **facts)
    if not alerts or not count_rules(run):
        return check.errored(
            "The file has no alert in it. promtool accepts this, but nothing would ever fire.",
            **facts,
            fix="Add the pack's alerts to the rule file.",
        )
    if unloaded:
        fix = "Correct that configuration: `promtool check config` says when it is valid; rule_files names the rules."
        return check.failed(observed="not loaded", expected="loaded", detail=f"{'; '.join(unloaded)}.", fix=fix, **facts)
    return check.passed(observed=alerts, expected="at least 1", unit="alerts", **facts)


def judge_routes(problems: Sequence[str]) -> Result:
    """Judge the routes of the project's own Alertmanager that lead nowhere; problems: at least one."""
    fix = "Correct that configuration: `amtool check-config` says when it is valid."
    named = "; ".join(problems)
    return FIRING_ALERT_IS_DELIVERED.failed(observed="told to nobody", expected="delivered", detail=f"{named}.", fix=fix)


def what_it_said(run: CommandRun) -> str:
    """Return what promtool wrote, on one line, without a full stop."""
    return " ".join((run.stderr.strip() or run.stdout.strip()).split())[:400].rstrip(".")


def why_refused(run: CommandRun, promtool: Promtool, unmet: Sequence[Need]) -> tuple[str, str] | None:
    """Return why it says nothing about the project that promtool refused it, and what to do; None where it does say something.

    unmet: what the rules or their tests need and this promtool has not.
    """
    others = [need for need in unmet if need.ruler]
    if others:
        named = join_words([str(need) for need in others])
        return f"{named}: promtool does not know it, so it cannot say whether the rules are right.", FIX_RULER
    if gone := [need for need in unmet if need.until]:
        named = join_words([str(need) for need in gone])
        return f"These rules are older than {promtool.name}: {named}.", FIX_OLDER
    if unmet:
        needed = format_version(max(need.since for need in unmet))
        named = join_words([str(need) for need in unmet])
        fix = f"Put promtool {needed} or newer on PATH; the newest one found is used."
        return f"{promtool.name[:1].upper()}{promtool.name[1:]} is older than what it was given: {named}.", fix
    if NOT_ENABLED.search(run.stdout + run.stderr):
        return "It was given what Prometheus has only behind a feature flag.", FIX_FLAG
    return None


def gather_problems(found: Iterable[tuple[str, Sequence[str]]]) -> dict[str, list[str]]:
    """Return alert -> its problems; rules of one name share theirs, so that none of them hides another's."""
    problems: dict[str, list[str]] = {}
    for name, said in found:
        mine = problems.setdefault(name, [])
        mine += [one for one in said if one not in mine]
    return problems


def judge_runbooks(found: Sequence[tuple[str, str]]) -> Result:
    """Judge that every alert leads to a runbook; found: each alert with what is wrong with it, or NOT_CHECKED."""
    unchecked = list(dict.fromkeys(name for name, problem in found if problem == NOT_CHECKED))
    problems = gather_problems((name, [problem] if problem not in ("", NOT_CHECKED) else []) for name, problem in found)
    left_out = [LeftOut(reason=f"{UNREACHED}: {name_some(unchecked)}.", fix=FIX_SITE)] if unchecked else []
    bad = {name: some for name, some in problems.items() if some}
    named = "; ".join(f"{name}: {', '.join(some)}" for name, some in bad.items())
    well = len(problems) - len({*bad, *unchecked})
    facts: dict[str, Any] = {"observed": well, "expected": len(problems), "unit": "alerts"}
    said = f"{named}." if bad else ""
    return judge_all(RUNBOOKS_RESOLVE, holds=not bad, left_out=left_out, detail=said, objects=list(bad), **facts)
