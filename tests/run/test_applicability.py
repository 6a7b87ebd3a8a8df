"""What does not apply is named with its reason, asks for nothing, and hides nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lib.core.errors import ParamsError
from lib.run.applicability import with_consequences
from lib.run.params import Params, load_params
from lib.tasks.index import TASKS, task_named
from tests.support.layered import copy_params

ALONE = {
    "health": "we use neither Chatwoot nor Publer",
    "fly": "it runs on Vercel",
    "vault": "no credentials beside Supabase's own",
    "alerts": "no Prometheus rules in this project",
    "chatwoot": "not used",
    "publer": "not used",
    "mail": "nobody is notified",
    "github": "no secrets in GitHub",
}
"""What a team with Supabase alone says."""


def load(folder: Path, said: dict[str, object], environment: str = "local", **variables: str) -> Params:
    pack = folder / "project"
    (pack / "launch").mkdir(parents=True, exist_ok=True)
    (pack / "launch" / "project.yaml").write_text(yaml.safe_dump(said))
    return load_params(environment, pack=str(pack), variables=variables, folder=copy_params(folder / "params"))


RLS = {"identities": {"anon": {"role": "anon"}}, "matrix": {"public.t": {"anon": {"select": "deny"}}}}
SUPABASE = {"rls": RLS, "guardrails": {"commands": ["test"]}, "not_applicable": ALONE}


def test_a_team_with_supabase_alone_says_a_dozen_lines(tmp_path: Path) -> None:
    params = load(tmp_path, SUPABASE)
    gone = {"health", "credentials", "deploy_rehearsal", "alerts"}
    assert {task.name for task in TASKS if task.name in params.not_applicable} == gone
    assert params.not_applicable["deploy_rehearsal"] == "it runs on Vercel"
    assert [item.title for item in params.launch_list] == [task.title for task in TASKS if task.name not in gone]


def test_targets_that_do_not_apply_ask_for_no_variable(tmp_path: Path) -> None:
    params = load(tmp_path, SUPABASE, "staging")
    assert params.rehearsed_for == ("STAGING_DATABASE_URL",)
    live = load(tmp_path, SUPABASE, "staging", STAGING_DATABASE_URL="postgresql://u:long-password@db.example.com/x")
    assert (live.rehearsal, dict(live.missing), list(live.addresses)) == (False, {}, ["database"])


def test_what_applies_must_be_said_and_what_does_not_need_not(tmp_path: Path) -> None:
    with pytest.raises(ParamsError) as caught:
        load(tmp_path, {"rls": RLS, "not_applicable": {**ALONE, "publer": "not used"} | {}} | {"guardrails": {}})
    assert [one.partition(" is missing")[0] for one in caught.value.problems] == ["launch/project.yaml: guardrails.commands"]
    assert "why guardrails does not apply" in caught.value.problems[0]
    without_alerts = {name: reason for name, reason in ALONE.items() if name != "alerts"}
    with pytest.raises(ParamsError) as caught:
        load(tmp_path, {**SUPABASE, "not_applicable": without_alerts})
    assert {one.partition(" is missing")[0].partition(": ")[2] for one in caught.value.problems} == {
        "alerts.rules", "alerts.tests", "alerts.thresholds",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"publr": "we don't post"}, "there is no task, target or check publr; did you mean publer?"),
        ({"readiness_summary": "too long"}, "so it always applies"),
        ({"rls.matrix_matches_declared": "too strict"}, "it applies wherever that does"),
        ({"readiness_summary.no_credential_was_kept": "it is noisy"}, "so it always applies"),
        ({"readiness_summary.every_check_has_a_result": "it is noisy"}, "so it always applies"),
        ({"fly": ""}, "not_applicable.fly: string should have at least 5 characters"),
        ({"fly": "    "}, "not_applicable.fly"),
        ({"fly": None}, "not_applicable.fly: input should be a valid string"),
        (["fly"], "not_applicable: input should be a valid dictionary"),
    ],
)
def test_a_name_or_reason_that_says_nothing_is_refused(tmp_path: Path, said: object, problem: str) -> None:
    with pytest.raises(ParamsError) as caught:
        load(tmp_path, {**SUPABASE, "not_applicable": {**ALONE, **said} if isinstance(said, dict) else said})
    assert any(problem in one and one.startswith("launch/project.yaml:") for one in caught.value.problems)


def test_a_check_of_the_projects_own_files_may_be_left_out(tmp_path: Path) -> None:
    params = load(tmp_path, {**SUPABASE, "not_applicable": {**ALONE, "guardrails.issue_linked": "no issues in this project"}})
    task = task_named("guardrails")
    left = {check.id for check in task.checks if not task.why_not(check, params.not_applicable)}
    assert left == {check.id for check in task.checks} - {"guardrails.issue_linked"}


def test_a_task_goes_with_all_that_it_looks_at_and_stays_with_any_of_it() -> None:
    assert "deploy_rehearsal" in with_consequences({"fly": "none here"})
    assert "credentials" in with_consequences({"vault": "none here"})
    assert "health" not in with_consequences({"chatwoot": "not used", "publer": "not used"})
    assert "health" in with_consequences({"chatwoot": "not used", "publer": "not used", "mail": "nobody"})
    assert {"rls", "seed", "backup_restore"} <= with_consequences({"database": "none at all"}).keys()
    assert "migrations" not in with_consequences({"database": "none at all"})  # its files are still there
    assert with_consequences({}) == {}
