"""The pack's versions beside those of a target's history."""

from __future__ import annotations

from pathlib import Path

from lib.clients.supabase.migration_files import MigrationFile
from lib.clients.supabase.migration_history import list_versions


def file(version: str) -> MigrationFile:
    return MigrationFile(Path(f"{version}_one.sql"), "select 1;")


def test_every_version_of_either_side_is_listed_once_and_in_order() -> None:
    found = list_versions([file("2"), file("3"), file("3")], ["1", "2"])
    assert [(one.version, one.local, one.remote) for one in found] == [("1", False, True), ("2", True, True), ("3", True, False)]


def test_nothing_is_listed_where_there_is_nothing() -> None:
    assert list_versions([], []) == []
