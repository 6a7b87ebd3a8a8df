"""An object is found in the migration that made it last, a setting at its line; a comment makes nothing."""

from __future__ import annotations

from pathlib import Path

from lib.core.files import write_whole
from lib.reporters.objects import find_objects

FIRST = "supabase/migrations/20260101000000_a.sql"
LATER = "supabase/migrations/20260102000000_b.sql"
SETTINGS = "launch/project.yaml"


def test_each_object_is_where_it_was_made_last(tmp_path: Path) -> None:
    write_whole(
        tmp_path / FIRST,
        "-- create table public.no (id int);\ncreate table votes (id int);\n"
        'CREATE TABLE IF NOT EXISTS "app"."Odd name" (id int);\n\n\n  create or replace function app.f() returns int as $$ $$;\n'
        "drop table public.other;\n",
    )
    write_whole(
        tmp_path / LATER, "\n\ncreate materialized view public.seen as select 1;\ncreate\n  table public.votes (id int);\n"
    )
    assert find_objects(tmp_path, {FIRST, LATER}) == {
        "public.votes": (LATER, 5),
        "app.Odd name": (FIRST, 3),
        "app.f": (FIRST, 6),
        "public.seen": (LATER, 3),
    }


def test_a_setting_is_at_its_line_and_an_object_comes_first(tmp_path: Path) -> None:
    write_whole(tmp_path / SETTINGS, "name: x\nrls:\n  matrix:\n    public.votes: {}\nseed:\n  counts: 3\n")
    found = find_objects(tmp_path, {SETTINGS})
    assert (found["rls.matrix"], found["seed.counts"], found["rls.matrix.public.votes"]) == (
        (SETTINGS, 3),
        (SETTINGS, 6),
        (SETTINGS, 4),
    )
    assert "name" not in found


def test_what_can_not_be_read_has_none(tmp_path: Path) -> None:
    write_whole(tmp_path / SETTINGS, "a: [")
    write_whole(tmp_path / FIRST, b"\xff\xfe\x00")
    assert find_objects(tmp_path, {SETTINGS, FIRST, LATER}) == {}
