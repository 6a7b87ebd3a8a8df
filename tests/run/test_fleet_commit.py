"""A run becomes a result once: whole, read back, claimed by one attempt, in memory as in a folder."""

from __future__ import annotations

import hashlib
import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lib.core.errors import TargetError
from lib.run.fleet_commit import Committed, commit, describe_run, find_committed, incoming
from lib.transport.storage import Storage, open_storage


@pytest.fixture(params=["folder", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return open_storage(f"memory://{secrets.token_hex(6)}" if request.param == "memory" else str(tmp_path / "results"))


def make_run(folder: Path, run_id: str) -> Path:
    """Return a sealed run's folder, as small as one can be."""
    run = folder / run_id
    (run / "artifacts").mkdir(parents=True)
    (run / "artifacts" / "one.txt").write_text(f"of {run_id}")
    files = {"artifacts/one.txt": {"sha256": hashlib.sha256(f"of {run_id}".encode()).hexdigest()}}
    about = {"run_id": run_id, "verdict": "REHEARSED", "finished": True, "partial": False, "pack_commit": None}
    times = {"started_at": "2026-11-01T00:00:00+00:00", "ended_at": "2026-11-01T00:01:00+00:00"}
    (run / "manifest.json").write_text(json.dumps({**about, **times, "files": files}))
    (run / "manifest.dsse.json").write_text("{}")
    return run


def describe(run: Path, attempt: str) -> Committed:
    member = {"project": "p", "environment": "local"}
    return describe_run(run, fleet="f", attempt=attempt, member=member, exit_code=0, is_live=False)


def test_a_run_arrives_as_it_was_sealed(storage: Storage, tmp_path: Path) -> None:
    run = make_run(tmp_path, "r1")
    result = commit(storage, run, describe(run, "a1"))
    assert storage.read("p/local/r1/artifacts/one.txt") == b"of r1"
    assert storage.read("p/local/r1/manifest.json") == (run / "manifest.json").read_bytes()
    assert find_committed(storage, "f", "p", "local") == result
    assert not storage.exists(incoming("f", "a1"))


def test_of_many_attempts_one_counts_and_the_others_leave_nothing(storage: Storage, tmp_path: Path) -> None:
    runs = [make_run(tmp_path, f"r{number}") for number in range(8)]
    with ThreadPoolExecutor(8) as executor:
        results = list(executor.map(lambda run: commit(storage, run, describe(run, f"of-{run.name}")), runs))
    assert len(set(results)) == 1
    assert [run.name for run in runs if storage.exists(f"p/local/{run.name}")] == [results[0].run_id]
    assert not [run for run in runs if storage.exists(incoming("f", f"of-{run.name}"))]


def test_what_was_claimed_and_not_brought_to_its_place_is_by_the_next_who_looks(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path, "r1")

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "move", cut_off)
        with pytest.raises(KeyboardInterrupt):
            commit(storage, run, describe(run, "a1"))
    assert not storage.exists("p/local/r1/manifest.json")
    found = find_committed(storage, "f", "p", "local")
    assert found is not None and found.attempt == "a1"
    assert storage.read("p/local/r1/artifacts/one.txt") == b"of r1"


def test_a_file_that_comes_back_changed_is_no_result(storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path, "r1")
    monkeypatch.setattr(Storage, "digest", lambda *_: "0" * 64)
    with pytest.raises(TargetError, match="came back changed"):
        commit(storage, run, describe(run, "a1"))
    assert find_committed(storage, "f", "p", "local") is None
    assert not storage.exists(incoming("f", "a1"))


def test_a_run_without_its_whole_seal_is_none(tmp_path: Path) -> None:
    run = make_run(tmp_path, "r1")
    (run / "manifest.dsse.json").unlink()
    with pytest.raises(OSError):
        describe(run, "a1")
