"""What a fleet is made of: said by lists or by a file, a line for each mistake, a name a project, no value of a variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.core.errors import ParamsError
from lib.run.fleet_plan import choose_names, cross, read_fleet
from tests.support.credential_worlds import copy_pack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    return tmp_path


def problems_of(folder: Path, text: str) -> list[str]:
    file = folder / "fleet.yaml"
    file.write_text(text)
    with pytest.raises(ParamsError) as caught:
        read_fleet(file)
    return list(caught.value.problems)


def test_each_project_is_run_in_each_environment(folder: Path) -> None:
    members = cross(["a", "b"], ["local", "staging"], base=folder, only=["rls"])
    assert [one.name for one in members] == ["a/local", "a/staging", "b/local", "b/staging"]
    assert {one.only for one in members} == {("rls",)}


def test_a_file_says_the_same_and_what_each_is_given(folder: Path) -> None:
    (folder / "fleet.yaml").write_text(
        "- {pack: a, environment: local}\n"
        "- pack: b\n  environment: staging\n  only: [rls, seed]\n"
        "  variables: {STAGING_DATABASE_URL: 'file:/run/secrets/b', STAGING_FLY_API_TOKEN: 'vault:secret/b#fly'}\n"
    )
    first, second = read_fleet(folder / "fleet.yaml")
    assert (first.project, first.only, first.pack) == ("a", (), str(folder / "a"))
    assert second.only == ("rls", "seed")
    assert second.variables["STAGING_DATABASE_URL"] == "file:/run/secrets/b"
    assert second.optional == frozenset()


def test_a_variable_has_the_projects_own_prefix_when_none_is_named(folder: Path) -> None:
    [member] = cross(["a"], ["staging"], base=folder)
    assert member.variables["STAGING_DATABASE_URL"] == "A__STAGING_DATABASE_URL"
    assert member.optional == set(member.variables)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{pack: c, environment: local}", "there is no folder"),
        ("{pack: a, environment: locall}", "did you mean local?"),
        ("{pack: a}", "`environment` must be a text"),
        ("{pack: a, environment: local, onli: []}", "unknown key 'onli'; did you mean 'only'?"),
        ("{pack: a, environment: local, only: rls}", "`only` must be a list"),
        ("{pack: a, environment: local, only: [rsl]}", "did you mean rls?"),
        ("{pack: a, environment: local, variables: [A]}", "`variables` must be a mapping"),
        ("{pack: a, environment: local, variables: {a: A}}", "is no name of a variable"),
        ("{pack: a, environment: local, variables: {A: 'file:x'}}", "must be absolute"),
        ("{pack: a, environment: local, variables: {A: 'vault:x'}}", "is no place in a vault"),
        ("{pack: a, environment: local, variables: {ALLOW_WRITES: B}}", "writes to nothing live"),
        ("text", "must be a mapping"),
    ],
)
def test_each_mistake_is_one_line_that_says_where(folder: Path, entry: str, said: str) -> None:
    [problem] = problems_of(folder, f"- {entry}\n")
    assert problem.startswith("fleet.yaml: entry 1")
    assert said in problem


def test_a_value_in_the_place_of_a_reference_is_refused_and_not_repeated(folder: Path) -> None:
    [problem] = problems_of(folder, "- {pack: a, environment: local, variables: {A: 'postgres://u:hunter2@h/d'}}\n")
    assert "a value never travels" in problem
    assert "hunter2" not in problem


def test_all_mistakes_are_told_at_once(folder: Path) -> None:
    assert len(problems_of(folder, "- {pack: c, environment: local}\n- {pack: a, environment: nowhere}\n")) == 2


@pytest.mark.parametrize("text", ["", "pack: a\n", "[]\n"])
def test_a_file_that_is_no_list_is_one_line(folder: Path, text: str) -> None:
    [problem] = problems_of(folder, text)
    assert "must be a list" in problem


def test_one_project_twice_is_refused(folder: Path) -> None:
    [problem] = problems_of(folder, "- {pack: a, environment: local}\n- {pack: ./a, environment: local}\n")
    assert "more than once" in problem


def test_projects_of_one_name_are_told_apart(tmp_path: Path) -> None:
    packs = [copy_pack(tmp_path / name) for name in ("one", "two")]
    names = choose_names(map(str, packs))
    assert len(set(names.values())) == 2
    assert choose_names([str(packs[0])]) == {str(packs[0]): "idea-board"}


def test_names_that_one_prefix_would_serve_are_told_apart(tmp_path: Path) -> None:
    packs = [tmp_path / "a-b", tmp_path / "a_b"]
    for pack in packs:
        pack.mkdir()
    members = cross(map(str, packs), ["staging"], base=tmp_path)
    given = [set(one.variables.values()) for one in members]
    assert not given[0] & given[1]
