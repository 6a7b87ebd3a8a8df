"""Each kind of fault is found by the check that is about it, and each harmless change by none; the vault stays as it was."""

from __future__ import annotations

from pathlib import Path

from lib.core.faults import End
from lib.tasks.credentials import looks as credentials
from lib.tasks.credentials.faults import FAULTS
from tests.support.credential_worlds import copy_pack, open_world
from tests.support.faults import try_faults, unfound


def test_every_fault_is_found_and_nothing_else(tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    files = {path: (path.read_bytes(), path.stat()) for path in (pack / "vault").rglob("*") if path.is_file()}
    trials = []
    with open_world(tmp_path, pack) as context:
        vault = credentials.look_at_vault(context).facts
        for look in (credentials.look_at_vault, credentials.look_at_permissions, credentials.look_at_environments):
            trials += try_faults(FAULTS, look, context, tmp_path)
        for look_at in (credentials.look_at_fly, credentials.look_at_github):
            trials += try_faults(FAULTS, look_at, context, tmp_path, vault=vault)
        assert not (context.work / "faults" / "vault").exists()
    assert unfound(trials) == []
    assert {one.check for one in trials if one.end is End.FOUND} == {
        one.check.id for one in FAULTS.operators if not one.is_harmless
    }
    assert {path: (path.read_bytes(), path.stat()) for path in files} == files


def test_a_vault_that_is_a_server_is_left_alone(tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    with open_world(tmp_path, pack, embedded={"credentials": {"vault": "hashicorp"}}) as context:
        trials = try_faults(FAULTS, credentials.look_at_vault, context, tmp_path, only="placeholder", most=2)
    assert {one.end for one in trials} == {End.NOT_MADE}
    assert {one.said for one in trials} == {"The vault is no folder of this machine, so no copy of it is changed."}
