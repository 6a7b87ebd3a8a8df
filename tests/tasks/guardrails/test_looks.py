"""09_guardrails on a real repository with the real linters and npm: each fault is found by exactly its check."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lib.clients.npm import find_npm
from lib.core.paths import ROOT
from lib.core.results import Outcome, SkipReason
from lib.run.params import load_params
from lib.tasks.guardrails import looks as guardrails
from lib.tasks.guardrails.policy import FILE
from lib.tasks.guardrails.task import CHECKS
from tests.support.branch_worlds import (
    SCRIPTS,
    SOUND,
    WORKFLOW,
    Project,
    context_of,
    detail_of,
    look,
    look_at_branch_files,
    make_project,
    not_passed,
    result_of,
)

TOKEN = "ghp_" + "a1B2" * 9
"""In the form of a token, but not one."""
LOOKED_AT_ELSEWHERE = (
    *guardrails.look_at_commands.checks,
    *guardrails.look_at_direction.checks,
    *guardrails.look_at_links.checks,
    *guardrails.look_at_scope.checks,
)
"""Checks of the commands, and of the direction: test_look_direction."""
WEAK = SOUND.replace("npm run ci", 'echo "${{ github.event.pull_request.title }}"')


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


def found_in(project: Project, work: Path, *, lint: bool = False, **changes: object) -> dict[str, str]:
    return not_passed(look_at_branch_files(context_of(project, work, **changes), lint=lint))


class TestBranch:
    def test_a_branch_as_agreed_passes(self, project: Project, tmp_path: Path) -> None:
        assert found_in(project, tmp_path / "work", lint=True) == {}

    def test_a_wrong_name_fails_alone_and_a_rename_repairs_it(self, project: Project, tmp_path: Path) -> None:
        project.git("branch", "--move", "my-stuff")
        assert found_in(project, tmp_path / "work") == {"branch_name_allowed": "fail"}
        project.git("branch", "--move", "fix/my-stuff")
        assert found_in(project, tmp_path / "work") == {}

    def test_sixty_files_without_an_opt_in_fail_alone(self, project: Project, tmp_path: Path) -> None:
        project.widen(60)
        found = look_at_branch_files(context_of(project, tmp_path / "work"), lint=True)
        assert not_passed(found) == {"change_small_or_opted_in": "fail"}
        assert "61 files, and nothing opts in" in detail_of(found, "change_small_or_opted_in")

    def test_as_many_files_as_allowed_pass(self, project: Project, tmp_path: Path) -> None:
        project.widen(39)
        assert found_in(project, tmp_path / "work") == {}

    def test_files_not_committed_yet_count(self, project: Project, tmp_path: Path) -> None:
        for number in range(60):
            project.write(f"app/part_{number}.py", "x = 1\n")
        assert found_in(project, tmp_path / "work") == {"change_small_or_opted_in": "fail"}

    def test_a_renamed_folder_counts_each_file_once(self, tmp_path: Path) -> None:
        project = make_project(tmp_path / "project")
        project.git("checkout", "--quiet", "main")
        project.widen(30, "Bring parts")
        project.git("checkout", "--quiet", "-b", "feature/rename")
        project.git("mv", "app", "scripts")
        project.commit("Move the parts\n\nRefs #12")
        assert found_in(project, tmp_path / "work") == {}

    def test_a_trailer_with_a_reason_opts_in(self, project: Project, tmp_path: Path) -> None:
        project.widen(60, "Bring many\n\nRefs #12\nWide-change: every part moves at once, see the plan")
        assert found_in(project, tmp_path / "work") == {}

    def test_a_trailer_without_much_of_a_reason_does_not(self, project: Project, tmp_path: Path) -> None:
        project.widen(60, "Bring many\n\nRefs #12\nWide-change: because")
        found = look_at_branch_files(context_of(project, tmp_path / "work"))
        assert not_passed(found) == {"change_small_or_opted_in": "fail"}
        assert "fewer than 15 characters" in detail_of(found, "change_small_or_opted_in")

    @pytest.mark.parametrize(
        ("labels", "body", "expected"),
        [
            (["wide-change"], "Wide-change: every part moves at once", {}),
            (["wide-change"], "Just a lot.", {"change_small_or_opted_in": "fail"}),
            ([], "Wide-change: every part moves at once", {"change_small_or_opted_in": "fail"}),
        ],
        ids=["label and reason", "label alone", "reason alone"],
    )
    def test_a_pull_request_opts_in_by_label_and_reason(
        self, project: Project, tmp_path: Path, labels: list[str], body: str, expected: dict[str, str]
    ) -> None:
        project.widen(60)
        event = write_event(tmp_path, labels=labels, body=body)
        assert found_in(project, tmp_path / "work", pull_request=str(event)) == expected

    def test_a_pull_request_names_a_branch_that_is_checked_out_as_a_commit(self, project: Project, tmp_path: Path) -> None:
        project.git("checkout", "--quiet", "--detach")
        assert found_in(project, tmp_path / "work") == {"branch_name_allowed": "error"}
        event = write_event(tmp_path)
        assert found_in(project, tmp_path / "work", pull_request=str(event)) == {}

    def test_an_event_without_a_pull_request_says_nothing(self, project: Project, tmp_path: Path) -> None:
        (tmp_path / "event.json").write_text(json.dumps({"schedule": "17 5 * * *"}))
        assert found_in(project, tmp_path / "work", pull_request=str(tmp_path / "event.json")) == {}

    def test_no_linked_issue_fails_alone(self, tmp_path: Path) -> None:
        project = make_project(tmp_path / "project", message="Load tiles, issue 12 of 14")
        assert found_in(project, tmp_path / "work") == {"issue_linked": "fail"}
        project.change("app/more.py", "x = 1\n", "Say where it belongs\n\nFixes OPS-44")
        assert found_in(project, tmp_path / "work") == {}

    def test_a_path_that_is_not_allowed_fails_alone(self, project: Project, tmp_path: Path) -> None:
        project.change("tools/run.py", "x = 1\n")
        found = look_at_branch_files(context_of(project, tmp_path / "work"))
        assert not_passed(found) == {"paths_allowed": "fail"}
        assert "tools/run.py" in detail_of(found, "paths_allowed")

    def test_a_branch_cannot_relax_its_own_policy(self, project: Project, tmp_path: Path) -> None:
        text = (project.root / FILE).read_text()
        project.write(FILE, text.replace("max_files: 40", "max_files: 400"))
        project.widen(60)
        assert found_in(project, tmp_path / "work") == {"change_small_or_opted_in": "fail"}


class TestSecrets:
    @pytest.mark.parametrize(
        ("path", "text", "kind"),
        [
            ("app/client.py", f'TOKEN = "{TOKEN}"\n', "GitHub"),
            ("scripts/deploy.sh", "fly deploy --access-token fo1_" + "Ab3-" * 8 + "\n", "Fly.io token"),
            ("app/settings.txt", "PUBLER_API_KEY=8f14e45fceea167a\n", "a value for PUBLER_API_KEY"),
            (".env", "LOG_LEVEL=info\n", "a file of credentials"),
            ("app/key.pem", "-----BEGIN PRIVATE KEY-----\nMIIE\n", "Private Key"),
        ],
        ids=["token", "fly token", "env key", "env file", "private key"],
    )
    def test_a_credential_in_the_diff_fails_alone_and_is_never_shown(
        self, project: Project, tmp_path: Path, path: str, text: str, kind: str
    ) -> None:
        project.write(path, text)
        project.git("add", "--force", path)
        project.commit()
        found = look_at_branch_files(context_of(project, tmp_path / "work"))
        left = not_passed(found)
        assert left.pop("no_secrets_in_diff") == "fail"
        assert left in ({}, {"paths_allowed": "fail"})  # a .env is in no allowed folder either
        assert kind in detail_of(found, "no_secrets_in_diff")
        assert TOKEN not in repr(found) and "8f14e45f" not in repr(found)

    def test_what_was_not_scanned_is_named(self, project: Project, tmp_path: Path) -> None:
        (project.root / "app").mkdir(exist_ok=True)
        (project.root / "app/logo.png").write_bytes(b"\x89PNG\0\0")
        project.write("app/sample.py", "TOKEN = ''  # pragma: allowlist secret\n")
        project.commit()
        (project.root / "app/new.bin").write_bytes(b"\0\0")
        found = look_at_branch_files(context_of(project, tmp_path / "work"))
        assert not_passed(found) == {}
        said = detail_of(found, "no_secrets_in_diff")
        assert "Not text, so looked at for tokens alone: app/logo.png and app/new.bin." in said
        assert "Accepted by a comment: app/sample.py:1." in said

    def test_a_branch_that_adds_no_text_has_nothing_to_scan(self, project: Project, tmp_path: Path) -> None:
        project.git("checkout", "--quiet", "-b", "fix/less", "main")
        project.git("rm", "--quiet", WORKFLOW)
        project.commit("Take the workflow away\n\nRefs #12")
        found = look_at_branch_files(context_of(project, tmp_path / "work"))
        assert result_of(found, "no_secrets_in_diff").skipped_because is SkipReason.NOT_APPLICABLE

    def test_a_token_that_a_later_commit_took_out_is_still_found(self, project: Project, tmp_path: Path) -> None:
        project.change("app/client.py", f'TOKEN = "{TOKEN}"\n')
        project.change("app/client.py", "import os\n")
        assert found_in(project, tmp_path / "work", lint=True) == {"no_secrets_in_diff": "fail"}

    def test_a_token_in_a_file_that_git_does_not_know_yet_is_found(self, project: Project, tmp_path: Path) -> None:
        project.write("app/client.py", f'TOKEN = "{TOKEN}"\n')
        assert found_in(project, tmp_path / "work") == {"no_secrets_in_diff": "fail"}

    @pytest.mark.parametrize(
        "text",
        [
            "PUBLER_API_KEY: ${{ secrets.PUBLER_API_KEY }}\n",
            "PUBLER_API_KEY=$KEY\n",
            "SHORTEST_SECRET = 6\n",
            "ACCESS_TOKEN: {vault: chatwoot.env#TOKEN}\n",
            'url = "postgresql://app:password@host/db"\n',
            f"key = '{TOKEN}'  # pragma: allowlist secret\n",
        ],
    )
    def test_what_only_looks_like_one_passes(self, project: Project, tmp_path: Path, text: str) -> None:
        project.change("app/settings.txt", text)
        assert found_in(project, tmp_path / "work") == {}

    def test_a_token_that_was_there_before_is_not_the_branchs(self, tmp_path: Path) -> None:
        project = make_project(tmp_path / "project")
        project.git("checkout", "--quiet", "main")
        project.change("app/client.py", f'TOKEN = "{TOKEN}"\n', "An old sin")
        project.git("checkout", "--quiet", "-b", "fix/other")
        project.change("app/other.py", "x = 1\n")
        assert found_in(project, tmp_path / "work") == {}


class TestMarkdown:
    @pytest.mark.parametrize("path", ["NOTES.md", "app/plan.mdx", "supabase/How To.MD"])
    def test_a_stray_file_fails_alone_and_moving_it_repairs_it(self, project: Project, tmp_path: Path, path: str) -> None:
        project.change(path, "# Notes\n")
        found = look_at_branch_files(context_of(project, tmp_path / "work"), lint=True)
        assert not_passed(found) == {"markdown_in_allowed_folders": "fail", "paths_allowed": "skip"}
        paths = result_of(found, "paths_allowed")
        assert (paths.see, paths.expected) == ("guardrails.markdown_in_allowed_folders", paths.observed + 1)
        assert path in detail_of(found, "markdown_in_allowed_folders")
        (project.root / "docs/archive").mkdir(parents=True)
        project.git("mv", path, "docs/archive/notes.md")
        project.commit()
        assert found_in(project, tmp_path / "work") == {}

    def test_one_that_git_ignores_does_not_count(self, project: Project, tmp_path: Path) -> None:
        project.write(".gitignore", "/scratch/\n")
        project.write("scratch/NOTES.md", "# Notes\n")
        project.commit()
        assert found_in(project, tmp_path / "work") == {}


class TestWorkflows:
    def test_a_broken_one_fails_the_schema_alone(self, project: Project, tmp_path: Path) -> None:
        project.change(".github/workflows/broken.yml", SOUND.replace("runs-on", "run-on"))
        found = look_at_branch_files(context_of(project, tmp_path / "work"), lint=True)
        assert not_passed(found) == {"workflows_match_schema": "fail", "workflows_pass_lint": "skip"}
        assert "broken.yml" in detail_of(found, "workflows_match_schema")
        lint = result_of(found, "workflows_pass_lint")
        assert (lint.see, lint.observed, lint.expected) == ("guardrails.workflows_match_schema", 1, 2)
        project.change(".github/workflows/broken.yml", SOUND)
        assert found_in(project, tmp_path / "work", lint=True) == {}

    def test_a_weak_one_beside_a_broken_one_is_still_a_fail(self, project: Project, tmp_path: Path) -> None:
        project.write(".github/workflows/broken.yml", SOUND.replace("runs-on", "run-on"))
        project.change(".github/workflows/weak.yml", WEAK)
        both = {"workflows_match_schema": "fail", "workflows_pass_lint": "fail"}
        assert found_in(project, tmp_path / "work", lint=True) == both

    def test_a_finding_that_a_comment_accepts_is_named(self, project: Project, tmp_path: Path) -> None:
        lines = [f"{line} # zizmor: ignore[template-injection]" if "${{ github" in line else line for line in WEAK.split("\n")]
        project.change(".github/workflows/weak.yml", "\n".join(lines))
        found = look_at_branch_files(context_of(project, tmp_path / "work"), lint=True)
        assert not_passed(found) == {}
        assert "Accepted by a comment: weak.yml" in detail_of(found, "workflows_pass_lint")

    def test_a_weak_one_fails_the_lint_alone(self, project: Project, tmp_path: Path) -> None:
        project.change(".github/workflows/weak.yml", WEAK)
        found = look_at_branch_files(context_of(project, tmp_path / "work"), lint=True)
        assert not_passed(found) == {"workflows_pass_lint": "fail"}
        assert "template-injection" in detail_of(found, "workflows_pass_lint")

    def test_a_project_cannot_switch_the_lint_off(self, project: Project, tmp_path: Path) -> None:
        project.write(".github/zizmor.yml", "rules:\n  template-injection:\n    disable: true\n")
        project.change(".github/workflows/weak.yml", WEAK)
        assert found_in(project, tmp_path / "work", lint=True) == {"workflows_pass_lint": "fail"}

    def test_no_workflow_is_an_error(self, project: Project, tmp_path: Path) -> None:
        project.git("rm", "--quiet", WORKFLOW)
        project.commit()
        both = {"workflows_match_schema": "error", "workflows_pass_lint": "error"}
        assert found_in(project, tmp_path / "work", lint=True) == both


class TestCommands:
    def test_a_failing_scan_fails(self, project: Project, tmp_path: Path) -> None:
        project.scripts({**SCRIPTS, "scan": 'node -e "console.log(42); process.exit(3)"'})
        found = look(context_of(project, tmp_path / "work"), guardrails.look_at_commands)
        [result] = found.results
        assert (result.outcome, result.observed, result.exit_code) == (Outcome.FAIL, "4 of 5", 3)
        assert "`npm run scan` failed (exit code 3)" in result.detail
        assert "42" in found.artifacts["npm-scan.txt"]

    def test_a_formatter_that_would_change_the_commit_fails_and_changes_nothing(self, project: Project, tmp_path: Path) -> None:
        project.scripts({**SCRIPTS, "fmt": "node -e \"require('fs').writeFileSync('app/tiles.py', 'LIMIT = 4\\n')\""})
        found = look(context_of(project, tmp_path / "work"), guardrails.look_at_commands)
        [result] = found.results
        assert (result.outcome, result.observed) == (Outcome.FAIL, "4 of 5")
        assert "`npm run fmt` would change app/tiles.py" in result.detail
        assert "+LIMIT = 4" in found.artifacts["npm-fmt.diff"]
        assert (project.root / "app/tiles.py").read_text() == "LIMIT = 3\n"

    def test_what_is_not_committed_is_not_judged_and_is_said(self, project: Project, tmp_path: Path) -> None:
        project.write("app/tiles.py", "LIMIT = 9\n")
        [result] = look(context_of(project, tmp_path / "work"), guardrails.look_at_commands).results
        assert result.outcome is Outcome.PASS
        assert "not committed: app/tiles.py" in result.detail

    def test_they_pass_again_once_fixed(self, project: Project, tmp_path: Path) -> None:
        [result] = look(context_of(project, tmp_path / "work"), guardrails.look_at_commands).results
        assert (result.outcome, result.observed) == (Outcome.PASS, "5 of 5")

    def test_a_failing_script_that_is_not_asked_for_does_not_matter(self, project: Project, tmp_path: Path) -> None:
        project.scripts({**SCRIPTS, "experiment": 'node -e "process.exit(1)"'})
        [result] = look(context_of(project, tmp_path / "work", commands=["lint"]), guardrails.look_at_commands).results
        assert result.outcome is Outcome.PASS

    @pytest.mark.parametrize("script", [None, "", "true", "echo 'no tests yet'"])
    def test_one_that_is_missing_or_does_nothing_is_an_error(self, project: Project, tmp_path: Path, script: str | None) -> None:
        scripts = {name: line for name, line in SCRIPTS.items() if name != "scan"}
        project.scripts(scripts if script is None else {**scripts, "scan": script})
        [result] = look(context_of(project, tmp_path / "work", commands=["lint", "scan"]), guardrails.look_at_commands).results
        assert result.outcome is Outcome.ERROR
        assert "scan" in result.detail

    def test_one_that_takes_too_long_is_ended_and_is_an_error(self, project: Project, tmp_path: Path) -> None:
        project.scripts({"scan": 'node -e "setInterval(() => {}, 1000)"'})
        context = context_of(project, tmp_path / "work", commands=["scan"], command_limit_s=2.0)
        [result] = look(context, guardrails.look_at_commands).results
        assert result.outcome is Outcome.ERROR
        assert "did not end within 2 s" in result.detail

    @pytest.mark.parametrize("text", [None, "{", "[]"])
    def test_a_project_without_readable_scripts_is_an_error(self, project: Project, tmp_path: Path, text: str | None) -> None:
        (project.root / "package.json").unlink()
        if text is not None:
            project.write("package.json", text)
        project.commit()
        [result] = look(context_of(project, tmp_path / "work"), guardrails.look_at_commands).results
        assert result.outcome is Outcome.ERROR

    def test_npm_is_found(self) -> None:
        program, _ = find_npm()
        assert Path(program[0]).exists()


class TestCannotLook:
    def test_an_unknown_base_is_an_error_of_everything(self, project: Project, tmp_path: Path) -> None:
        found = look_at_branch_files(context_of(project, tmp_path / "work", base="origin/release"), lint=True)
        assert set(not_passed(found).values()) == {"error"}
        assert len(not_passed(found)) == len(CHECKS) - len(LOOKED_AT_ELSEWHERE)
        assert "There is no origin/release" in detail_of(found, "branch_name_allowed")

    def test_a_branch_that_changes_nothing_is_an_error(self, project: Project, tmp_path: Path) -> None:
        project.git("checkout", "--quiet", "main")
        found = look_at_branch_files(context_of(project, tmp_path / "work"))
        assert "changes nothing compared with main" in detail_of(found, "change_small_or_opted_in")

    def test_a_folder_outside_of_git_is_an_error(self, project: Project, tmp_path: Path) -> None:
        shutil.rmtree(project.root / ".git")
        found = look_at_branch_files(context_of(project, tmp_path / "work"))
        assert "is not in a git work tree" in detail_of(found, "branch_name_allowed")

    def test_a_branch_without_common_history_is_an_error(self, project: Project, tmp_path: Path) -> None:
        project.git("checkout", "--quiet", "--orphan", "feature/alone")
        project.commit()
        found = look_at_branch_files(context_of(project, tmp_path / "work"))
        assert "no commit in common" in detail_of(found, "branch_name_allowed")

    def test_a_file_that_is_not_an_event_is_an_error(self, project: Project, tmp_path: Path) -> None:
        found = look_at_branch_files(context_of(project, tmp_path / "work", pull_request=str(tmp_path / "gone.json")))
        assert "is not a GitHub event payload" in detail_of(found, "branch_name_allowed")

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("max_files: 40", "max_files: many", "change.max_files: input should be a valid integer"),
            ("max_files: 40", "max_files: 0", "change.max_files: input should be greater than or equal to 1"),
            ("max_files: 40", "most_files: 40", "change.most_files: extra inputs are not permitted"),
            ("  pattern: ^(feature", "  pattern: ^((feature", "branch.pattern: value error, not a regular expression"),
            ("  archive: docs/archive", "  archive: ../elsewhere", "markdown.archive"),
            ("  archive: docs/archive", "", "markdown.archive: field required"),
            ("branch:", "branch: [", "is not valid YAML"),
            ("    trailer: Wide-change", "    trailer: 'Wide change'", "change.wide_change.trailer"),
        ],
    )
    def test_a_mistake_in_the_policy_is_reported_in_one_sentence(self, tmp_path: Path, old: str, new: str, said: str) -> None:
        project = make_project(tmp_path / "project")
        text = (project.root / FILE).read_text()
        assert old in text
        project.git("checkout", "--quiet", "main")
        project.change(FILE, text.replace(old, new, 1), "Change the policy")
        project.git("checkout", "--quiet", "-b", "feature/other")
        project.change("app/other.py", "x = 1\n")
        result = result_of(look_at_branch_files(context_of(project, tmp_path / "work")), "branch_name_allowed")
        assert result.detail.startswith(FILE) and said in result.detail and "\n" not in result.detail
        assert result.fix == (f"Correct {FILE}.",)

    def test_no_policy_is_an_error(self, tmp_path: Path) -> None:
        project = make_project(tmp_path / "project")
        project.git("checkout", "--quiet", "main")
        project.git("rm", "--quiet", FILE)
        project.commit("No policy")
        project.git("checkout", "--quiet", "-b", "feature/other")
        project.change("app/other.py", "x = 1\n")
        detail = detail_of(look_at_branch_files(context_of(project, tmp_path / "work")), "branch_name_allowed")
        assert f"There is no {FILE}" in detail


class TestRehearsal:
    def test_a_pack_that_is_no_repository_is_rehearsed_and_says_so(self, tmp_path: Path) -> None:
        shutil.copytree(ROOT / "pack", tmp_path / "pack", ignore=shutil.ignore_patterns("__pycache__"))
        event = write_event(tmp_path, ref="of-another-repository")
        pack = Project(root=tmp_path / "pack")
        context = context_of(pack, tmp_path / "work", is_rehearsal=True, pull_request=str(event))
        found = look_at_branch_files(context)
        assert not_passed(found) == {}
        assert "a rehearsal on a branch made from the pack" in found[0].facts.branch.note
        assert found[0].facts.name == load_params("local", variables={}).sections["guardrails"].rehearsal.branch

    def test_a_pack_that_stands_on_its_base_is_rehearsed(self, project: Project, tmp_path: Path) -> None:
        project.git("checkout", "--quiet", "main")
        project.write("NOTES.md", "# Not committed\n")
        found = look_at_branch_files(context_of(project, tmp_path / "work", is_rehearsal=True))
        assert not_passed(found) == {"markdown_in_allowed_folders": "fail", "paths_allowed": "skip"}

    def test_a_pack_on_a_branch_of_its_own_is_not(self, project: Project, tmp_path: Path) -> None:
        project.git("branch", "--move", "my-stuff")
        assert found_in(project, tmp_path / "work", is_rehearsal=True) == {"branch_name_allowed": "fail"}


def write_event(folder: Path, *, labels: list[str] | None = None, body: str = "", ref: str = "feature/tiles") -> Path:
    """Return a file as GitHub hands it to a workflow of a pull request."""
    request = {"head": {"ref": ref}, "title": "Tiles", "body": body, "labels": [{"name": name} for name in labels or []]}
    path = folder / "event.json"
    path.write_text(json.dumps({"action": "opened", "pull_request": request}))
    return path
