"""What the sample pack's files promise, before any database sees them."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

SUPABASE = Path(__file__).parents[2] / "pack" / "supabase"
MIGRATIONS = sorted((SUPABASE / "migrations").glob("*"))
ROLLBACKS = sorted((SUPABASE / "rollbacks").glob("*"))
TESTS = sorted((SUPABASE / "tests").glob("*"))


def statements(path: Path) -> str:
    """The file in lower case, without its comments."""
    return re.sub(r"--[^\n]*", "", path.read_text()).lower()


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def test_pack_has_migrations() -> None:
    assert len(MIGRATIONS) >= 6


@pytest.mark.parametrize("path", MIGRATIONS, ids=names(MIGRATIONS))
def test_migration_name_starts_with_a_utc_time(path: Path) -> None:
    match = re.fullmatch(r"(\d{14})_[a-z0-9_]+\.sql", path.name)
    assert match is not None
    datetime.strptime(match[1], "%Y%m%d%H%M%S")


def test_versions_and_names_are_unique() -> None:
    versions, _, titles = zip(*(path.stem.partition("_") for path in MIGRATIONS), strict=True)
    assert len(set(versions)) == len(MIGRATIONS)
    assert len(set(titles)) == len(MIGRATIONS)


def test_every_migration_has_its_rollback_and_no_rollback_is_left_over() -> None:
    assert names(ROLLBACKS) == names(MIGRATIONS)


@pytest.mark.parametrize("path", MIGRATIONS + ROLLBACKS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_file_leaves_the_transaction_to_who_applies_it(path: Path) -> None:
    assert not re.search(r"(?m)^\s*(begin|start transaction|commit|rollback)\s*;", statements(path))
    assert "concurrently" not in statements(path)
    assert "supabase_migrations" not in statements(path)


@pytest.mark.parametrize("path", MIGRATIONS + ROLLBACKS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_file_bounds_its_wait_for_locks(path: Path) -> None:
    assert statements(path).lstrip().startswith("set local lock_timeout")


def test_seed_is_the_same_every_time() -> None:
    varying = r"random|\bnow\b|(clock|statement|transaction|current|local)_?time|current_date|uuid_generate"
    assert re.search(varying, statements(SUPABASE / "seed.sql")) is None


def test_seed_inserts_nothing_twice() -> None:
    seed = statements(SUPABASE / "seed.sql")
    assert seed.count("insert into") == seed.count("on conflict do nothing") > 0


def test_seed_addresses_are_under_reserved_domains() -> None:
    domains = set(re.findall(r"@([a-z0-9.-]+)", statements(SUPABASE / "seed.sql")))
    written_out = {domain for domain in domains if re.search(r"[a-z]", domain)}
    assert written_out <= {"example.com", "example.org"}


@pytest.mark.parametrize("path", TESTS, ids=names(TESTS))
def test_policy_test_plans_as_many_assertions_as_it_makes_and_rolls_back(path: Path) -> None:
    text = statements(path)
    assertions = re.findall(r"(?m)^select (is_empty|isnt_empty|results_eq|set_eq|throws_ok|lives_ok|enum_has_labels)\(", text)
    plan = re.search(r"select plan\((\d+)\)", text)
    assert plan is not None and int(plan[1]) == len(assertions)
    assert text.lstrip().startswith("begin;") and text.rstrip().endswith("rollback;")
