"""The schemas take what is shipped, say what a key means, and refuse what the loader refuses by its form."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from lib.cli.list_checks import SCHEMAS, schema_files
from lib.core.paths import ROOT
from lib.run.schemas import describe_layers, find_meanings

FILES = [*sorted((ROOT / "params").glob("*.yaml")), *sorted((ROOT / "pack" / "launch").glob("*.yaml"))]
HEAD = re.compile(r"# yaml-language-server: \$schema=(\S+)")


def named_schema(path: Path) -> Path:
    """Return the schema that a file's first line names."""
    match = HEAD.fullmatch(path.read_text().splitlines()[0])
    assert match is not None, f"{path} names no schema in its first line"
    return (path.parent / match.group(1)).resolve()


def test_the_shipped_schemas_are_as_generated() -> None:
    for path, text in schema_files().items():
        assert (ROOT / path).read_text() == text, f"{path}: run `python -m lib list --write`"
    assert {path.name for path in (ROOT / SCHEMAS).iterdir()} == {Path(path).name for path in schema_files()}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_shipped_file_meets_the_schema_that_it_names(path: Path) -> None:
    schema = json.loads(named_schema(path).read_text())
    Draft202012Validator.check_schema(schema)
    assert list(Draft202012Validator(schema).iter_errors(yaml.safe_load(path.read_text()) or {})) == []


@pytest.mark.parametrize(
    ("layer", "document", "is_good"),
    [
        ("project", {"name": "x", "not_applicable": {"fly": "no fly.toml here"}}, True),
        ("project", {"not_applicable": {"fly": ""}}, False),
        ("project", {"writes": ["deploy"]}, False),
        ("project", {"rls": {"matrix": {"public.t": {"anon": {"select": "deny"}}}}}, True),
        ("project", {"rls": {"matrix": {"public.t": {"anon": {"slect": "deny"}}}}}, False),
        ("project", {"credentials": {"declared": {"A": {"vault": "a.txt"}}}}, False),
        ("project", {"seed": {"expectd_counts": {}}}, False),
        ("environment", {"extends": "staging", "writes": ["deploy"]}, True),
        ("environment", {"writes": ["everything"]}, False),
        ("environment", {"owners": {"default": "me"}}, False),
        ("defaults", {"extends": "local"}, False),
        ("launch_list", {"items": [{"number": 1, "title": "A", "checks": ["rls.pgtap_tests_pass"]}]}, True),
        ("launch_list", {"items": []}, False),
    ],
)
def test_a_layer_is_taken_or_refused_by_its_form(layer: str, document: object, is_good: bool) -> None:
    assert Draft202012Validator(describe_layers()[layer]).is_valid(document) is is_good


def test_a_key_says_what_it_means() -> None:
    schema = describe_layers()["project"]
    assert "longest ACCESS EXCLUSIVE" in schema["$defs"]["Migrations"]["properties"]["max_exclusive_lock_ms"]["description"]
    for layer in ("defaults", "environment", "project"):
        for name, one in describe_layers()[layer]["$defs"].items():
            bare = [key for key, said in one.get("properties", {}).items() if "description" not in said and "$ref" not in said]
            assert bare == [], name


def test_a_meaning_may_stand_in_the_docstring() -> None:
    class Thing(BaseModel):
        """One thing.

        size: of it: in bytes. left, right: a side
        of it.
        """

        size: int
        left: int
        right: int
        other: int = 0

    assert dict(find_meanings(Thing)) == {"size": "of it: in bytes", "left": "a side of it", "right": "a side of it"}
