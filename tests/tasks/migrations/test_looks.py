"""Migrations found, rehearsed, pushed and compared, with faults put in one at a time; all on real servers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib.clients.postgres.advisory_lock import hold_run_lock
from lib.clients.supabase.cli import open_cli, stage_project
from lib.clients.supabase.squawk import LintFinding
from lib.core.paths import ROOT
from lib.core.results import Findings, Look, Outcome, Provenance, Result, SkipReason
from lib.embedded.postgres.hosted import copy_database
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.run.params import load_params
from lib.run.stack import find_supabase
from lib.tasks.migrations import judge as judgements
from lib.tasks.migrations import looks as migrations
from lib.tasks.migrations.task import CHECKS, Migrations
from lib.tasks.migrations.timing import exclusive_locks
from lib.transport.context import Context, Programs
from lib.transport.database import Database
from tests.support.busy import busy_machine, needs_runnable
from tests.support.local_sections import local_sections
from tests.support.permissions import refused

NOTES = """
set local lock_timeout = '2s';
create table public.notes (id bigint generated always as identity primary key, body text not null);
alter table public.notes enable row level security;
create policy notes_read on public.notes for select to authenticated using (body <> '');
"""
TAGS = """
set local lock_timeout = '2s';
create table public.tags (word text primary key, note bigint not null references public.notes (id));
create index tags_note_idx on public.tags (note);
alter table public.tags enable row level security;
create policy tags_read on public.tags for select to authenticated using (word <> '');
"""
STAMP = "set local lock_timeout = '2s';\nalter table public.notes add column stamp timestamptz;\n"
SEED = """
insert into public.notes (body) select 'note ' || n from generate_series(1, 200) n;
insert into public.tags select 'tag ' || n, n from generate_series(1, 100) n;
"""
FILES = {"20250101000000_notes.sql": NOTES, "20250102000000_tags.sql": TAGS, "20250103000000_stamp.sql": STAMP}
ROLLBACKS = {
    "20250101000000_notes.sql": "drop table public.notes;",
    "20250102000000_tags.sql": "begin; drop table public.tags; commit;",
    "20250103000000_stamp.sql": "alter table public.notes drop column stamp;",
}
LOCK = "do $$ begin lock table public.notes in access exclusive mode; end $$;"
PATIENCE = "set local lock_timeout = '2s';"
LAST = "20250104000000_last.sql"


def write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def add(context: Context[Migrations], text: str, rollback: str | None = "select 1;", *, name: str = LAST) -> None:
    """Add one migration to the context's pack, with a rollback unless there is to be none."""
    write(context.pack / "supabase" / "migrations", {name: text})
    if rollback is not None:
        write(context.pack / "supabase" / "rollbacks", {name: rollback})


def run(database: Database, script: str) -> None:
    with database.connect() as connection:
        connection.execute(script)


@pytest.fixture
def context(postgres_server: EmbeddedPostgres, hosted_database: Database, tmp_path: Path) -> Context[Migrations]:
    """Return a clean context: three migrations that apply, their rollbacks, and a seed."""
    write(tmp_path / "pack" / "supabase" / "migrations", FILES)
    write(tmp_path / "pack" / "supabase" / "rollbacks", ROLLBACKS)
    write(tmp_path / "pack" / "supabase", {"seed.sql": SEED})
    (tmp_path / "work").mkdir()
    return Context(
        environment="local",
        pack=tmp_path / "pack",
        settings=Migrations(
            max_exclusive_lock_ms=150,
            max_blocked_ms=1000,
            scales=[1, 3],
            schemas=["public", "private"],
            rollbacks_from="",
            lock_wait_s=0.2,
            command_timeout_s=60,
        ),
        sections={"seed": local_sections()["seed"]},
        target=hosted_database,
        scratch=postgres_server.database("postgres", role="supabase_admin"),
        programs=Programs(supabase=find_supabase(None), squawk=squawk_binary(), postgres_bin=postgres_server.bin_dir),
        work=tmp_path / "work",
        kept=tmp_path,
        is_rehearsal=True,
        provenances={"database": Provenance.EMBEDDED},
        embedded=frozenset({"database"}),
    )


def squawk_binary() -> Path:
    import sys

    return Path(sys.executable).parent / "squawk"


class Launch:
    """The looks in the notebook's order, each kept; faults go in between."""

    def __init__(self, context: Context[Migrations]) -> None:
        self.context = context
        self.seen: dict[str, Result] = {}
        self.rehearsal: Any = None

    def look(self, look: Look[..., Any], **arguments: Any) -> Findings[Any]:
        findings = look.attempt(self.context, **arguments)
        assert sorted(one.check for one in findings.results) == sorted(check.id for check in look.checks)
        self.seen.update({one.check.removeprefix("migrations."): one for one in findings.results})
        return findings

    def read(self) -> Launch:
        for look in (migrations.look_at_files, migrations.look_at_lint, migrations.look_at_history, migrations.look_at_drift):
            self.look(look)
        self.look(migrations.look_at_dry_run)
        return self

    def rehearse(self) -> Launch:
        twin = self.look(migrations.look_at_twin).facts
        self.rehearsal = self.look(migrations.look_at_rehearsal, twin=twin).facts
        for look in (migrations.look_at_locks, migrations.look_at_background, migrations.look_at_rollbacks):
            self.look(look, rehearsal=self.rehearsal)
        return self

    def push(self) -> Launch:
        self.look(migrations.push_to_target, rehearsal=self.rehearsal)
        self.look(migrations.look_at_match, rehearsal=self.rehearsal)
        self.look(migrations.look_at_advisors)
        return self

    def all(self) -> Launch:
        return self.read().rehearse().push()

    def not_passed(self) -> dict[str, str]:
        """Return what did not pass; target_is_as_built is not due on a database that was started for the run."""
        return {
            check: one.outcome.value
            for check, one in self.seen.items()
            if one.outcome is not Outcome.PASS and (check, one.skipped_because) != ("target_is_as_built", SkipReason.NOT_DUE)
        }

    def detail(self, check: str) -> str:
        return self.seen[check].detail

    def fix(self, check: str) -> str:
        return " ".join(self.seen[check].fix)


@pytest.fixture
def launch(context: Context[Migrations]) -> Launch:
    return Launch(context)


class TestWhole:
    def test_a_clean_pack_passes_every_check_and_again_when_nothing_is_left(self, launch: Launch) -> None:
        launch.all()
        assert launch.not_passed() == {}
        assert {f"migrations.{check}" for check in launch.seen} == {check.id for check in CHECKS}
        assert launch.seen["pushed_to_target"].observed == 3
        launch.all()
        assert launch.not_passed() == {}
        assert launch.rehearsal.from_nothing
        assert launch.seen["pushed_to_target"].observed == 0

    def test_the_sample_pack_applies_and_rolls_back(self, context: Context[Migrations]) -> None:
        settings = load_params("local").sections["migrations"]
        launch = Launch(replace(context, pack=ROOT / "pack", settings=settings))
        launch.look(migrations.look_at_files)
        launch.rehearse()
        stable = {check: result for check, result in launch.not_passed().items() if check != "background_work_not_blocked"}
        assert stable == {}
        assert all(not one.problem for scaled in launch.rehearsal.scaled for one in scaled.fills)

    def test_a_migration_that_fails_stops_the_push_and_nothing_else_fails(self, launch: Launch) -> None:
        add(
            launch.context,
            "create table public.half (id bigint);\n\ncreate policy p on public.nosuch\n  for select using (true);",
        )
        add(launch.context, "select 1", name="20250105000000_later.sql")
        launch.all()
        failed = [check for check, result in launch.seen.items() if result.outcome is Outcome.FAIL]
        assert failed == ["applies_on_twin"]
        for check in ("applies_with_rows", "no_long_exclusive_lock", "background_work_not_blocked", "rollbacks_restore_schema"):
            hidden = launch.seen[check]
            assert (hidden.outcome, hidden.see) == (Outcome.SKIP, "migrations.applies_on_twin")
            assert (hidden.observed, hidden.expected) == (len(FILES), len(FILES) + 2)
            assert LAST in hidden.detail and "20250105000000_later.sql" in hidden.detail
        assert launch.detail("applies_on_twin").startswith(f"{LAST}, line 3 (statement 1: create policy p on public.nosuch")
        assert "SQLSTATE 42P01" in launch.detail("applies_on_twin")
        assert launch.detail("applies_on_twin").endswith("still pending: 20250105000000_later.sql.")
        assert launch.fix("applies_on_twin")
        assert launch.seen["pushed_to_target"].outcome is Outcome.ERROR
        assert launch.detail("pushed_to_target").startswith("Not pushed: ")
        assert not launch.context.target.value("select to_regclass('public.notes') is not null")
        # Repaired, it goes through.
        add(
            launch.context,
            "create table public.half (id bigint);\nalter table public.half enable row level security;",
            "drop table public.half;",
        )
        launch.all()
        assert launch.not_passed() == {}


RESTS_ON_TWIN = (
    "applies_on_twin", "applies_with_rows", "no_long_exclusive_lock", "background_work_not_blocked", "rollbacks_restore_schema",
)  # fmt: skip


class TestTwin:
    @pytest.fixture
    def elsewhere(self, other_server: EmbeddedPostgres) -> Iterator[Database]:
        """Yield a target on a server with an extension that the scratch server lacks."""
        yield other_server.create_hosted_database("migrations_elsewhere")
        other_server.drop_database("migrations_elsewhere")

    def of(self, launch: Launch, target: Database) -> Launch:
        launch.context = replace(launch.context, target=target)
        return launch

    def outcomes(self, launch: Launch) -> dict[str, Outcome]:
        return {check: launch.seen[check].outcome for check in (*RESTS_ON_TWIN, "twin_is_faithful")}

    def test_a_twin_of_another_version_makes_everything_that_rests_on_it_an_error(
        self, launch: Launch, hosted_database_18: Database
    ) -> None:
        self.of(launch, hosted_database_18).all()
        assert set(self.outcomes(launch).values()) <= {Outcome.ERROR, Outcome.SKIP}
        assert launch.detail("twin_is_faithful").startswith("The target is PostgreSQL 18.")
        assert launch.detail("applies_on_twin").startswith("The target is PostgreSQL 18.")
        assert launch.fix("applies_on_twin") == "See migrations.twin_is_faithful."
        assert launch.seen["pushed_to_target"].outcome is Outcome.ERROR
        assert hosted_database_18.value("select to_regclass('public.notes') is null")
        assert launch.look(migrations.look_at_twin).rows[0]["what"] == "PostgreSQL"

    def test_a_type_that_the_twin_lacks_is_an_error_and_no_failed_migration(self, launch: Launch, elsewhere: Database) -> None:
        run(elsewhere, "create extension there_only with schema public; create table public.shapes (s public.shape)")
        add(launch.context, "alter table public.shapes add column n int;", "alter table public.shapes drop column n;")
        self.of(launch, elsewhere).rehearse()
        assert set(self.outcomes(launch).values()) <= {Outcome.ERROR, Outcome.SKIP}
        assert launch.detail("applies_on_twin").startswith("The twin lacks the extension there_only (used by")
        assert "It fails there" in launch.detail("applies_on_twin")
        # Repaired: without the type the twin is the target.
        run(elsewhere, "drop table public.shapes; create table public.shapes (s text)")
        launch.rehearse()
        assert launch.not_passed() == {}

    @pytest.mark.parametrize("column", ["n uuid default uuidv7()", "twice int generated always as (length(body))"])
    def test_what_only_18_knows_fails_for_a_project_of_17_and_passes_for_one_of_18(
        self, launch: Launch, postgres_18_server: EmbeddedPostgres, hosted_database_18: Database, column: str
    ) -> None:
        name = column.split()[0]
        text = f"set local lock_timeout = '2s';\nalter table public.notes add column {column};"
        add(launch.context, text, f"alter table public.notes drop column {name};")
        launch.look(migrations.look_at_lint)
        assert "--pg-version=17.0" in launch.look(migrations.look_at_lint).artifacts["squawk.txt"]
        launch.rehearse()
        assert launch.seen["twin_is_faithful"].outcome is Outcome.PASS
        assert launch.seen["applies_on_twin"].outcome is Outcome.FAIL
        scratch = postgres_18_server.database("postgres", role="supabase_admin")
        launch.context = replace(launch.context, target=hosted_database_18, scratch=scratch)
        assert "--pg-version=18.0" in launch.look(migrations.look_at_lint).artifacts["squawk.txt"]
        launch.rehearse()
        assert set(launch.not_passed()) <= {"lint_is_clean"}

    def test_a_target_elsewhere_with_an_extension_that_nothing_uses_passes(self, launch: Launch, elsewhere: Database) -> None:
        run(elsewhere, "create extension there_only with schema extensions")
        self.of(launch, elsewhere).all()
        assert launch.not_passed() == {}
        assert "there_only" in launch.detail("twin_is_faithful")

    def test_a_target_that_can_not_be_read_is_an_error(self, launch: Launch, elsewhere: Database) -> None:
        self.of(launch, elsewhere.named("nowhere")).rehearse()
        assert set(launch.not_passed().values()) == {"error"}


class TestFiles:
    def test_no_migration_is_an_error(self, launch: Launch) -> None:
        for path in (launch.context.pack / "supabase" / "migrations").iterdir():
            path.unlink()
        launch.all()
        assert set(launch.not_passed().values()) == {"error"}
        assert len(launch.seen) == len(CHECKS)

    def test_no_folder_is_an_error(self, launch: Launch) -> None:
        launch.context = replace(launch.context, pack=launch.context.work)
        assert set(launch.all().not_passed().values()) == {"error"}
        assert len(launch.not_passed()) == len(CHECKS)

    def test_a_name_the_cli_skips_fails(self, launch: Launch) -> None:
        add(launch.context, "select 1", name="add_votes.sql")
        launch.look(migrations.look_at_files)
        assert launch.not_passed() == {"names_are_valid": "fail", "versions_are_unique": "skip", "files_are_atomic": "skip"}
        assert {launch.seen[check].see for check in ("versions_are_unique", "files_are_atomic")} == {"migrations.names_are_valid"}
        assert "add_votes.sql" in launch.detail("names_are_valid")

    def test_one_version_twice_fails_and_is_not_pushed(self, launch: Launch) -> None:
        add(launch.context, "select 1", name="20250103000000_other.sql")
        launch.look(migrations.look_at_files)
        assert launch.not_passed() == {"versions_are_unique": "fail"}
        assert "20250103000000_other.sql and 20250103000000_stamp.sql" in launch.detail("versions_are_unique")
        launch.rehearse().push()
        assert launch.seen["pushed_to_target"].outcome is Outcome.ERROR
        assert launch.context.target.value("select to_regclass('public.notes') is null")

    def test_concurrently_beside_other_statements_fails_and_alone_does_not(self, launch: Launch) -> None:
        add(
            launch.context,
            "create index concurrently notes_body on public.notes (body)",
            "drop index concurrently public.notes_body",
        )
        launch.look(migrations.look_at_files)
        assert launch.not_passed() == {}
        assert LAST in launch.detail("files_are_atomic")
        launch.rehearse()
        assert launch.not_passed() == {}
        add(launch.context, "create table public.a (b int); create index concurrently i on public.a (b)")
        launch.look(migrations.look_at_files)
        assert launch.not_passed() == {"files_are_atomic": "fail"}

    def test_the_word_commit_in_a_body_is_no_commit(self, launch: Launch) -> None:
        add(launch.context, "do $$ begin perform 'commit; create index concurrently'; end $$; -- begin; commit;")
        launch.look(migrations.look_at_files)
        assert launch.not_passed() == {}


class TestLint:
    def test_what_the_twin_measures_is_left_to_it(self, launch: Launch) -> None:
        add(launch.context, "create index notes_body on public.notes (body);")
        assert launch.look(migrations.look_at_lint).rows[0]["judged by"] == "migrations.no_long_exclusive_lock"
        assert launch.not_passed() == {}

    def test_what_only_the_linter_knows_is_advised(self, launch: Launch) -> None:
        add(launch.context, "\nalter table public.notes drop column body;")
        launch.look(migrations.look_at_lint)
        assert launch.not_passed() == {"lint_is_clean": "fail"}
        assert f"{LAST}, line 2: " in launch.detail("lint_is_clean")

    def test_a_broken_linter_is_an_error(self, launch: Launch) -> None:
        (launch.context.pack / ".squawk.toml").write_text("this is not toml")
        launch.look(migrations.look_at_lint)
        assert launch.not_passed() == {"lint_is_clean": "error"}

    def test_every_rule_judged_elsewhere_names_a_check(self) -> None:
        known = {check.id for check in CHECKS}
        assert {check.id for check in judgements.JUDGED_ELSEWHERE.values()} <= known
        finding = LintFinding(file="a", line=1, rule="prefer-identity", level="Warning", message="so")
        assert judgements.judge_lint([finding], 1).results[0].outcome is Outcome.FAIL


@pytest.fixture(scope="module")
def once_pushed(postgres_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Yield a database that the three migrations were pushed to; nobody changes it: tests get copies."""
    folder = tmp_path_factory.mktemp("once_pushed")
    write(folder / "pack" / "supabase" / "migrations", FILES)
    database = postgres_server.create_hosted_database("migrations_once_pushed")
    cli = open_cli(find_supabase(None), stage_project(folder / "pack", folder / "staged"), timeout_s=60)
    assert cli.push(database).data["migrations"] == list(FILES)
    yield database
    postgres_server.drop_database("migrations_once_pushed")


class TestHistory:
    @pytest.fixture
    def pushed(self, launch: Launch, once_pushed: Database, postgres_server: EmbeddedPostgres) -> Launch:
        """Return a launch whose target is a copy of the pushed database."""
        name = launch.context.target.name
        postgres_server.drop_database(name)
        copy_database(
            postgres_server.database("template1", role="supabase_admin"), name, template=once_pushed.name, owner="postgres"
        )
        return launch

    def test_a_file_edited_after_it_was_applied_fails(self, pushed: Launch) -> None:
        write(pushed.context.pack / "supabase" / "migrations", {"20250103000000_stamp.sql": STAMP.replace("timestamptz", "date")})
        pushed.look(migrations.look_at_history)
        assert pushed.not_passed() == {"history_has_no_drift": "fail"}
        assert "20250103000000_stamp.sql" in pushed.detail("history_has_no_drift")
        write(pushed.context.pack / "supabase" / "migrations", {"20250103000000_stamp.sql": f"-- why\n{STAMP.upper().lower()}"})
        pushed.look(migrations.look_at_history)
        assert pushed.not_passed() == {}

    def test_a_version_whose_statements_were_not_recorded_is_no_pass(self, pushed: Launch) -> None:
        run(
            pushed.context.target,
            "update supabase_migrations.schema_migrations set statements = null where version = '20250103000000'",
        )
        pushed.look(migrations.look_at_history)
        assert pushed.not_passed() == {"history_has_no_drift": "error"}
        assert "20250103000000_stamp.sql" in pushed.detail("history_has_no_drift")
        assert "supabase migration repair --status applied 20250103000000" in pushed.fix("history_has_no_drift")

    def test_an_applied_version_without_a_file_fails(self, pushed: Launch) -> None:
        (pushed.context.pack / "supabase" / "migrations" / "20250103000000_stamp.sql").unlink()
        pushed.look(migrations.look_at_history)
        assert pushed.not_passed() == {"history_has_no_drift": "fail"}
        assert "not in the pack: 20250103000000" in pushed.detail("history_has_no_drift")

    def test_a_file_older_than_what_is_applied_fails(self, pushed: Launch) -> None:
        add(pushed.context, "select 1", name="20250101120000_late.sql")
        pushed.look(migrations.look_at_history)
        assert "Pending but older than what is applied: 20250101120000_late.sql" in pushed.detail("history_has_no_drift")

    def test_a_change_beside_the_migrations_is_seen_in_the_schema(self, pushed: Launch) -> None:
        run(pushed.context.target, "alter table public.notes add column smuggled int")
        pushed.rehearse().push()
        assert pushed.not_passed() == {"target_matches_twin": "fail"}
        assert "column public.notes.smuggled (extra)" in pushed.detail("target_matches_twin")

    def test_a_config_of_another_generation_is_an_error(self, launch: Launch) -> None:
        write(launch.context.pack / "supabase", {"config.toml": "[inbucket]\nenabled = true\n"})
        launch.all()
        assert launch.seen["applies_on_twin"].outcome is Outcome.PASS
        for check in ("history_has_no_drift", "dry_run_lists_pending", "pushed_to_target"):
            assert launch.seen[check].outcome is Outcome.ERROR
            assert "[inbucket]" in launch.detail(check)


class TestLocks:
    def test_a_lock_held_long_on_a_table_with_rows_fails_and_nothing_else(self, launch: Launch) -> None:
        add(launch.context, f"{PATIENCE}\n{LOCK}\nselect pg_sleep(0.8);")
        launch.all()
        assert launch.not_passed() == {"no_long_exclusive_lock": "fail"}
        assert f"{LAST}, line 2 (statement 1) held ACCESS EXCLUSIVE on public.notes (600 rows, 3× the seed)" in launch.detail(
            "no_long_exclusive_lock"
        )

    def test_the_same_lock_on_a_new_table_is_nobodys_business(self, launch: Launch) -> None:
        add(launch.context, "create table public.fresh (id int);\nselect pg_sleep(0.2);", "drop table public.fresh")
        launch.rehearse()
        assert launch.not_passed() == {}

    @needs_runnable
    def test_work_under_a_lock_never_fails_for_a_busy_machine(self, launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
        """The limit is half as much again as the lock was held without our load; the load alone would double that."""
        work = "select count(*) from generate_series(1, 2000000);"
        add(launch.context, f"{PATIENCE}\n{LOCK}\n{work}")
        launch.rehearse()
        held_ms = max(lock.held_ms for recording in launch.rehearsal.recordings for lock in exclusive_locks(recording))
        limits = {"max_exclusive_lock_ms": held_ms * 1.5, "max_blocked_ms": held_ms * 1.5}
        launch.context = replace(launch.context, settings=launch.context.settings.model_copy(update=limits))
        with busy_machine(monkeypatch):
            launch.rehearse()
        assert "fail" not in launch.not_passed().values(), launch.seen

    def test_a_long_lock_is_not_pushed_where_rows_are(self, launch: Launch) -> None:
        launch.rehearse().push()
        run(launch.context.target, "insert into public.notes (body) values ('mine')")
        add(launch.context, f"select 1;\n{LOCK}\nselect pg_sleep(0.8);")
        launch.rehearse().push()
        assert launch.seen["no_long_exclusive_lock"].outcome is Outcome.FAIL
        assert launch.detail("pushed_to_target").startswith("Not pushed: the target holds rows")

    def test_a_writer_kept_waiting_fails_and_names_the_statement(self, launch: Launch) -> None:
        add(launch.context, "select 1;\ndo $$ begin lock table public.notes in share mode; end $$;\nselect pg_sleep(2);")
        launch.rehearse()
        assert launch.not_passed() == {"background_work_not_blocked": "fail"}
        assert f"for public.notes while {LAST} ran, because of line 2 (statement 1)" in launch.detail(
            "background_work_not_blocked"
        )

    def test_without_a_seed_the_locks_can_not_be_judged(self, launch: Launch) -> None:
        (launch.context.pack / "supabase" / "seed.sql").unlink()
        launch.rehearse()
        assert launch.not_passed() == {
            "applies_with_rows": "skip",
            "no_long_exclusive_lock": "error",
            "background_work_not_blocked": "error",
        }
        assert "seed.sql" in launch.detail("no_long_exclusive_lock")

    def test_with_nobody_there_before_it_is_a_skip(self, launch: Launch) -> None:
        for name in FILES:
            (launch.context.pack / "supabase" / "migrations" / name).unlink()
        add(launch.context, "create table public.only (id int);", "drop table public.only")
        write(launch.context.pack / "supabase", {"seed.sql": "insert into public.only values (1)"})
        launch.rehearse()
        assert launch.not_passed() == dict.fromkeys(
            ("applies_with_rows", "no_long_exclusive_lock", "background_work_not_blocked"), "skip"
        )

    def test_a_column_that_only_empty_tables_can_take_is_advised(self, launch: Launch) -> None:
        add(launch.context, "alter table public.notes add column must int not null", "alter table public.notes drop column must")
        write(
            launch.context.pack / "supabase",
            {"seed.sql": SEED.replace("(body) select 'note ' || n", "(body, must) select 'note ' || n, 1")},
        )
        launch.rehearse()
        assert launch.not_passed() == {"applies_with_rows": "fail"}
        assert f"{LAST}, line 1" in launch.detail("applies_with_rows")


class TestRollbacks:
    def test_a_migration_without_a_rollback_fails_and_is_named(self, launch: Launch) -> None:
        add(launch.context, "create table public.more (id int)", None)
        launch.rehearse()
        assert launch.not_passed() == {"rollbacks_restore_schema": "fail"}
        assert f"no rollback file for {LAST}" in launch.detail("rollbacks_restore_schema")

    def test_only_migrations_from_a_version_on_need_one(self, launch: Launch) -> None:
        add(launch.context, "create table public.more (id int)", None)
        settings = launch.context.settings
        launch.rehearse()
        for since, wanted in (("20200101000000", "fail"), (LAST.partition("_")[0], "fail"), ("99999999999999", "pass")):
            launch.context = replace(launch.context, settings=settings.model_copy(update={"rollbacks_from": since}))
            launch.look(migrations.look_at_rollbacks, rehearsal=launch.rehearsal)  # nothing else rests on it
            assert launch.not_passed().get("rollbacks_restore_schema", "pass") == wanted, since

    def test_where_none_is_needed_and_none_is_there_it_does_not_apply(self, launch: Launch) -> None:
        for path in (launch.context.pack / "supabase" / "rollbacks").iterdir():
            path.unlink()
        settings = launch.context.settings.model_copy(update={"rollbacks_from": "99999999999999"})
        launch.context = replace(launch.context, settings=settings)
        launch.rehearse()
        assert launch.not_passed() == {"rollbacks_restore_schema": "skip"}
        assert "older than 99999999999999" in launch.detail("rollbacks_restore_schema")

    def test_an_older_rollback_that_is_there_is_tried_all_the_same(self, launch: Launch) -> None:
        add(launch.context, "create table public.more (id int)", "drop table public.nosuch")
        settings = launch.context.settings.model_copy(update={"rollbacks_from": "99999999999999"})
        launch.context = replace(launch.context, settings=settings)
        launch.rehearse()
        assert launch.not_passed() == {"rollbacks_restore_schema": "fail"}

    def test_a_rollback_that_leaves_something_fails_and_names_it(self, launch: Launch) -> None:
        add(launch.context, "create table public.more (id int); create type public.mood as enum ('a')", "drop table public.more")
        launch.rehearse()
        assert launch.not_passed() == {"rollbacks_restore_schema": "fail"}
        assert "enum public.mood (extra)" in launch.detail("rollbacks_restore_schema")

    def test_a_rollback_that_fails_names_its_statement(self, launch: Launch) -> None:
        add(launch.context, "create table public.more (id int)", "drop table public.more;\ndrop table public.nosuch")
        launch.rehearse()
        assert f"{LAST}, line 2 (statement 1: drop table public.nosuch)" in launch.detail("rollbacks_restore_schema")

    def test_a_column_back_in_another_place_is_as_before(self, launch: Launch) -> None:
        drop = f"{PATIENCE} alter table public.notes drop column stamp"
        add(launch.context, drop, "alter table public.notes add column stamp timestamptz")
        launch.rehearse()
        assert launch.not_passed() == {}
        assert "What is in column public.notes.stamp goes with them." not in launch.detail("applies_on_twin")

    def test_a_rollback_that_rows_stop_is_found_and_what_it_loses_is_said(self, launch: Launch) -> None:
        back = (
            "alter table public.notes add column stamp timestamptz not null;\nalter table public.notes alter stamp drop not null;"
        )
        add(launch.context, f"{PATIENCE} alter table public.notes drop column stamp;", back)
        launch.rehearse()
        assert launch.seen["rollbacks_restore_schema"].outcome is Outcome.FAIL
        assert f"{LAST}: works on empty tables, and fails on tables with rows" in launch.detail("rollbacks_restore_schema")
        tried = {one.migration: one.loses for one in launch.rehearsal.first.rollbacks}
        assert tried["20250103000000_stamp.sql"] == ("column public.notes.stamp",)
        assert tried["20250101000000_notes.sql"] == ("table public.notes",)

    def test_rows_that_a_seed_passes_over_stop_a_unique_key(self, launch: Launch) -> None:
        doubled = SEED + "insert into public.tags values ('twin', 1) on conflict do nothing;\n"
        write(launch.context.pack / "supabase", {"seed.sql": doubled})
        add(
            launch.context,
            f"{PATIENCE} alter table public.tags add constraint one unique (note);",
            "alter table public.tags drop constraint one;",
        )
        launch.rehearse()
        assert launch.not_passed() == {"applies_with_rows": "fail"}
        assert "could not create unique index" in launch.detail("applies_with_rows")

    def test_a_lock_without_a_lock_timeout_waits_behind_a_long_reader(self, launch: Launch) -> None:
        add(launch.context, "alter table public.notes add column more int;", "alter table public.notes drop column more;")
        launch.rehearse()
        assert launch.not_passed() == {"background_work_not_blocked": "fail"}
        assert f"{LAST}, line 1 asks for ACCESS EXCLUSIVE on public.notes" in launch.detail("background_work_not_blocked")
        assert "set local lock_timeout" in launch.fix("background_work_not_blocked")


class TestPush:
    def test_without_leave_to_write_nothing_is_pushed_and_the_plan_is_shown(self, launch: Launch) -> None:
        launch.context = replace(launch.context, refusals=refused(environment="local"))
        launch.all()
        assert set(launch.not_passed().values()) == {"skip"}
        assert "ALLOW_WRITES=local" in launch.fix("pushed_to_target")
        assert "3 migrations pending" in launch.detail("nothing_left_to_push")
        assert launch.context.target.value("select to_regclass('supabase_migrations.schema_migrations') is null")

    def test_while_another_run_holds_the_target_nothing_is_pushed(self, launch: Launch) -> None:
        launch.rehearse()
        with hold_run_lock(launch.context.target, wait_s=1):
            launch.push()
        assert launch.seen["one_run_at_a_time"].outcome is Outcome.ERROR
        assert "Another run is changing" in launch.detail("pushed_to_target")
        assert launch.context.target.value("select to_regclass('public.notes') is null")
        launch.push()
        assert launch.not_passed() == {}

    def test_two_runs_at_once_push_once(self, launch: Launch) -> None:
        launch.context = replace(launch.context, settings=launch.context.settings.model_copy(update={"lock_wait_s": 60.0}))
        other = Launch(replace(launch.context, work=launch.context.kept / "other_work"))
        other.context.work.mkdir()
        launch.rehearse()
        other.rehearsal = launch.rehearsal
        threads = [
            threading.Thread(target=one.look, args=(migrations.push_to_target,), kwargs={"rehearsal": launch.rehearsal})
            for one in (launch, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        outcomes = sorted(one.seen["pushed_to_target"].outcome.value for one in (launch, other))
        assert outcomes == ["error", "pass"]
        refused = next(one for one in (launch, other) if one.seen["pushed_to_target"].outcome is Outcome.ERROR)
        assert "another run has applied 20250101000000" in refused.detail("pushed_to_target")
        assert refused.detail("pushed_to_target").endswith("since the rehearsal.")

    def test_a_push_that_fails_half_way_names_what_is_applied(self, launch: Launch) -> None:
        add(launch.context, "create table public.taken (id int)", "drop table public.taken")
        launch.rehearse()
        # Made between the rehearsal and the push, by somebody who holds no lock.
        run(launch.context.target, "create table public.taken (id int)")
        launch.push()
        assert launch.seen["pushed_to_target"].outcome is Outcome.FAIL
        assert f"still pending: {LAST}." in launch.detail("pushed_to_target")
        assert "SQLSTATE 42P07" in launch.detail("pushed_to_target")
        assert launch.seen["pushed_to_target"].observed == 3
        assert launch.seen["nothing_left_to_push"].outcome is Outcome.ERROR

    def test_a_target_that_is_gone_is_an_error(self, launch: Launch) -> None:
        launch.context = replace(launch.context, target=launch.context.target.named("not_there"))
        launch.read().rehearse()
        assert launch.seen["history_has_no_drift"].outcome is Outcome.ERROR
        assert launch.seen["applies_on_twin"].outcome is Outcome.ERROR


class TestAdvisors:
    @staticmethod
    def lint(**changes: Any) -> dict[str, Any]:
        return {
            "name": "duplicate_index",
            "level": "WARN",
            "detail": "Two indexes.",
            "remediation": "https://example.com",
            **changes,
        }

    @pytest.mark.parametrize(
        ("lint", "expected"),
        [
            ({}, ("pass", "fail")),
            ({"level": "ERROR"}, ("fail", "pass")),
            ({"level": "INFO"}, ("pass", "pass")),
            ({"level": "ERROR", "name": "rls_disabled_in_public"}, ("pass", "pass")),
        ],
    )
    def test_levels_are_judged_apart_and_rls_elsewhere(self, lint: dict[str, Any], expected: tuple[str, str]) -> None:
        results = judgements.judge_advice([self.lint(**lint)]).results
        assert tuple(one.outcome.value for one in results) == expected

    def test_the_real_advisors_name_what_they_warn_of(self, launch: Launch) -> None:
        slow = "create policy notes_slow on public.notes for insert to authenticated with check (body = auth.uid()::text);"
        add(launch.context, f"{PATIENCE} {slow}", "drop policy notes_slow on public.notes;")
        launch.rehearse().push()
        assert launch.not_passed() == {"advisors_report_no_warnings": "fail"}
        assert "`public.notes` has a row level security policy `notes_slow`" in launch.detail("advisors_report_no_warnings")


@pytest.fixture(autouse=True)
def no_twin_is_left(postgres_server: EmbeddedPostgres) -> Iterator[None]:
    """Hold that every test leaves the scratch server as it found it."""
    yield
    server = postgres_server.database("postgres", role="supabase_admin")
    assert server.rows("select datname from pg_database where datname like 'twin%'") == []
