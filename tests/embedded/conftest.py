"""Folders for servers that a test starts itself, apart from those of any run."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.embedded.state_folders import own_folder, temp_root


@pytest.fixture
def base() -> Iterator[Path]:
    """Yield an empty folder for state folders, which the server's user may walk into."""
    folder = own_folder(temp_root() / f"launch-workbook-test-{secrets.token_hex(4)}")
    yield folder
    shutil.rmtree(folder)
