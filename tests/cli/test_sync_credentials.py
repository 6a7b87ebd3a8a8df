"""A sync plans first, sets only what differs, proves that it arrived, stops at the first failure, and shows no value."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shlex import quote

import psutil
import pytest

from lib.cli import sync_credentials as sync
from lib.clients.fly.flyctl import Fly
from lib.clients.github import GitHub
from lib.clients.vault.vault_copy import VaultCopy, open_vault, read_copy
from lib.core.paths import ROOT
from lib.core.permissions import Act
from lib.embedded.fly.control import call
from lib.embedded.fly.start import EmbeddedFly, Switches, start_fly
from lib.embedded.state_folders import state_base
from lib.embedded.vendors.github import GitHubStandIn
from lib.run.params import is_apply
from lib.tasks.credentials.sync import Done, Outcome, Setter, Step, carry_out, plan_problems
from tests.support.credential_worlds import copy_pack, load, open_world
from tests.support.forked_commands import run_command

APP = "idea-board-staging"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return copy_pack(tmp_path)


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHubStandIn]:
    with GitHubStandIn(slug="example/idea-board", environments=["local"], folder=tmp_path) as running:
        yield running


@pytest.fixture
def platform(tmp_path: Path, pack: Path) -> Iterator[EmbeddedFly]:
    with start_fly(state_base(ROOT) / f"tests-{os.getpid()}-sync", pack=pack, secrets={}, switches=Switches()) as running:
        yield running


@pytest.fixture
def copy(tmp_path: Path, pack: Path) -> VaultCopy:
    settings = load(tmp_path, pack).sections["credentials"]
    vault = open_vault({"url": str(pack / "vault/occ"), "token": ""}, settings, pack=pack, path="local")
    return read_copy(vault, settings)


def setter_of(platform: EmbeddedFly, github: GitHubStandIn, **changes: object) -> Setter:
    fly = Fly(program=platform.flyctl, app=APP, timeout_s=30, folder=platform.state_dir)
    site = GitHub(url=github.base_url, repository=github.slug, timeout_s=10, token=github.token)
    return replace(Setter(fly=fly, github=site, environment="local"), **changes)  # type: ignore[arg-type]


def step(name: str, target: str) -> Step:
    return Step(name=name, target=target, where=target, why="add it")


def steps_of(copy: VaultCopy) -> list[Step]:
    return [step(one.name, target) for one in copy.declared for target in one.needed_by if target != "mcp"]


def test_every_value_arrives_in_every_target_byte_for_byte(platform: EmbeddedFly, github: GitHubStandIn, copy: VaultCopy) -> None:
    done = list(carry_out(steps_of(copy), copy.values, setter_of(platform, github)))
    assert {one.outcome for one in done} == {Outcome.SET}
    held = {
        "fly": {one["name"]: one["value"].encode() for one in call(platform.data_dir, "secret_values", name=APP)},
        "github_environment": {name: kept.value for name, kept in github.environments["local"].secrets.items()},
        "github_repository": {name: kept.value for name, kept in github.repository.secrets.items()},
    }
    for target, values in held.items():
        declared = {one.name: copy.values[one.name].value.encode() for one in copy.declared if target in one.needed_by}
        assert values == declared


def test_the_first_failure_stops_it_and_the_rest_is_not_tried(
    platform: EmbeddedFly, github: GitHubStandIn, copy: VaultCopy, tmp_path: Path
) -> None:
    moody = tmp_path / "flyctl"
    moody.write_text(
        f'#!/bin/sh\ncase "$*" in *PUBLER_API_KEY*) cat >&2; exit 1;; esac\nexec {quote(str(platform.flyctl))} "$@"\n'
    )
    moody.chmod(0o755)
    setter = setter_of(platform, github, fly=Fly(program=moody, app=APP, timeout_s=30, folder=tmp_path))
    steps = [step("CHATWOOT_API_TOKEN", "fly"), step("PUBLER_API_KEY", "fly"), step("PUBLER_API_KEY", "github_environment")]
    done = list(carry_out(steps, copy.values, setter))
    assert [one.outcome for one in done] == [Outcome.SET, Outcome.FAILED, Outcome.NOT_TRIED]
    assert copy.values["PUBLER_API_KEY"].value not in repr(done)
    assert github.environments["local"].secrets == {}


def test_what_the_target_does_not_show_afterwards_did_not_arrive(
    platform: EmbeddedFly, github: GitHubStandIn, copy: VaultCopy, tmp_path: Path
) -> None:
    deaf = tmp_path / "flyctl"
    deaf.write_text('#!/bin/sh\ncase "$*" in *list*) echo "[]";; *) cat >/dev/null;; esac\n')
    deaf.chmod(0o755)
    setter = setter_of(platform, github, fly=Fly(program=deaf, app=APP, timeout_s=30, folder=tmp_path))
    done: list[Done] = list(carry_out([step("PUBLER_API_KEY", "fly")], copy.values, setter))
    assert [one.outcome for one in done] == [Outcome.FAILED]
    assert "does not list it" in done[0].failure


def test_a_plan_that_can_t_be_carried_out_whole_is_told_before_anything_is_set(copy: VaultCopy) -> None:
    odd = replace(copy.values["PUBLER_API_KEY"], value='hunter2"#\nhunter2\r\n')
    problems = plan_problems([step("PUBLER_API_KEY", "fly"), step("NOT_THERE", "github_environment")], {"PUBLER_API_KEY": odd})
    assert len(problems) == 2
    assert "hunter2" not in "".join(problems)


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("", False), ("0", False), ("yes", False), ("true", False)])
def test_only_apply_1_applies(value: str, expected: bool) -> None:
    assert is_apply({"APPLY": value}) is expected


def test_production_needs_to_be_said_twice(tmp_path: Path, pack: Path) -> None:
    with open_world(tmp_path, pack) as context:
        bare = replace(load(tmp_path, pack), rehearsal=False)
        assert "does not list credentials" in sync.refuse(bare, context)
        live = replace(bare, granted=frozenset({Act.CREDENTIALS}))
        production = replace(live, environment="production")
        assert sync.refuse(live, context) == ""
        assert "ALLOW_WRITES=production" in sync.refuse(production, context)
        assert sync.refuse(replace(production, production_writes_allowed=True), context) == ""
        unnamed = live.sections["deploy_rehearsal"].model_copy(update={"production_apps": []})
        open_which = replace(live, sections={**live.sections, "deploy_rehearsal": unnamed})
        assert "ALLOW_WRITES=production" in sync.refuse(open_which, context)


def sync_local(pack: Path, apply: str) -> subprocess.CompletedProcess[str]:
    return run_command("sync-credentials", "local", "--pack", str(pack), env={**os.environ, "APPLY": apply}, timeout_s=120)


def test_a_dry_run_shows_the_plan_and_sets_nothing(pack: Path) -> None:
    done = sync_local(pack, "")
    assert done.returncode == 0, done.stderr
    assert "Dry run: nothing was set" in done.stdout
    assert "set and read back" not in done.stdout


def test_a_sync_leaves_no_value_in_ps_or_in_what_it_says(pack: Path, copy: VaultCopy) -> None:
    words = [sys.executable, "-m", "lib", "sync-credentials", "local", "--pack", str(pack)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "APPLY": "1"}
    process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    seen: set[str] = set()
    while process.poll() is None:
        for one in psutil.process_iter():
            try:
                seen.add("\n".join(one.cmdline()))
            except psutil.Error:
                continue
    assert process.stdout is not None
    said = process.stdout.read()
    process.stdout.close()
    assert process.returncode == 0, said
    assert "9 values set and read back" in said
    assert any("secrets\nset" in line for line in seen)
    shown = said + "".join(seen)
    assert [name for name, one in copy.values.items() if one.value.strip() in shown] == []


def test_a_placeholder_is_refused_and_nothing_is_set(pack: Path) -> None:
    (pack / "vault/occ/local/tile_signing_key.txt").write_text("changeme\n")
    done = sync_local(pack, "1")
    assert done.returncode == 1
    assert "Nothing was set" in done.stderr
    assert "set and read back" not in done.stdout


class TestDoors:
    """The shell doors are tried where they are, by the workbook's own Python."""

    door = ROOT / "pack" / "scripts" / "ops"

    def test_sync_secrets_plans_from_anywhere(self, tmp_path: Path) -> None:
        done = subprocess.run([self.door / "sync-secrets.sh", "local"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert (done.returncode, "Dry run" in done.stdout) == (0, True), done.stderr

    def test_load_mcp_secrets_puts_them_into_the_environment_alone(self, tmp_path: Path) -> None:
        script = 'test -n "$PUBLER_API_KEY" && test -n "$CHATWOOT_API_TOKEN" && test -z "$TILE_SIGNING_KEY" && pwd'
        words = [self.door / "load-mcp-secrets.sh", "local", "--", "sh", "-c", script]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout.strip()) == (0, str(tmp_path)), done.stderr

    @pytest.mark.parametrize(
        "words", [["sync-secrets.sh"], ["load-mcp-secrets.sh", "local"], ["load-mcp-secrets.sh", "local", "x", "y"]]
    )
    def test_wrong_words_are_told(self, words: list[str]) -> None:
        done = subprocess.run([self.door / words[0], *words[1:]], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2
        assert done.stderr.startswith("Usage: ")

    @pytest.mark.parametrize("words", [["sync-secrets.sh", "local"], ["load-mcp-secrets.sh", "local", "--", "true"]])
    def test_a_project_elsewhere_is_told_what_does_the_work_and_how_to_name_it(self, tmp_path: Path, words: list[str]) -> None:
        shutil.copytree(self.door, tmp_path / "project/scripts/ops")
        half = tmp_path / "half"
        (half / "lib").mkdir(parents=True)
        (half / "lib/__main__.py").touch()
        for workbook, said in (
            ({}, "run `make setup` in it, and set LAUNCH_WORKBOOK to its folder"),
            ({"LAUNCH_WORKBOOK": str(tmp_path / "nowhere")}, f"There is no launch workbook at {tmp_path / 'nowhere'}"),
            ({"LAUNCH_WORKBOOK": str(half)}, f"The launch workbook at {half} is not installed. Fix: Run `make setup` there."),
        ):
            done = subprocess.run(
                [tmp_path / "project/scripts/ops" / words[0], *words[1:]],
                env={"PATH": os.environ["PATH"], **workbook},
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
            assert said in done.stderr

    def test_a_project_elsewhere_works_with_the_workbook_that_a_variable_names(self, pack: Path) -> None:
        shutil.copytree(self.door, pack / "scripts/ops", dirs_exist_ok=True)
        script = 'test -n "$PUBLER_API_KEY" && test -z "$TILE_SIGNING_KEY" && echo loaded'
        words = [pack / "scripts/ops/load-mcp-secrets.sh", "local", "--", "sh", "-c", script]
        named = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LAUNCH_WORKBOOK": os.path.relpath(ROOT)}
        done = subprocess.run(words, env=named, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout.strip()) == (0, "loaded"), done.stderr

    def test_a_command_that_is_not_there_is_told(self) -> None:
        words = [self.door / "load-mcp-secrets.sh", "local", "--", "no-such-command-here"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2
        assert "cannot be started" in done.stderr
        assert "Traceback" not in done.stderr
