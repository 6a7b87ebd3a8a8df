"""Folders of params and projects that say enough of themselves to be loaded."""

from __future__ import annotations

import shutil
from pathlib import Path

from lib.core.paths import ROOT

PARAMS = ROOT / "params"
SAMPLE = ROOT / "pack" / "launch"


def copy_params(folder: Path) -> Path:
    """Bring the shipped params into a folder, made if missing, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in PARAMS.glob("*.yaml"):
        shutil.copyfile(path, folder / path.name)
    return folder


def describe_project(pack: Path) -> Path:
    """Let a project, made if missing, say of its launch what the sample says of its own, and return it."""
    shutil.copytree(SAMPLE, pack / "launch", dirs_exist_ok=True)
    return pack
