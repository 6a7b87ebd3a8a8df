"""The version that a run starts is read from the live target, else from the project, and never stops a start by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lib.core.errors import WorkbookError
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.run.params import Params, load_params
from lib.run.server_version import choose_server, own_programs


@pytest.fixture
def params(tmp_path: Path) -> Params:
    """Return local params of a pack without any file."""
    return replace(load_params("local", variables={}), pack=tmp_path)


def write_config(params: Params, text: str) -> None:
    (params.pack / "supabase").mkdir()
    (params.pack / "supabase" / "config.toml").write_text(text)


def test_a_live_target_is_asked(params: Params, postgres_18_server: EmbeddedPostgres) -> None:
    write_config(params, "[db]\nmajor_version = 17\n")
    live = replace(params, addresses={"database": {"url": postgres_18_server.postgres_url}})
    assert choose_server(live).major == 18


def test_a_live_target_that_does_not_answer_leaves_it_to_the_project(params: Params) -> None:
    write_config(params, "[db]\nmajor_version = 15\n")
    live = replace(params, addresses={"database": {"url": "postgresql://nobody:nothing@127.0.0.1:9/none?sslmode=disable"}})
    assert choose_server(live).major == 15


def test_the_projects_config_is_read(params: Params) -> None:
    write_config(params, "[db]\nmajor_version = 18\n")
    assert choose_server(params).major == 18


UNSAID = [None, "", "[db\n", "db = 3\n", '[db]\nmajor_version = "fifteen"\n', "[db]\nmajor_version = true\n"]


@pytest.mark.parametrize("text", UNSAID)
def test_a_config_that_does_not_say_means_17(params: Params, text: str | None) -> None:
    if text is not None:
        write_config(params, text)
    assert choose_server(params).major == 17


def test_a_version_that_is_not_here_names_the_file_and_the_key(params: Params) -> None:
    write_config(params, "[db]\nmajor_version = 14\n")
    with pytest.raises(WorkbookError, match=r"config.toml: \[db\] major_version is 14, .* only 15, 17 and 18\. Fix: "):
        choose_server(params)


def test_an_installation_of_ones_own_decides(params: Params, tmp_path: Path) -> None:
    write_config(params, "[db]\nmajor_version = 15\n")
    own = replace(params, run=params.run.model_copy(update={"postgres_bin": str(tmp_path)}))
    with pytest.raises(WorkbookError, match=f"run.postgres_bin is {tmp_path}, and it has no postgres"):
        choose_server(own)
    assert own_programs(own) == tmp_path
    assert own_programs(params) is None
