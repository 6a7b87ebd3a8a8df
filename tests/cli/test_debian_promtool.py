"""promtool is taken from Debian's newest package; where that cannot be had, from the machine's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.cli import debian_promtool
from lib.cli.debian_promtool import is_new, take_promtool
from lib.cli.set_up_steps import SetUpError

APT = """#!/bin/sh
case "$*" in
  *newest*) [ -e {folder}/no-newest ] && exit 100; case "$*" in *download*) echo new > promtool_3.deb;; esac;;
  *download*) echo old > prometheus_2.deb;;
esac
"""
DPKG = """#!/bin/sh
said=2.42.0
mkdir -p "$3/usr/bin"
grep -q new "$2" && said=3.5.3
printf '#!/bin/sh\\necho "promtool, version %s"\\n' "$said" > "$3/usr/bin/promtool"
chmod +x "$3/usr/bin/promtool"
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with apt-get and dpkg-deb that hold two packages."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (tmp_path / ".tools").mkdir()
    for name, text in (("apt-get", APT.format(folder=tmp_path)), ("dpkg-deb", DPKG)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (tmp_path / "keys.gpg").write_text("")
    monkeypatch.setattr(debian_promtool, "DEBIAN_KEYS", tmp_path / "keys.gpg")
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return tmp_path


def test_the_newest_is_taken(machine: Path) -> None:
    program = machine / ".tools/prometheus/promtool"
    take_promtool(program)
    assert is_new(program)
    assert [one.name for one in (machine / ".tools").iterdir()] == ["prometheus"]


@pytest.mark.parametrize("lacking", ["no-newest", "keys"])
def test_without_it_the_machines_own_is_taken(machine: Path, lacking: str) -> None:
    if lacking == "keys":
        (machine / "keys.gpg").unlink()
    else:
        (machine / lacking).touch()
    program = machine / ".tools/prometheus/promtool"
    take_promtool(program)
    assert program.exists() and not is_new(program)


def test_a_machine_without_apt_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetUpError, match="not on PATH"):
        take_promtool(tmp_path / "promtool")


def test_what_is_no_program_is_not_new(tmp_path: Path) -> None:
    assert not is_new(tmp_path / "none")
