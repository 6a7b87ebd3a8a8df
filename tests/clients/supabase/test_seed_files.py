"""Which files a seed is made of, and that only text of the project is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lib.clients.supabase.seed_files import check_seed, find_escapes, find_seed_files, is_match
from lib.core.errors import TargetError


def pack_of(folder: Path, config: str = "", **files: str) -> Path:
    for name, text in {"config.toml": config, **files}.items():
        path = folder / "supabase" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def names(pack: Path) -> list[str]:
    return [file.path for file in find_seed_files(pack)]


def test_patterns_name_files_in_their_order_each_once(tmp_path: Path) -> None:
    files = {"seed.sql": "select 1", "seeds/b.sql": "", "seeds/a.sql": "", "seeds/deep/c.sql": "", "seeds/notes.md": ""}
    config = '[db.seed]\nsql_paths = ["./seeds/a.sql", "seeds/**/*.sql", "./seed.sql"]\n'
    pack = pack_of(tmp_path, config, **files)
    expected = ["supabase/seeds/a.sql", "supabase/seeds/b.sql", "supabase/seeds/deep/c.sql", "supabase/seed.sql"]
    assert names(pack) == expected
    check_seed(pack)


@pytest.mark.parametrize(
    ("path", "pattern", "is_one"),
    [
        ("a/b/c.sql", "a/**/c.sql", True),
        ("a/c.sql", "a/**/c.sql", True),
        ("a/c.sql", "*/*.sql", True),
        ("a/b/c.sql", "*/*.sql", False),
        ("c.sql", "**", True),
        ("a/b", "a", False),
        ("a", "a/b", False),
        ("/".join("a" * 30), "/".join(["**", "a"] * 14 + ["b"]), False),
    ],
)
def test_a_pattern_is_matched_part_by_part(path: str, pattern: str, is_one: bool) -> None:
    assert is_match(tuple(path.split("/")), tuple(pattern.split("/"))) is is_one


@pytest.mark.parametrize(
    "config",
    ['[db.seed]\nsql_paths = "seed.sql"', '[db.seed]\nsql_paths = ["../x.sql"]', '[db.seed]\nsql_paths = ["/etc/passwd"]',
     "[db]\nseed = 3", "[db.seed]\nenabled = false", '[db.seed]\nsql_paths = ["none.sql"]'],
)  # fmt: skip
def test_what_names_no_file_of_the_project_is_an_error(tmp_path: Path, config: str) -> None:
    with pytest.raises(TargetError):
        find_seed_files(pack_of(tmp_path, config))


def test_what_is_no_text_of_the_project_is_named_at_once(tmp_path: Path) -> None:
    pack = pack_of(tmp_path)
    os.mkfifo(pack / "supabase" / "seed.sql")
    with pytest.raises(TargetError, match=r"supabase/seed\.sql is a named pipe"):
        find_seed_files(pack)
    with pytest.raises(TargetError, match=r"supabase/seed\.sql is a named pipe"):
        check_seed(pack)
    (pack / "supabase" / "seed.sql").unlink()
    check_seed(pack)  # without any file there is nothing that could hold up a push


@pytest.mark.parametrize(
    ("text", "escapes"),
    [
        ("begin; select 1; commit;", 0),
        ("select 1; end work", 0),
        ("savepoint a; select 1; rollback work to savepoint a;", 0),
        ("select 'commit;'; -- commit;", 0),
        ("begin; select 1; commit; select 2", 1),
        ("select 1; rollback and chain; select 2", 1),
        ("select 1; prepare transaction 'x'", 1),
    ],
)
def test_a_file_that_leaves_its_transaction_is_seen(tmp_path: Path, text: str, escapes: int) -> None:
    assert len(find_escapes(find_seed_files(pack_of(tmp_path, **{"seed.sql": text})))) == escapes
