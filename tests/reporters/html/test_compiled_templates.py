"""Templates kept compiled: the same page whether they were, could not be, or were damaged meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from lib.reporters.html import compiled_templates
from lib.reporters.html.compiled_templates import CompiledTemplates

SOURCE = {"page": "{% for one in many %}<p>{{ one }}</p>{% endfor %}"}
PAGE = "<p>&lt;a&gt;</p><p>b</p>"


def render(source: dict[str, str] = SOURCE) -> str:
    environment = Environment(loader=DictLoader(source), autoescape=True, bytecode_cache=CompiledTemplates())
    return environment.get_template("page").render(many=["<a>", "b"])


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(compiled_templates, "BYTE_CODE", tmp_path / "kept")
    return tmp_path / "kept"


def test_a_template_is_compiled_once(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert render() == PAGE
    assert len([path for path in kept.rglob("*") if path.is_file()]) == 1
    monkeypatch.setattr(Environment, "_generate", None)  # a second compilation would call it
    assert render() == PAGE


def test_a_changed_template_is_compiled_anew(kept: Path) -> None:
    assert render() == PAGE
    assert render({"page": "{{ many | length }}"}) == "2"


@pytest.mark.parametrize("damage", [b"", b"no byte code at all", None])
def test_what_is_damaged_is_compiled_anew(kept: Path, damage: bytes | None) -> None:
    assert render() == PAGE
    for path in [path for path in kept.rglob("*") if path.is_file()]:
        path.write_bytes(path.read_bytes()[:-20] if damage is None else damage)
    assert render() == PAGE


def test_without_a_place_to_keep_them_the_page_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(compiled_templates, "BYTE_CODE", tmp_path / "file" / "kept")
    assert render() == PAGE
