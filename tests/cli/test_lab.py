"""The lab becomes JupyterLab with what it needs: its page first, the checkout as its root, root's leave only for root."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lib.cli import lab
from lib.core.errors import ParamsError, WorkbookError
from lib.core.paths import ROOT


class Became(Exception):
    """Raised in the place of becoming another program: that one, its arguments and its variables."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the lab keeps its things, while it becomes nothing and starts nothing."""

    def become(program: Path, argv: list[str], variables: dict[str, str]) -> None:
        raise Became(program, argv, variables)

    monkeypatch.setattr(lab, "LAB", tmp_path / "lab")
    monkeypatch.setattr(lab.os, "execve", become)
    monkeypatch.setattr("lib.run.shared_server.start_keeper", lambda kind: (tmp_path / "kept").write_text(kind.pack))
    return tmp_path


def open_lab(pack: str | None = None, *options: str) -> tuple[list[str], dict[str, str]]:
    with pytest.raises(Became) as became:
        lab.open_lab(pack, options)
    return became.value.args[1], became.value.args[2]


@pytest.mark.parametrize(("user", "allowed"), [(0, True), (1000, False)])
def test_root_alone_is_let_in_as_root(folder: Path, user: int, allowed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab.os, "geteuid", lambda: user)
    options = list(lab.lab_options(ROOT / "notebooks" / "Start.md", ROOT / "pack"))
    assert ("--allow-root" in options) is allowed


def test_it_opens_at_its_page_with_its_own_defaults(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv, variables = open_lab(None, "--no-browser")
    assert argv[-1] == "--no-browser" and f"--ServerApp.root_dir={ROOT}" in argv
    assert "--LabApp.default_url=/lab/tree/notebooks/Start.md" in argv
    assert not any("allow_hidden" in one for one in argv)
    settings = Path(variables["JUPYTER_CONFIG_PATH"]) / "labconfig" / "default_setting_overrides.json"
    assert json.loads(settings.read_text()) == lab.SETTINGS
    assert variables["LAUNCH_PACK"] == str(ROOT / "pack") == (folder / "kept").read_text()
    assert "notebooks/Start.md" in capsys.readouterr().out


def test_the_page_does_not_dirty_the_checkout(folder: Path) -> None:
    open_lab()
    run = lab.run_command(["git", "-C", ROOT, "check-ignore", "notebooks/Start.md"], timeout_s=30)
    assert run.exit_code == 0


def test_a_project_elsewhere_is_reached_by_a_link(folder: Path) -> None:
    pack = folder / "project"
    (pack / "launch").mkdir(parents=True)
    (pack / "launch" / "project.yaml").write_text("name: other\n")
    argv, variables = open_lab(str(pack))
    link = folder / "lab" / "project"
    assert os.path.realpath(link) == str(pack) == variables["LAUNCH_PACK"]
    assert "--ContentsManager.allow_hidden=True" in argv
    open_lab(str(pack))  # a link that is there already is made anew


def test_a_project_that_is_not_there_is_said(folder: Path) -> None:
    with pytest.raises(ParamsError, match="there is no folder"):
        lab.open_lab("/nowhere/at/all", [])


def test_without_jupyterlab_it_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab, "JUPYTER", folder / "none")
    with pytest.raises(WorkbookError, match="JupyterLab is not installed"):
        lab.open_lab(None, [])
