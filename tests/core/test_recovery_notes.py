"""Who stops a deploy half way is told what state it leaves, and the way back."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from lib.core.paths import ROOT
from lib.core.recovery_notes import read_notes, remove_recovery_note, write_recovery_note
from lib.embedded.state_folders import state_base


def test_a_note_stays_until_it_is_removed(tmp_path: Path) -> None:
    assert read_notes(tmp_path) == {}
    write_recovery_note(tmp_path, "deploy_rehearsal", "half way\n")
    write_recovery_note(tmp_path, "deploy_rehearsal", "further\npostgresql://user:very-secret@host/db")
    assert read_notes(tmp_path) == {"deploy_rehearsal": "further\npostgresql://user:[redacted]@host/db"}
    remove_recovery_note(tmp_path, "deploy_rehearsal")
    remove_recovery_note(tmp_path, "deploy_rehearsal")
    assert read_notes(tmp_path) == {}


def test_ctrl_c_during_a_run_prints_state_and_way_back(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "lib", "run", "local", "--only", "deploy_rehearsal", "--rendered", str(tmp_path)]

    def notes() -> list[Path]:
        runs = [folder.name for folder in tmp_path.glob("*/local/*") if not folder.is_symlink()]
        return [note for run in runs for note in state_base(ROOT).glob(f"{run}/work/left_behind/*.txt")]

    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        while run.poll() is None and not notes():
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)
        said, _ = run.communicate(timeout=120)
    assert run.returncode == 130, said
    assert "deploy_rehearsal left something behind" in said
    assert "machine " in said
    assert "rollback-production.sh --app idea-board-staging" in said
    kept = next(tmp_path.glob("*/local/*/artifacts/deploy_rehearsal/left_behind.txt")).read_text()
    assert "rollback-production.sh" in kept
