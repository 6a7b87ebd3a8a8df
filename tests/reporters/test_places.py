"""The file and line that a finding is about, in every wording that the judges use; no word is taken for a file."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lib.core.results import Outcome, Provenance
from lib.evidence.log import EvidenceLine
from lib.reporters.places import Place, ProjectFiles, find_places, list_places

INIT = "supabase/migrations/20260101000000_init.sql"
NAMES = frozenset(
    {
        INIT,
        "supabase/rollbacks/20260101000000_init.sql",
        "supabase/seed.sql",
        "supabase/tests/01_structure.test.sql",
        "supabase/tests/z1.sql",
        "supabase/config.toml",
        "package.json",
        "app/package.json",
        ".github/workflows/ci.yml",
        "prometheus-alerts.yml",
        "vault/occ/local/chatwoot.env",
        "stray note.md",
        "app/(auth)/[id]/page.tsx",
        "Makefile",
    }
)
FILES = ProjectFiles(names=NAMES)


def line(detail: str = "", *, result: Outcome = Outcome.FAIL, **changes: Any) -> EvidenceLine:
    given = {"run_id": "r", "environment": "local", "task": "rls", "check": "rls.x", "gate": True, "duration_s": 1}
    return EvidenceLine(
        **{**given, "provenance": Provenance.LIVE, "started_at": datetime.now(UTC), "result": result, "detail": detail, **changes}
    )


@pytest.mark.parametrize(
    ("detail", "places"),
    [
        ("The first is in 20260101000000_init.sql, line 92: Using 32-bit integer fields.", [(INIT, 92)]),
        ("20260101000000_init.sql, line 2 (statement 0: create extension http): it is not available.", [(INIT, 2)]),
        ("20260101000000_init.sql, line 3 (statement 1) held ACCESS EXCLUSIVE on public.votes for 3 s.", [(INIT, 3)]),
        (
            ".github/workflows/ci.yml:12 (unpinned-uses), app/package.json:3",
            [(".github/workflows/ci.yml", 12), ("app/package.json", 3)],
        ),
        ("supabase/tests/01_structure.test.sql:7: expected 3", [("supabase/tests/01_structure.test.sql", 7)]),
        (
            "supabase/tests/01_structure.test.sql: 5: anon may call none, supabase/tests/z1.sql: line 1 has \\!, a command",
            [("supabase/tests/01_structure.test.sql", None), ("supabase/tests/z1.sql", 1)],
        ),
        ("supabase/seed.sql: statements follow the COMMIT of line 7, outside any transaction.", [("supabase/seed.sql", 7)]),
        ("supabase/seed.sql has a NUL byte at line 4, so it is not text.", [("supabase/seed.sql", 4)]),
        ("Line 3 is fine; line 9 of supabase/seed.sql is not.", [("supabase/seed.sql", 9)]),
        ("package.json has no script ci; package.json has no script fmt.", [("package.json", None)]),
        ("supabase/config.toml: [db] major_version is 'seventeen', not a whole number.", [("supabase/config.toml", None)]),
        ("prometheus-alerts.yml: expected ',' in line 3, column 4.", [("prometheus-alerts.yml", 3)]),
        ('FAILED: prometheus-alerts.yml: 16:15: group "a", rule 2: 1:47: parse error', [("prometheus-alerts.yml", 16)]),
        ("Others than the owner may read local/chatwoot.env (-rw-r--r--).", [("vault/occ/local/chatwoot.env", None)]),
        ("Stray: stray note.md.", [("stray note.md", None)]),
        ("app/(auth)/[id]/page.tsx:40 (a key)", [("app/(auth)/[id]/page.tsx", 40)]),
        ("See `./supabase/seed.sql`.", [("supabase/seed.sql", None)]),
        ("Makefile, line 8 runs it.", [("Makefile", 8)]),
        ("20260101000000_init.sql, line 2 failed. Applied: none; failed: 20260101000000_init.sql.", [(INIT, 2)]),
        ("supabase/seed.sql is short. On line 7 of nothing.", [("supabase/seed.sql", None)]),
    ],
)
def test_a_place_is_found_as_it_is_said(detail: str, places: list[tuple[str, int | None]]) -> None:
    assert [(one.path, one.line) for one in find_places(line(detail), FILES)] == places


@pytest.mark.parametrize(
    "detail",
    [
        "",
        "It can't be compared with other.sql, line 3.",
        "The Makefile is a word here.",
        "See chatwoot.example.com:443 and 10.0.0.1:5432.",
        "postgresql://postgres:[redacted]@db.example.com/postgres",
        "../../etc/passwd:1 and /etc/passwd:2",
    ],
)
def test_what_is_no_file_of_the_project_is_no_place(detail: str) -> None:
    assert find_places(line(detail), FILES) == ()


def test_a_name_that_two_files_have_is_the_migration_and_else_nobodys() -> None:
    twice = ProjectFiles(names=frozenset({"a/x.sql", "b/x.sql"}))
    assert find_places(line("x.sql, line 3"), twice) == ()
    assert find_places(line("a/x.sql, line 3"), twice) == (Place(path="a/x.sql", line=3),)


def test_only_what_stands_out_has_places() -> None:
    said = "20260101000000_init.sql, line 9"
    assert find_places(line(said, result=Outcome.PASS), FILES) == () == find_places(line(said, result=Outcome.SKIP), FILES)
    assert find_places(line(said, result=Outcome.ERROR), FILES) != ()


def test_what_was_seen_counts_before_what_was_observed_and_both_before_the_fix() -> None:
    fix = ("Correct supabase/config.toml.",)
    assert find_places(line("Nothing.", fix=fix), FILES)[0].path == "supabase/config.toml"
    assert find_places(line("Nothing.", observed={"in": ["supabase/seed.sql"]}, fix=fix), FILES)[0].path == "supabase/seed.sql"
    assert [one.path for one in find_places(line("package.json", observed="supabase/seed.sql", fix=fix), FILES)] == [
        "package.json"
    ]


def test_the_faults_of_a_weak_pass_are_no_places() -> None:
    said = "This pass proves little: 1 of 11 faults found, where 90% must be. Missed: a drop in 20260101000000_init.sql."
    assert find_places(line(said), FILES) == ()


def test_paths_are_from_the_repository_the_project_is_a_folder_of(tmp_path: Path) -> None:
    pack = tmp_path / "repo" / "project"
    (pack / "supabase" / "migrations").mkdir(parents=True)
    (pack / INIT).write_text("select 1;\ncreate table if not exists votes (id int);\n")
    (pack / "gone.md").write_text("x")
    assert find_places(line("20260101000000_init.sql, line 1"), list_places(pack)) == (Place(path=INIT, line=1),)
    for words in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", "-C", str(pack.parent), *words], check=True, capture_output=True)
    (pack / "gone.md").unlink()
    files = list_places(pack)
    assert files.prefix == "project/" and "gone.md" not in files.names
    for said in (f"{INIT}:1", f"project/{INIT}:1", f"{pack}/{INIT}:1", "20260101000000_init.sql, line 1"):
        assert find_places(line(said), files) == (Place(path=f"project/{INIT}", line=1),), said
    assert find_places(line("Row level security is off on public.votes."), files) == (Place(path=f"project/{INIT}", line=2),)


def test_a_project_that_can_not_be_listed_has_no_places(tmp_path: Path) -> None:
    assert list_places(tmp_path / "nowhere").names == frozenset()
