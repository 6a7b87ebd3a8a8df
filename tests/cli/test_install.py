"""Set-up: one line for each missing thing, one set-up at a time, whole or made again, with the person's own settings."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from shlex import quote

import pytest

from lib.cli import install
from lib.cli.set_up_steps import SetUpError, is_current, write_stamp
from lib.core.paths import ROOT


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty checkout that set-up takes for its own."""
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "TOOLS", tmp_path / ".tools")
    monkeypatch.setattr(install, "PROMTOOL", tmp_path / ".tools" / "prometheus" / "promtool")
    for name in ("requirements.txt", "package-lock.json", "package.json"):
        (tmp_path / name).write_text(f"{name}\n")
    return tmp_path


def test_a_missing_program_is_one_line_with_its_fix(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("lib.cli.install.shutil.which", lambda _: None)
    assert install.main() == 2
    assert capsys.readouterr().err.splitlines() == [
        "git is needed, to read the project's history. Fix: Install git (Debian: apt-get install git)."
    ]


def test_a_full_disk_is_said_before_anything_is_written(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "NEEDED_MB", 10**9)
    assert install.main() == 2
    assert not (checkout / ".venv").exists()


def test_a_half_made_environment_is_made_again(checkout: Path) -> None:
    python = checkout / ".venv" / "bin" / "python"
    assert not install.is_usable(python)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(checkout / ".venv")], check=True)
    assert not install.is_usable(python)
    assert install.is_usable(ROOT / ".venv" / "bin" / "python")


def test_an_environment_of_another_python_is_not_usable(checkout: Path) -> None:
    python = checkout / "python"
    python.write_text("#!/bin/sh\necho '(3, 2)'\n")
    python.chmod(0o755)
    assert not install.is_usable(python)


def test_a_part_that_fails_leaves_no_stamp(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "find_npm", lambda: ["false"])
    with pytest.raises(SetUpError, match=r"The tools of package-lock\.json could not be installed"):
        install.install_tools()
    assert not (checkout / ".tools" / "installed").exists()
    monkeypatch.setattr(install, "find_npm", lambda: ["true"])
    install.install_tools()
    assert is_current(checkout / ".tools" / "installed", install.tools_wanted())


def test_a_changed_lock_file_is_noticed(checkout: Path) -> None:
    (checkout / ".tools").mkdir()
    write_stamp(checkout / ".tools" / "installed", install.tools_wanted())
    assert is_current(checkout / ".tools" / "installed", install.tools_wanted())
    (checkout / "package-lock.json").write_text("another\n")
    assert not is_current(checkout / ".tools" / "installed", install.tools_wanted())


def test_a_second_set_up_waits_for_the_first(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with install.alone():
            inside.set()
            leave.wait(20)

    def second() -> None:
        with install.alone():
            pass

    threads = [threading.Thread(target=one) for one in (first, second)]
    threads[0].start()
    inside.wait(20)
    threads[1].start()
    threads[1].join(0.3)
    assert threads[1].is_alive()
    leave.set()
    for thread in threads:
        thread.join(20)
    assert "Another set-up of this checkout is running" in capsys.readouterr().out


def test_an_optional_tool_that_is_not_to_be_had_stops_nothing_and_is_not_asked_for_each_time(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lib.cli.install.shutil.which", lambda _: None)
    (checkout / ".tools").mkdir()
    install.install_promtool()
    install.install_promtool()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("Optional: promtool is missing, so the alerts task will be an error") and "Fix:" in line


def test_no_python_and_an_old_one_are_one_line_each(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text(
        f"#!/bin/sh\nexec {quote(sys.executable)} -c "
        '\'import sys; sys.version_info = (3, 9, 1); sys.version = "3.9.1 x"; exec(sys.argv[1])\' "$2"\n'
    )
    old.chmod(0o755)
    for python, said in ((tmp_path / "none", "was not found. Fix:"), (old, "Python 3.9.1 is too old: 3.11 or newer is needed.")):
        done = subprocess.run(["make", "setup", f"PYTHON={python}"], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 2
        assert said in done.stderr + done.stdout
        assert "Traceback" not in done.stderr


def test_what_is_optional_and_missing_is_said_with_what_it_is_for(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lib.cli.install.shutil.which", lambda _: None)
    install.say_optional()
    browser, promtool = capsys.readouterr().out.splitlines()
    assert browser.startswith("Optional: Chromium is missing") and "browser tests. Fix: Install it" in browser
    assert promtool.startswith("Optional: promtool is missing, so the alerts task will be an error. Fix:")
    install.say_optional(but_promtool=True)
    assert capsys.readouterr().out.splitlines() == [browser]


def test_a_promtool_that_is_too_old_is_said_and_a_whole_set_up_too(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = checkout / "promtool"
    program.write_text("#!/bin/sh\necho 'promtool, version 2.42.0'\n")
    program.chmod(0o755)
    monkeypatch.setattr("lib.cli.install.shutil.which", lambda name: str(program) if name in ("promtool", "chromium") else None)
    install.say_optional()
    assert capsys.readouterr().out.startswith("Optional: promtool is older than Prometheus 3")
    program.write_text("#!/bin/sh\necho 'promtool, version 3.5.0'\n")
    install.say_optional()
    assert capsys.readouterr().out == "Set up. Nothing optional is missing either: Chromium and promtool are here.\n"


def test_an_environment_that_a_killed_set_up_left_is_made_from_the_start(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(install, "run", lambda argv, *_, **__: ran.append(list(argv)))
    monkeypatch.setattr(install, "compile_packages", lambda _: None)
    monkeypatch.setattr(install, "index_settings", lambda _: {})
    monkeypatch.setattr(install, "is_usable", lambda _: True)
    (checkout / ".venv").mkdir()
    install.install_packages()
    assert [argv[2] for argv in ran if "--clear" in argv] == ["venv"]
    ran.clear()
    (checkout / "requirements.txt").write_text("another lock\n")
    install.install_packages()
    assert ran and not [argv for argv in ran if "--clear" in argv], "a whole one is brought up to date as it is"


def test_the_stamp_is_gone_while_packages_change(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamp = checkout / ".venv" / "installed"
    stamp.parent.mkdir()
    stamp.write_text("an older lock\n")
    there: list[bool] = []
    monkeypatch.setattr(install, "run", lambda *_, **__: there.append(stamp.exists()))
    monkeypatch.setattr(install, "compile_packages", lambda _: None)
    monkeypatch.setattr(install, "index_settings", lambda _: {})
    monkeypatch.setattr(install, "is_usable", lambda _: True)
    install.install_packages()
    assert there and not any(there)


def test_every_python_of_the_environment_finds_lib_from_anywhere(checkout: Path, tmp_path: Path) -> None:
    venv = checkout / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    (checkout / "lib").mkdir()
    (checkout / "lib" / "__init__.py").write_text("found = True\n")
    install.write_path_file(venv)
    install.write_path_file(venv)
    asked = [str(venv / "bin" / "python"), "-c", "import lib; print(lib.found)"]
    done = subprocess.run(asked, cwd="/", env={}, capture_output=True, text=True)
    assert done.stdout == "True\n"


def test_the_environment_of_another_checkout_is_left_alone(checkout: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    (checkout / ".venv").symlink_to(other)
    install.write_path_file(checkout / ".venv")
    assert list(other.rglob("*.pth")) == []
