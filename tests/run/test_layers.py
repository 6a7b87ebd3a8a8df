"""Later layers win, what belongs together is replaced whole, and each value is known by the file and line it comes from."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lib.core.errors import ParamsError
from lib.core.files import write_whole
from lib.core.plain_yaml import find_lines, load_yaml
from lib.run.layers import Layer, merge_layers, misplaced, read_environment, read_project
from lib.run.params import load_params
from lib.run.params_file import belongs_together
from tests.support.layered import copy_params, describe_project

WHOLE = [("rls", "matrix"), ("rls", "scopes"), ("rls", "identities"), ("seed", "expected_counts"), ("alerts", "thresholds"),
         ("credentials", "declared"), ("not_applicable",), ("owners",), ("targets", "mail")]  # fmt: skip
MERGED = [
    ("rls",),
    ("health", "chatwoot"),
    ("health", "chatwoot", "alive"),
    ("guardrails", "rehearsal"),
    ("embedded", "fly"),
    ("targets",),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copy_params(tmp_path / "params")


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return describe_project(tmp_path / "project")


@pytest.mark.parametrize("place", WHOLE)
def test_a_projects_own_map_is_replaced_whole(place: tuple[str, ...]) -> None:
    assert belongs_together(place)


@pytest.mark.parametrize("place", MERGED)
def test_a_section_is_merged(place: tuple[str, ...]) -> None:
    assert not belongs_together(place)


def test_nothing_of_anothers_matrix_is_left(folder: Path, pack: Path) -> None:
    project = (pack / "launch" / "project.yaml").read_text()
    document = yaml.safe_load(project)
    table = "public.ideas"
    own = {"rls": {"matrix": {table: document["rls"]["matrix"][table]}, "scopes": {table: document["rls"]["scopes"][table]}}}
    write_whole(pack / "launch" / "staging.yaml", yaml.safe_dump(own))
    rls = load_params("staging", pack=str(pack), variables={}, folder=folder).sections["rls"]
    assert list(rls.matrix) == list(rls.scopes) == [table]
    assert list(rls.identities) == list(document["rls"]["identities"])


def test_each_layer_wins_over_those_before_it(folder: Path, pack: Path) -> None:
    def seen() -> tuple[float, str]:
        params = load_params("staging", pack=str(pack), variables={}, folder=folder)
        return params.sections["rls"].statement_timeout_s, params.origins["rls", "statement_timeout_s"].partition(":")[0]

    assert seen() == (10, "params/defaults.yaml")
    with (folder / "staging.yaml").open("a") as file:
        file.write("rls: {statement_timeout_s: 11}\n")
    assert seen() == (11, "params/staging.yaml")
    text = (pack / "launch" / "project.yaml").read_text()
    (pack / "launch" / "project.yaml").write_text(text.replace("rls:\n", "rls:\n  statement_timeout_s: 12\n"))
    assert seen() == (12, "launch/project.yaml")
    with (pack / "launch" / "staging.yaml").open("a") as file:
        file.write("rls: {statement_timeout_s: 13}\n")
    assert seen() == (13, "launch/staging.yaml")


def test_every_value_has_an_origin_that_names_its_line(pack: Path) -> None:
    params = load_params("production", pack=str(pack), variables={})
    where = params.origins["deploy_rehearsal", "image"]
    file, _, line = where.partition(":")
    assert "image:" in (pack / file).read_text().splitlines()[int(line) - 1]
    assert params.origins["rls", "matrix", "public.ideas", "anon"].startswith("launch/project.yaml:")
    assert params.origins["targets", "mail", "url"].startswith("params/production.yaml:")


def test_an_environment_may_extend_another(folder: Path) -> None:
    (folder / "staging_eu.yaml").write_text("extends: staging\nrun: {jobs: 1}\n")
    params = load_params("staging_eu", variables={}, folder=folder)
    assert (params.run.jobs, params.rehearsed_for[0]) == (1, "STAGING_CHATWOOT_ACCOUNT_ID")


def test_what_the_workbook_says_a_project_can_not(folder: Path, pack: Path) -> None:
    """A project that is launched must not decide what may be written, or where its targets are."""
    with (pack / "launch" / "project.yaml").open("a") as file:
        file.write("writes: [deploy]\ntargets: {database: embedded}\nrun: {jobs: 30}\n")
    with pytest.raises(ParamsError) as caught:
        load_params("staging", pack=str(pack), variables={}, folder=folder)
    lines = len((pack / "launch" / "project.yaml").read_text().splitlines())
    assert [one.partition(" ")[0] for one in caught.value.problems] == [f"launch/project.yaml:{lines - n}:" for n in (2, 1, 0)]
    assert "a project does not say `writes`" in caught.value.problems[0]


def test_what_a_project_says_the_workbook_can_not(folder: Path) -> None:
    (folder / "staging.yaml").write_text("not_applicable: {fly: we have none}\n")
    with pytest.raises(ParamsError, match=r"params/staging\.yaml:1: `not_applicable` is the project's to say"):
        load_params("staging", variables={}, folder=folder)


def test_a_project_that_says_nothing_is_told_how_to(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    with pytest.raises(ParamsError, match=r"has no launch/project\.yaml.*Fix: Let `make init PACK=") as caught:
        load_params("local", pack=str(tmp_path / "bare"), variables={}, folder=folder)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("name", ["project", "staging"])
def test_odd_files_of_a_project_are_one_sentence(folder: Path, pack: Path, name: str) -> None:
    path = pack / "launch" / f"{name}.yaml"
    for make in (
        lambda: path.write_bytes(b"\xff\xfea"),
        lambda: path.write_text("a: [1"),
        lambda: path.write_text("- a"),
        lambda: os.mkfifo(path),
        lambda: path.symlink_to("/etc/passwd"),
        lambda: path.symlink_to("nowhere"),
        path.mkdir,
    ):
        path.unlink()
        make()
        with pytest.raises(ParamsError) as caught:
            load_params("staging", pack=str(pack), variables={}, folder=folder)
        [problem] = caught.value.problems
        assert problem.startswith(f"launch/{name}.yaml")
        assert "Fix: " in problem
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else None
        if not os.path.lexists(path):
            path.write_text("")


def test_a_wrong_value_names_the_file_and_line_that_has_it(folder: Path, pack: Path) -> None:
    (pack / "launch" / "staging.yaml").write_text("\n\nrls:\n  statement_timeout_s: soon\nalert: {}\n")
    with pytest.raises(ParamsError) as caught:
        load_params("staging", pack=str(pack), variables={}, folder=folder)
    assert caught.value.problems[0].startswith("launch/staging.yaml:4: rls.statement_timeout_s: ")
    assert "launch/staging.yaml:5: unknown key 'alert'; did you mean 'alerts'?" in caught.value.problems


def test_unconfirmed_lines_are_known_by_their_place(folder: Path, pack: Path) -> None:
    text = (pack / "launch" / "project.yaml").read_text()
    marked = text.replace("    auth.users: 40\n", "    auth.users: 40  # observed 2026-11-26, unconfirmed\n")
    marked += "\nowners: {}\n" if "owners" not in text else ""
    (pack / "launch" / "project.yaml").write_text(marked)
    line = marked.splitlines().index("    auth.users: 40  # observed 2026-11-26, unconfirmed") + 1
    assert load_params("local", pack=str(pack), variables={}, folder=folder).unconfirmed == (f"launch/project.yaml:{line}",)
    (pack / "launch" / "project.yaml").write_text(marked.replace(", unconfirmed", ""))
    assert load_params("local", pack=str(pack), variables={}, folder=folder).unconfirmed == ()


VALUES = st.recursive(
    st.one_of(st.integers(-99, 99), st.text(max_size=4), st.lists(st.integers(0, 9), max_size=2)),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=3)


PLACES = st.sets(st.lists(st.sampled_from("abcd"), min_size=1, max_size=2).map(tuple))


@given(documents=st.lists(DOCUMENTS, min_size=1, max_size=4), whole=PLACES)
def test_the_last_layer_has_its_word_and_every_leaf_an_origin(
    documents: list[dict[str, object]], whole: set[tuple[str, ...]]
) -> None:
    texts = [yaml.safe_dump(one) for one in documents]
    layers = [
        Layer(where=f"{number}.yaml", document=load_yaml(text) or {}, lines=find_lines(text)) for number, text in enumerate(texts)
    ]
    merged = merge_layers(layers, is_whole=lambda place: place in whole)
    for key, value in documents[-1].items():
        if (key,) in whole or not isinstance(value, dict):
            assert merged.document[key] == value
            assert merged.origin((key,)).startswith(f"{len(documents) - 1}.yaml:")
    assert set(merged.document) == {key for one in documents for key in one}
    waiting = [((key,), value) for key, value in merged.document.items()]
    while waiting:
        place, value = waiting.pop()
        where = merged.origin(place)
        assert where
        if isinstance(value, dict):
            waiting += [((*place, key), inner) for key, inner in value.items()]
        else:
            said = documents[int(where.partition(".")[0])]
            for key in place:
                said = said[key]  # type: ignore[assignment]
            assert said == value


def test_the_layers_of_an_environment_and_of_a_project_come_in_their_order(folder: Path, pack: Path) -> None:
    assert [one.where for one in read_environment("staging", folder)] == ["params/defaults.yaml", "params/staging.yaml"]
    assert [one.where for one in read_project("staging", pack, named="x")] == ["launch/project.yaml", "launch/staging.yaml"]
    assert [one.where for one in read_project("local", pack, named="x")] == ["launch/project.yaml"]
    assert not list(misplaced(read_project("local", pack, named="x")[0], is_projects=True))
