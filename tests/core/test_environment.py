"""No variable of a person's environment changes a verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.core.environment import OURS, clean, clean_in_place
from lib.core.paths import ROOT
from lib.evidence.log import read_evidence


@pytest.fixture
def nasty(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Yield the environment of somebody whose every tool is configured in the worst way."""
    evil = tmp_path / "evil"
    (evil / "startup").mkdir(parents=True)
    for name in ("yaml.py", "sitecustomize.py", "usercustomize.py", "httpx.py"):
        (evil / name).write_text("raise RuntimeError('somebody else\\'s module was imported')\n")
    kernel = evil / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps({"argv": ["false"], "display_name": "evil", "language": "python"}))
    profile = evil / "ipython" / "profile_default" / "startup"
    profile.mkdir(parents=True)
    (profile / "00.py").write_text("import os\nos._exit(3)\n")
    with tempfile.TemporaryDirectory(prefix="temporary ü ") as temporary:
        Path(temporary).chmod(0o755)
        yield {
            **{name: os.environ[name] for name in ("PATH",)},
            **{"PYTHONPATH": str(evil), "PYTHONWARNINGS": "error", "PYTHONOPTIMIZE": "2", "PYTHONINSPECT": "1"},
            **{"PYTHONIOENCODING": "ascii", "PYTHONSTARTUP": str(evil / "yaml.py"), "PYTHONSAFEPATH": "1", "PYTHONDEVMODE": "1"},
            **{"PGHOST": "192.0.2.1", "PGOPTIONS": "-c search_path=pg_catalog", "PGSSLMODE": "verify-full", "PGTZ": "Asia/Tokyo"},
            **{"JUPYTER_PATH": str(evil), "IPYTHONDIR": str(evil / "ipython"), "MPLBACKEND": "nonsense"},
            **{"TMPDIR": temporary, "HOME": "/nonexistent", "LANG": "tr_TR.UTF-8", "LC_ALL": "POSIX", "TZ": "Pacific/Apia"},
            **{"NO_COLOR": "1", "CI": "true", "COLUMNS": "20", "TERM": "dumb", "GREP_OPTIONS": "--color=always -v"},
            **{"MAKEFLAGS": "k", "CDPATH": "/", "GIT_DIR": "/nowhere", "NODE_OPTIONS": "--no-such-option", "HTTP_PROXY": "http://192.0.2.1"},
            **{"npm_config_ignore_scripts": "true", "BASH_ENV": str(evil / "yaml.py"), "ENV": str(evil / "yaml.py")},
        }  # fmt: skip


def rehearse(rendered: Path, environment: dict[str, str]) -> tuple[int, str, dict[str, str]]:
    # Run in the checkout, as make does: with PYTHONSAFEPATH the folder one stands in is not searched.
    started = (
        f"import runpy, sys; sys.path.insert(0, {str(ROOT)!r}); runpy.run_module('lib', run_name='__main__', alter_sys=True)"
    )
    argv = [sys.executable, "-c", started, "run", "local", "--only", "guardrails,rls", "--rendered", str(rendered)]
    done = subprocess.run(
        argv, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=280
    )
    folders = sorted(rendered.glob("*/local/2*"))
    return done.returncode, done.stdout.decode(), {line.check: line.result.value for line in read_evidence(folders[-1])}


def test_the_nastiest_environment_gives_the_same_results(tmp_path: Path, nasty: dict[str, str]) -> None:
    code, said, results = rehearse(tmp_path / "nasty", nasty)
    plain_code, plain_said, plain_results = rehearse(tmp_path / "plain", {"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
    assert plain_code == 0, plain_said
    assert (code, results) == (plain_code, plain_results), said


def test_only_what_libraries_read_by_themselves_is_taken_out() -> None:
    kept = {
        "PATH": "/bin",
        "STAGING_DATABASE_URL": "x",
        "PG_ANYTHING": "a project's own",
        "PYTHON": "python3.12",
        "GITHUB_TOKEN": "y",
    }
    meddling = {"PGHOST": "h", "PGSSLMODE": "require", "PYTHONHOME": "/x", "JUPYTER_PATH": "/x", "IPYTHONDIR": "/x"}
    assert clean({**kept, **meddling}) == {**kept, **OURS}
    here = {**kept, **meddling}
    clean_in_place(here)
    assert here == {**kept, "PYTHONHOME": "/x"}


def make(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**{name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}, **variables}
    return subprocess.run(["make", *words], cwd=ROOT, env=environment, capture_output=True, text=True)


def test_make_hands_on_none_of_pythons_variables() -> None:
    done = make("--eval", "probe:;@env", "probe", PYTHONHOME="/x", PYTHONWARNINGS="error", PYTHONPATH="/evil", JUPYTER_PATH="/x")
    lines = done.stdout.splitlines()
    assert not [line for line in lines if line.startswith(("PYTHONHOME", "PYTHONWARNINGS", "JUPYTER_PATH"))]
    assert f"PYTHONPATH={ROOT}" in lines


@pytest.mark.parametrize("flags", ["i", "t", "q", "ki", "-i", "--ignore-errors"])
def test_make_flags_that_hide_failures_are_refused(flags: str) -> None:
    done = make("help", MAKEFLAGS=flags)
    assert done.returncode == 2
    assert "hides failures" in done.stderr


@pytest.mark.parametrize("flags", ["", "k", "s", "-j4", "--no-print-directory", "ENV=staging", "--warn-undefined-variables"])
def test_other_make_flags_are_not(flags: str) -> None:
    assert make("help", MAKEFLAGS=flags).returncode == 0
