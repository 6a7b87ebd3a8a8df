"""A key in a variable signs, and no process that is started, and nobody who looks at ours, ever sees it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lib.core.environment import KERNELS_INHERIT, PROGRAMS_INHERIT, SIGNING_KEY, inherited
from lib.core.errors import WorkbookError
from lib.core.paths import ROOT
from lib.core.redact import redact
from lib.evidence.manifest import load_signer, new_key, read_signer
from lib.run import signing, signing_variable
from lib.run.params import with_variables

PROBE = """
import os, subprocess, sys
from pathlib import Path
from lib.run.signing_variable import key_text, take_key_from_environment
take_key_from_environment()
ours = Path("/proc/self/environ").read_text(errors="replace")
child = subprocess.run([sys.executable, "-c", "import os; print(dict(os.environ))"], capture_output=True, text=True).stdout
print(key_text(), "BEGIN" in ours, "BEGIN" in child, "READINESS_SIGNING_KEY" in os.environ, "HOME" in os.environ, sep="|")
"""


@pytest.fixture
def pem(monkeypatch: pytest.MonkeyPatch) -> str:
    text = new_key().decode()
    monkeypatch.setattr(signing_variable, "TAKEN", [])
    monkeypatch.setenv(SIGNING_KEY, text)
    return text


def keyid(pem: str) -> str:
    return read_signer(pem.encode(), "here").public_key.keyid


def test_its_text_signs_before_and_after_it_was_taken_out(pem: str) -> None:
    assert signing.open_signer().public_key.keyid == keyid(pem)
    signing_variable.take_key_from_environment()
    assert SIGNING_KEY not in os.environ
    assert signing.open_signer().public_key.keyid == keyid(pem)
    assert keyid(pem) in {one.keyid for one in signing.own_keys()}


def test_line_ends_may_be_spelled_out(pem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SIGNING_KEY, pem.replace("\n", "\\n"))
    assert signing.open_signer().public_key.keyid == keyid(pem)


def test_a_path_signs_and_one_that_is_not_there_is_told_and_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_variable, "TAKEN", [])
    monkeypatch.setenv(SIGNING_KEY, str(tmp_path / "key.pem"))
    with pytest.raises(WorkbookError, match=r"key\.pem can't be used: No such file"):
        signing.open_signer()
    assert not (tmp_path / "key.pem").exists()
    known = load_signer(tmp_path / "key.pem").public_key.keyid
    assert signing.open_signer().public_key.keyid == known


def test_it_comes_before_the_older_name(pem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNING_KEY", str(tmp_path / "older.pem"))
    assert signing.open_signer().public_key.keyid == keyid(pem)


def test_a_broken_one_is_told_without_a_word_of_it(pem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = pem.replace(pem.splitlines()[1][5:15], "!!!!!!!!!!")
    monkeypatch.setenv(SIGNING_KEY, broken)
    with pytest.raises(WorkbookError, match="READINESS_SIGNING_KEY can't be used: it is not") as found:
        signing.open_signer()
    assert pem.splitlines()[1][20:] not in str(found.value)


def test_it_is_redacted_wherever_it_would_be_written(pem: str) -> None:
    signing_variable.take_key_from_environment()
    assert pem.splitlines()[1] not in redact(f"someone printed {pem} here, and {pem.splitlines()[1]} there")


def test_nothing_that_is_started_inherits_it(pem: str) -> None:
    for names in (PROGRAMS_INHERIT, KERNELS_INHERIT):
        assert SIGNING_KEY not in inherited(names)
    assert SIGNING_KEY not in with_variables({})


def test_neither_a_child_nor_proc_shows_it() -> None:
    text = new_key().decode()
    environment = {**os.environ, SIGNING_KEY: text, "HOME": "/tmp", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", PROBE], env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    said, in_proc, in_child, is_set, has_home = done.stdout.rstrip("\n").split("|")
    assert said.strip() == text.strip()
    assert (in_child, is_set, has_home) == ("False", "False", "True")
    if sys.platform == "linux":
        assert in_proc == "False"
