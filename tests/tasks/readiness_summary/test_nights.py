"""Which workflows check a vendor every night, keep what they got, and notify a person when it fails."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lib.core.paths import ROOT
from lib.core.results import Outcome, Result
from lib.tasks.readiness_summary import nights
from lib.tasks.readiness_summary.task import CHATWOOT_IS_ASKED_NIGHTLY

PEOPLE = ["ann@example.com"]
NIGHTLY: dict[str, Any] = {
    "on": {"schedule": [{"cron": "47 5 * * *"}]},
    "jobs": {
        "ask": {
            "steps": [
                {"run": "scripts/ops/check-chatwoot-health.sh"},
                {"if": "failure()", "run": "scripts/ops/notify.sh", "env": {"TO": "ann@example.com"}},
                {"uses": "actions/upload-artifact@abc"},
            ]
        }
    },
}


def judge(workflow: Any) -> tuple[Result, Result]:
    """Judge a workflow's job that asks Chatwoot, beside one of another workflow that asks Publer alike."""
    rows = nights.nightly_jobs({"a.yml": workflow}, "chatwoot", PEOPLE)
    both = [*rows, *({**row, "service": "publer"} for row in rows)]
    return nights.judge_nightly(CHATWOOT_IS_ASKED_NIGHTLY, "chatwoot", rows), nights.judge_failure_path(both, PEOPLE)


def changed(was: str, now: str) -> Any:
    text = json.dumps(NIGHTLY)
    assert was in text
    return json.loads(text.replace(was, now))


def test_a_workflow_that_asks_every_night_keeps_what_it_got_and_notifies_passes() -> None:
    assert [one.outcome for one in judge(NIGHTLY)] == [Outcome.PASS, Outcome.PASS]


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("47 5 * * *", "47 5 * * 1", "no schedule runs it every day"),
        ("47 5 * * *", "47 5 1 * *", "no schedule runs it every day"),
        ("47 5 * * *", "61 5 * * *", "no schedule runs it every day"),
        ('"ask": {', '"ask": {"if": "always() && false", ', "No workflow of the pack checks Chatwoot"),
        ('"ask": {', '"ask": {"if": "github.event_name == \'push\'", ', "No workflow of the pack checks Chatwoot"),
        ('"ask": {', '"off": {"if": "false"}, "ask": {"needs": "off", ', "No workflow of the pack checks Chatwoot"),
        ("scripts/ops/check-chatwoot-health.sh", "echo scripts/ops/check-chatwoot-health.sh", "No workflow of the pack checks"),
        ("actions/upload-artifact", "actions/cache", "it keeps no artifact"),
        ("check-chatwoot-health", "check-publer-health", "No workflow of the pack checks Chatwoot"),
        ('"ask": {', '"ask": {"if": "false", ', "No workflow of the pack checks Chatwoot"),
        ('"ask": {', '"ask": {"if": "${{ false }}", ', "No workflow of the pack checks Chatwoot"),
        ('{"run": "scripts/ops/check', '{"if": "false", "run": "scripts/ops/check', "No workflow of the pack checks Chatwoot"),
        ("scripts/ops/check-chatwoot-health.sh", "true # scripts/ops/check-chatwoot-health.sh", "No workflow of the pack checks"),
    ],
)
def test_a_workflow_that_does_not_do_so_fails_saying_why(was: str, now: str, said: str) -> None:
    result = judge(changed(was, now))[0]
    assert result.outcome is Outcome.FAIL
    assert said in result.detail


@pytest.mark.parametrize(
    ("was", "now", "outcome"),
    [
        ("failure()", "success()", Outcome.FAIL),
        ("failure()", "always()", Outcome.PASS),
        ("failure()", "false", Outcome.FAIL),
        ("ann@example.com", "bob@example.com", Outcome.FAIL),
        ("ann@example.com", "${{ vars.NOTIFY_EMAIL }}", Outcome.PASS),
        ('"env": {"TO": "ann@example.com"}', '"name": "# ann@example.com"', Outcome.FAIL),
    ],
)
def test_a_failure_must_reach_a_person(was: str, now: str, outcome: Outcome) -> None:
    assert judge(changed(was, now))[1].outcome is outcome


def test_a_step_before_the_check_knows_nothing_of_its_failure() -> None:
    steps = NIGHTLY["jobs"]["ask"]["steps"]
    workflow = {**NIGHTLY, "jobs": {"ask": {"steps": [steps[1], steps[0], steps[2]]}}}
    assert judge(workflow)[1].outcome is Outcome.FAIL


def test_the_workbooks_own_run_notifies_by_itself_where_it_may() -> None:
    own = {"run": "make health ENV=staging", "env": {"ALLOW_WRITES": "staging"}}
    assert judge({**NIGHTLY, "jobs": {"ask": {"steps": [own]}}})[1].outcome is Outcome.PASS
    assert judge({**NIGHTLY, "jobs": {"ask": {"steps": [{**own, "env": {}}]}}})[1].outcome is Outcome.FAIL


def test_a_vendor_that_nobody_asks_is_no_pass_of_those_who_are_notified() -> None:
    rows = nights.nightly_jobs({"a.yml": NIGHTLY}, "chatwoot", PEOPLE)
    result = nights.judge_failure_path(rows, PEOPLE)
    assert (result.outcome, result.see) == (Outcome.SKIP, "readiness_summary.publer_is_asked_nightly")
    assert (result.observed, result.detail.partition(".")[0]) == ("1 of 2 services", "No job asks Publer every day")


def test_without_a_nightly_job_nobody_is_notified() -> None:
    assert judge({})[1].outcome is Outcome.FAIL


@pytest.mark.parametrize(
    "odd", [None, [], "x", {"on": "push"}, {"jobs": None}, {"jobs": {"a": None}}, {"jobs": {"a": {"steps": ["x"]}}}]
)
def test_a_workflow_of_no_known_shape_asks_nobody(odd: Any) -> None:
    assert nights.nightly_jobs({"a.yml": odd}, "publer", PEOPLE) == []


def test_an_hourly_schedule_is_nightly_too() -> None:
    assert nights.is_daily("17 * * * *") and not nights.is_daily("17 5 * * 1-5") and not nights.is_daily("nonsense")


@pytest.mark.parametrize("folder", [ROOT, ROOT / "pack"], ids=["workbook", "pack"])
@pytest.mark.parametrize("service", ["chatwoot", "publer"])
def test_the_shipped_workflows_notify(folder: Any, service: str) -> None:
    files = sorted((folder / ".github" / "workflows").glob("*.yml"))
    documents = {path.name: nights.read_workflow(path.read_text()) for path in files}
    rows = nights.nightly_jobs(documents, service, ["justin@hotrodan.com"])
    assert rows
    assert all(row["nightly"] and row["notifies"] and row["keeps artifacts"] for row in rows)


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ('"ask": {', '"ask": {"if": "github.event_name == \'schedule\'", '),
        ('"ask": {', '"ask": {"if": "github.event_name == \'push\' || github.event_name == \'schedule\'", '),
        ('"ask": {', '"ask": {"if": "inputs.dry == false", '),
        ('"ask": {', '"off": {"if": "false"}, "ask": {"needs": ["off"], "if": "always()", '),
        ("scripts/ops/check-chatwoot-health.sh", "echo now\\nscripts/ops/check-chatwoot-health.sh"),
    ],
)
def test_a_condition_that_holds_at_night_changes_nothing(was: str, now: str) -> None:
    assert [one.outcome for one in judge(changed(was, now))] == [Outcome.PASS, Outcome.PASS]


PUSH = "cp -r health artifacts/ops/; git add artifacts/ops\ngit push origin HEAD:kept"


def kept(*, job: dict[str, Any] | None = None, step: dict[str, Any] | None = None, **changes: Any) -> Result:
    """Judge a nightly workflow with one more job, or one more step in the job that asks."""
    document = json.loads(json.dumps(NIGHTLY)) | changes
    if job is not None:
        document["jobs"]["keep"] = {"needs": "ask", "if": "always()", "steps": [{"run": PUSH}]} | job
    if step is not None:
        document["jobs"]["ask"]["steps"].append({"if": "always()", "run": PUSH} | step)
    return nights.judge_kept(nights.nightly_jobs({"a.yml": document}, "chatwoot", PEOPLE))


def test_answers_that_a_later_job_or_step_pushes_outlive_the_ci() -> None:
    assert kept(job={}).outcome is Outcome.PASS
    assert kept(job={"if": "${{ !cancelled() }}", "needs": ["ask"]}).outcome is Outcome.PASS
    assert kept(step={}).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"job": {"if": "success()"}},
        {"job": {"needs": "else"}},
        {"job": {"if": "always() && false"}},
        {"job": {"steps": [{"run": "echo git push artifacts/ops"}]}},
        {"job": {"steps": [{"run": "true # git push artifacts/ops"}]}},
        {"job": {"steps": [{"run": PUSH.replace("push", "status")}]}},
        {"job": {"steps": [{"run": PUSH.replace("artifacts/ops", "site")}]}},
        {"step": {"if": "success()"}},
    ],
    ids=[
        "none",
        "only on success",
        "of another job",
        "never",
        "said only",
        "a remark",
        "no push",
        "elsewhere",
        "step on success",
    ],
)
def test_answers_that_only_the_ci_keeps_are_found(changes: dict[str, Any]) -> None:
    result = kept(**changes)
    assert result.outcome is Outcome.FAIL
    assert result.detail == "The CI's own artifacts are all that is kept of Chatwoot."


def test_without_a_nightly_job_the_check_of_that_says_so() -> None:
    result = kept(job={}, on={"push": {}})
    assert (result.outcome, result.see) == (Outcome.SKIP, CHATWOOT_IS_ASKED_NIGHTLY.id)


def test_the_sample_packs_answers_outlive_the_ci() -> None:
    documents = nights.read_workflows(ROOT / "pack")
    rows = [row for service in nights.NIGHTLY for row in nights.nightly_jobs(documents, service, PEOPLE)]
    assert nights.judge_kept(rows).outcome is Outcome.PASS
