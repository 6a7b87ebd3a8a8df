"""The house's walls: imports point down, doors are few, and no module hides a standard one."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from lib.params import ROOT

LAYERS = (
    {
        "errors",
        "results",
        "files",
        "redact",
        "left_behind",
        "pacing",
        "trust",
        "questions",
        "episodes",
        "stopping",
        "background",
        "breakages",
        "environment",
    },
    {"sections", "wording", "markdown_text", "pages", "addresses"},
    {"params", "commands", "database", "web", "smtp", "traffic"},
    {"world", "drawing"},
    {"targets", "figures", "traffic_figure", "latency_figures", "alert_figures", "heat_map", "tables", "prose"},
    {"checks"},
    {"evidence", "runbook", "attest", "history", "episode_store", "embedded", "parameters_shown", "story"},
    {"tasks", "render"},
    {"run_file", "summary", "parameters"},
    {"launch_list"},
    {"stack", "kernels", "progress", "paper", "qa_links"},
    {"documents"},
    {"lab", "runner"},
    {"session", "watch", "trail", "terminal"},
    {"publish"},
    {"launch", "dry_run", "inspection", "bench", "sync", "guard", "tidy", "publish_docs"},
    {"__main__"},
)
"""Each may import from those above it and from its own; `install` stands alone, before anything is there."""

DOORS = {
    "sqlalchemy": {"database", "history", "episode_store"},
    "httpx": {"web", "traffic"},
    "smtplib": {"smtp"},
    "starlette": {"embedded"},
    "hvac": {"targets"},
    "nacl": {"targets", "embedded"},
    "aiosmtpd": {"embedded"},
    "papermill": {"kernels"},
    "nbconvert": {"render", "story", "prose"},
    "psycopg": {"database", "targets", "embedded"},
}
"""Library -> the rooms that may import it, so that it can be replaced in one place."""

MODULES = sorted((ROOT / "lib").rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(ROOT / "lib").with_suffix("").parts[0]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return names


def floor(name: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if name in names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT / "lib")))
def test_imports_point_down(path: Path) -> None:
    here = room(path)
    if here in ("__init__", "install"):
        return
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "lib" and len(parts) > 1 and parts[1] not in ("__init__",):
            assert floor(parts[1]) <= floor(here), f"{path.name} imports {name} from a floor above its own"


@pytest.mark.parametrize("path", sorted((ROOT / "lib" / "checks").glob("*.py")), ids=lambda path: path.stem)
def test_checks_never_import_each_other(path: Path) -> None:
    assert not {name for name in imported(path) if name.startswith("lib.checks")}


@pytest.mark.parametrize("library", DOORS)
def test_each_library_has_its_door(library: str) -> None:
    users = {room(path) for path in MODULES if any(name.partition(".")[0] == library for name in imported(path))}
    assert users <= DOORS[library]


def test_only_params_reads_environment_variables() -> None:
    # commands hands on PATH and the like; the others run before params exist
    allowed = {"params", "commands", "install", "environment", "check_machines"}
    users = {room(path) for path in MODULES if "os.environ" in path.read_text()}
    assert users <= allowed


def test_no_module_hides_a_standard_one() -> None:
    assert not {path.stem for path in MODULES} & (sys.stdlib_module_names - {"__main__", "__init__"})


def test_lib_is_not_ignored() -> None:
    done = subprocess.run(["git", "check-ignore", "lib/params.py"], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == ""


def test_every_query_file_is_read() -> None:
    code = "\n".join(path.read_text() for path in MODULES)
    unread = [path for path in (ROOT / "lib" / "sql").rglob("*.sql") if f'"{path.stem}"' not in code]
    assert unread == []
