"""A project's own task works as it is written: it runs beside ours, and a broken one stops nobody else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lib.cli.new_own_task import new_own_task
from lib.core.errors import ParamsError
from lib.run.own_tasks import CONTRACT, FOLDER
from tests.support.forked_commands import run_command
from tests.support.layered import describe_project


def run(pack: Path, rendered: Path, only: str) -> tuple[int, str, dict[str, str]]:
    """Return the exit code, what was printed, and what each check came to."""
    done = run_command("run", "local", "--only", only, "--pack", str(pack), "--rendered", str(rendered), timeout_s=240)
    [folder] = [path.parent for path in rendered.glob("*/local/*/evidence.jsonl") if not path.parent.is_symlink()]
    lines = [json.loads(line) for line in (folder / "evidence.jsonl").read_text().splitlines()]
    for name in only.split(","):
        assert (folder / f"{name}.html").is_file()
    return done.returncode, done.stdout + done.stderr, {line["check"]: line["result"] for line in lines}


def test_a_new_task_passes_beside_a_broken_one_and_writes_nothing_to_the_project(tmp_path: Path) -> None:
    pack = describe_project(tmp_path / "project")
    new_own_task("cdn_cache", pack=pack)
    new_own_task("bad_looks", pack=pack)
    (pack / FOLDER / "bad_looks" / "looks.py").write_text("raise RuntimeError('no')\n")
    new_own_task("bad_contract", pack=pack)
    (pack / FOLDER / "bad_contract" / CONTRACT).write_text("version: 9\n")
    before = sorted(path for path in pack.rglob("*"))
    code, printed, results = run(pack, tmp_path / "rendered", "cdn_cache,bad_looks,bad_contract")
    assert results["cdn_cache.files_are_there"] == "pass"
    assert results["bad_looks.files_are_there"] == "error"
    assert results["bad_contract.contract_can_be_read"] == "error"
    assert code == 2, printed
    assert "version: input should be 1" in printed
    assert "Traceback" not in printed
    assert sorted(path for path in pack.rglob("*")) == before


@pytest.mark.parametrize("name", ["rls", "Cdn", "json", "a" * 31, ""])
def test_a_name_that_can_be_none_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(ParamsError, match=f"NAME={name}: "):
        new_own_task(name, pack=tmp_path)


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    new_own_task("cdn_cache", pack=tmp_path)
    with pytest.raises(ParamsError, match="is there already"):
        new_own_task("cdn_cache", pack=tmp_path)
    with pytest.raises(ParamsError, match="there is no such folder"):
        new_own_task("cdn_cache", pack=tmp_path / "nowhere")
