"""The deployment runbook: its commands run, its targets exist, its times come from evidence."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lib.core.paths import ROOT
from lib.core.results import Outcome, Provenance
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.evidence.log import EvidenceLine
from lib.reporters.documents.runbook import fill_runbook, measured_times
from lib.tasks.backup_restore.backup import take_backup
from lib.tasks.backup_restore.store import hold_store
from lib.transport.database import Database
from tests.support.fly_worlds import PRODUCTION, fill, flyctl_json, reference, standing_fly, wait_passing

RUNBOOK = ROOT / "pack/docs/runbooks/production_deployment.md"
TEXT = RUNBOOK.read_text()
BLOCKS = re.findall(r"^```bash\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def database(postgres_server: EmbeddedPostgres) -> Iterator[Database]:
    yield fill(postgres_server.create_hosted_database("runbook_tests"))
    postgres_server.drop_database("runbook_tests")


def test_every_command_runs_in_order(database: Database, postgres_server: EmbeddedPostgres, tmp_path: Path) -> None:
    store = tmp_path / "backups"
    with hold_store(store):
        taken = take_backup(database, store, environment="local", programs=postgres_server.bin_dir, jobs=1, timeout_s=60)
        taken.close()
    with standing_fly(database) as fly:
        wait_passing(fly, PRODUCTION)
        environment = {
            "PATH": f"{fly.flyctl.parent}:{postgres_server.bin_dir}:/usr/local/bin:/usr/bin:/bin",
            "ROLLBACK_STATE_DIR": str(tmp_path / "state"), "HOME": str(tmp_path),
            "DATABASE_URL": database.url, "RESTORE_POINT": str(taken.folder),
        }  # fmt: skip
        images = []
        for number, block in enumerate(BLOCKS):
            known = "".join(line + "\n" for one in BLOCKS[:number] for line in one.splitlines() if re.match(r"[A-Z_]+=", line))
            done = subprocess.run(
                ["bash", "-eu", "-c", known + block],
                cwd=ROOT / "pack",
                env=environment,
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
            images.append({one["config"]["image"] for one in flyctl_json(fly, "machine", "list", "--app", PRODUCTION)})
    current, candidate = {reference("current", PRODUCTION)}, {reference("candidate", PRODUCTION)}
    assert images == [current] * 4 + [candidate] * 2 + [current] * 2


def test_there_are_commands_and_every_make_target_exists() -> None:
    assert len(BLOCKS) >= 7
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([a-z-]+)", TEXT):
        assert re.search(rf"^({re.escape(target)}|%-{target.rpartition('-')[2]}):", makefile, re.MULTILINE), target


def test_exit_codes_in_the_runbook_are_the_scripts() -> None:
    script = (ROOT / "pack/scripts/ops/rollback-production.sh").read_text() + (
        ROOT / "pack/scripts/ops/database.bash"
    ).read_text()
    for code in (5, 6, 8, 9, 10):
        assert re.search(rf"stop(_said)? {code} ", script), code


def line(check: str, **changes: object) -> EvidenceLine:
    said = {
        "run_id": "20261123T114500Z-abcd", "environment": "staging", "task": "deploy_rehearsal",
        "check": f"deploy_rehearsal.{check}",
        "result": Outcome.PASS, "gate": True, "provenance": Provenance.SIMULATED, "observed": 1.25, "expected": 300, "unit": "s",
        "started_at": datetime(2026, 11, 23, 11, 45, tzinfo=UTC), "duration_s": 1.0,
    }  # fmt: skip
    return EvidenceLine.model_validate({**said, **changes})


def test_times_are_filled_in_between_the_marks() -> None:
    filled = fill_runbook(TEXT, [line("rollback_is_quick")], evidence="x.html")
    assert "| rollback, from the command until every machine is healthy | 1.25 s | 300 s |" in filled
    assert "20261123T114500Z-abcd" in filled
    assert "Evidence: x.html." in filled
    assert filled.replace(measured_times([line("rollback_is_quick")]), "").count("\n## ") == TEXT.count("\n## ")
    assert fill_runbook(filled, [line("rollback_is_quick", observed=2.5)], evidence="").count("2.5 s") == 1


def test_nothing_measured_changes_nothing() -> None:
    assert fill_runbook(TEXT, [], evidence="x") == TEXT
    assert fill_runbook(TEXT, [line("rollback_is_quick", result=Outcome.ERROR)], evidence="x") == TEXT
    assert fill_runbook("no marks", [line("rollback_is_quick")], evidence="x") == "no marks"
