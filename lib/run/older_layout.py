"""rendered/ as it was before projects had their own folders: moved over once, and nothing of it is lost.

Before, runs were in rendered/<environment>/; now they are in rendered/<project>/<environment>/.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from lib.core.files import point_at
from lib.evidence.history import HISTORY, give_to_projects, open_history
from lib.evidence.incident_store import has_older_incidents, take_over_older
from lib.evidence.manifest import MANIFEST
from lib.run.params import history_url
from lib.run.project import MARKER, one_at_a_time, open_project, spell_name

RUN = "*Z-????"
"""A run's folder by its name."""
BESIDE = ("kept", "dry_runs")
"""What an environment keeps beside its runs; it goes to the project of its newest run."""


def open_rendered(rendered: Path, pack: Path) -> str:
    """Return the project's folder in rendered/, made if missing, after what an older workbook left there was moved."""
    project = open_project(rendered, pack)
    owners = move_older_runs(rendered, project)
    if owners or is_older_history(rendered):
        history = open_history(rendered, history_url())
        give_to_projects(history, owners)
        take_over_older(history, owners, project)
    return project


def is_older_history(rendered: Path) -> bool:
    """Return whether the history there was kept by a workbook that knew no projects."""
    if history_url() is None and not (rendered / HISTORY).exists():
        return False
    return has_older_incidents(open_history(rendered, history_url()))


def move_older_runs(rendered: Path, project: str) -> Mapping[str, str]:
    """Move what an older workbook left, and return each moved run's project by its id; nothing when there was none.

    project: of what does not say whose it is. A file that is there already under its new name stays where it was.
    """
    owners: dict[str, str] = {}
    if not rendered.is_dir():
        return owners
    with one_at_a_time(rendered):
        for old in sorted(path for path in rendered.iterdir() if is_older(path)):
            owners |= move_environment(old, rendered, project)
    return owners


def is_older(folder: Path) -> bool:
    """Return whether a folder of rendered/ holds an environment's runs, as before."""
    if not folder.is_dir() or folder.is_symlink() or (folder / MARKER).exists():
        return False
    return any(folder.glob(RUN)) or any((folder / name).is_dir() for name in BESIDE)


def move_environment(old: Path, rendered: Path, project: str) -> dict[str, str]:
    """Move one environment's runs to their projects, and what it keeps beside them; return each run's project."""
    owners: dict[str, str] = {}
    newest = project
    for run in sorted(path for path in old.glob(RUN) if path.is_dir()):
        owner = read_owner(run) or project
        if move(run, rendered / owner / old.name / run.name):
            owners[run.name] = newest = owner
    for name in BESIDE:
        if (old / name).is_dir():
            move(old / name, rendered / newest / old.name / name)
    latest = old / "latest"
    if latest.is_symlink():
        target = latest.readlink().name
        owner = owners.get(target, newest)
        if not (rendered / owner / old.name / "latest").is_symlink():
            point_at(rendered / owner / old.name / "latest", target)
        latest.unlink()
    if not any(old.iterdir()):
        old.rmdir()
    return owners


def move(source: Path, place: Path) -> bool:
    """Move a folder, unless something is at its new place already; return whether it was moved."""
    if place.exists():
        return False
    place.parent.mkdir(parents=True, exist_ok=True)
    source.rename(place)
    return True


def read_owner(run: Path) -> str:
    """Return the project of a run as its manifest names it; '' when it does not."""
    try:
        said = json.loads((run / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return ""
    pack = said.get("pack") if isinstance(said, dict) else None
    return spell_name(pack) if isinstance(pack, str) and pack else ""
