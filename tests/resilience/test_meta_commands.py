"""A slice of the experiment: every command of psql once, in a place and a kind of file by chance."""

from __future__ import annotations

from pathlib import Path

from lib.embedded.postgres.server import EmbeddedPostgres
from tests.resilience.meta_commands import ARGUMENTS, build_cases, choose, try_commands


def test_no_command_of_psql_runs_and_each_is_named(postgres_server: EmbeddedPostgres, base: Path) -> None:
    found = try_commands(postgres_server, base, share=0.02, seed=1)
    assert found.problems == ()
    assert found.tried >= len(ARGUMENTS)


def test_a_share_has_every_command(tmp_path: Path) -> None:
    cases = build_cases(tmp_path / "marker", tmp_path / "script")
    assert {case.command for case in choose(cases, share=0.001, seed=2)} == set(ARGUMENTS)
    assert len(choose(cases, share=1, seed=3)) == len(cases)
