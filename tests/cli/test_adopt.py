"""What a launch asks for comes to the project where it is missing, is shown first, and works without this checkout."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from lib.cli.adopt import PIECES, adopt
from lib.clients.prometheus.promtool import find_promtool
from lib.core.errors import ParamsError, TargetError
from lib.tasks.guardrails.policy import matches, parse_policy
from tests.support.layered import describe_project

REASON = "not in this project"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    pack = describe_project(tmp_path / "project")
    text = (pack / "launch" / "project.yaml").read_text()
    (pack / "launch" / "project.yaml").write_text(text.replace("idea-board", "shop"))
    (pack / "src").mkdir()
    (pack / "odd name's.txt").write_text("x")
    return pack


def tree(pack: Path) -> dict[str, bytes]:
    return {path.relative_to(pack).as_posix(): path.read_bytes() for path in pack.rglob("*") if path.is_file()}


def without(pack: Path, *names: str) -> None:
    lines = "".join(f"  {name}: {REASON}\n" for name in names)
    with (pack / "launch" / "project.yaml").open("a") as file:
        file.write(f"not_applicable:\n{lines}")


@pytest.fixture
def applied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLY", "1")


def test_it_is_shown_first_and_nothing_is_written(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(pack)
    assert adopt(pack=str(pack)) == 0
    shown = capsys.readouterr().out
    assert tree(pack) == before
    assert "+++ b/.github/launch-policy.yml" in shown
    assert "Dry run: nothing was written." in shown


@pytest.mark.usefixtures("applied")
def test_all_of_it_is_written_once_and_what_is_there_is_left_alone(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pack / "docs" / "runbooks").mkdir(parents=True)
    (pack / "docs" / "runbooks" / "production_deployment.md").write_text("ours")
    before = tree(pack)
    adopt(pack=str(pack))
    after = tree(pack)
    assert {path for piece in PIECES for path in piece.files} <= after.keys()
    assert {path: after[path] for path in before} == before
    capsys.readouterr()
    adopt(pack=str(pack))
    assert "Nothing to adopt" in capsys.readouterr().out
    assert tree(pack) == after


@pytest.mark.usefixtures("applied")
def test_nothing_of_the_sample_comes_along(pack: Path) -> None:
    adopt(pack=str(pack))
    written = {path: text for path, text in tree(pack).items() if not path.startswith("launch/")}
    told = [path for path, text in written.items() if b"idea-board" in text or b"hotrodan" in text or b"run by a test" in text]
    assert told == []
    assert b"flyctl status --app shop" in written["docs/runbooks/production_deployment.md"]


@pytest.mark.usefixtures("applied")
def test_the_policy_allows_what_the_project_has(pack: Path) -> None:
    adopt(pack=str(pack), only=["policy"])
    policy = parse_policy((pack / ".github" / "launch-policy.yml").read_text())
    for path in ("src/deep/a.py", "odd name's.txt", "launch/project.yaml", ".github/workflows/x.yml"):
        assert matches(path, policy.change.allowed_paths), path
    assert not matches("elsewhere/a.py", policy.change.allowed_paths)


@pytest.mark.usefixtures("applied")
def test_only_what_the_project_needs_is_offered(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    without(pack, "fly", "publer", "alerts")
    adopt(pack=str(pack))
    written = tree(pack)
    assert not any(path.startswith(("scripts/ops/rollback", "prometheus", "scripts/ops/check-publer")) for path in written)
    workflow = yaml.safe_load(written[".github/workflows/health-check.yml"])
    steps = [step["name"] for step in workflow["jobs"]["health"]["steps"]]
    assert "Ask Chatwoot" in steps
    assert "Ask Publer" not in steps
    assert (
        f"not offered: rollback (brings an earlier release back and proves that it answers): {REASON}" in capsys.readouterr().out
    )
    adopt(pack=str(pack), only=["alerts"])
    assert "prometheus-alerts.yml" in tree(pack)


@pytest.mark.usefixtures("applied")
def test_rules_that_the_project_has_elsewhere_are_enough(pack: Path) -> None:
    text = (pack / "launch" / "project.yaml").read_text()
    (pack / "launch" / "project.yaml").write_text(text.replace("rules: prometheus-alerts.yml", "rules: deploy/rules.yml"))
    (pack / "deploy").mkdir()
    (pack / "deploy" / "rules.yml").write_text("groups: []")
    adopt(pack=str(pack))
    assert "prometheus-alerts.yml" not in tree(pack)


@pytest.mark.usefixtures("applied")
def test_the_scripts_need_nothing_of_this_checkout(pack: Path) -> None:
    adopt(pack=str(pack))
    for name in ("check-chatwoot-health.sh", "check-publer-health.sh", "rollback-production.sh", "notify-failure.sh"):
        script = pack / "scripts" / "ops" / name
        assert os.access(script, os.X_OK)
        assert b"LAUNCH_WORKBOOK" not in script.read_bytes()
        bare = {"PATH": os.environ["PATH"]}
        done = subprocess.run([script, "--help"], env=bare, cwd="/", capture_output=True, text=True, timeout=30)
        assert "No such file" not in done.stderr, done.stderr


@pytest.mark.usefixtures("applied")
def test_the_example_of_alerts_passes_its_own_tests(pack: Path) -> None:
    try:
        promtool = find_promtool()
    except TargetError as exc:
        pytest.skip(exc.message)
    adopt(pack=str(pack), only=["alerts"])
    for words in (["check", "rules", "prometheus-alerts.yml"], ["test", "rules", "prometheus-alerts.test.yml"]):
        done = subprocess.run([promtool.path, *words], cwd=pack, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("applied")
def test_a_folder_that_leads_out_of_the_project_gets_nothing(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (pack / ".github").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ParamsError, match=r"\.github leads out of the project"):
        adopt(pack=str(pack), only=["policy"])
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_an_unknown_piece_is_told(pack: Path) -> None:
    with pytest.raises(ParamsError, match="did you mean policy"):
        adopt(pack=str(pack), only=["polici"])
