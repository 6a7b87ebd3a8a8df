"""Fixtures applied by the real CLI to real databases, and everything that can be wrong with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib.core.results import Findings, Look, Outcome, Provenance, Result
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.run.stack import find_supabase
from lib.tasks.seed import looks as seed
from lib.tasks.seed.constraints import EmailDomain, EmailSearch
from lib.tasks.seed.judge import is_reserved, judge_emails
from lib.tasks.seed.task import CHECKS, Seed
from lib.transport.context import Context, Programs
from lib.transport.database import Database
from tests.support.local_sections import local_sections
from tests.support.permissions import refused

MIGRATION = """
create type public.mood as enum ('calm', 'keen');
create table public.teams (
  id int primary key, name text not null check (length(name) > 2), turn int generated always as identity unique
);
create table public.people (
  id int primary key,
  team_id int references public.teams (id),
  email text,
  profile jsonb,
  feeling public.mood not null default 'calm'
);
"""

SEED = """
insert into public.teams values (1, 'Atlas'), (2, 'Borealis') on conflict do nothing;
insert into public.people (id, team_id, email, profile) values
  (1, 1, 'ana@example.com', '{"contact": "ana@ideas.test"}'), (2, 2, 'ben@example.org', null), (3, null, null, '{}')
on conflict do nothing;
"""

COUNTS = {"public.teams": 2, "public.people": 3}


def section(**changes: Any) -> Seed:
    shipped = local_sections()["seed"]
    return Seed.model_validate({**shipped.model_dump(), "schemas": ["public"], "expected_counts": COUNTS, **changes})


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    migrations = tmp_path / "pack" / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    (migrations / "20250101000000_first.sql").write_text(MIGRATION)
    (tmp_path / "pack" / "supabase" / "seed.sql").write_text(SEED)
    return tmp_path / "pack"


@pytest.fixture
def context(postgres_server: EmbeddedPostgres, hosted_database: Database, pack: Path, tmp_path: Path) -> Context[Seed]:
    (tmp_path / "work").mkdir()
    return Context(
        environment="local",
        pack=pack,
        settings=section(),
        sections={"migrations": local_sections()["migrations"]},
        target=hosted_database,
        scratch=postgres_server.database("postgres", role="supabase_admin"),
        programs=Programs(supabase=find_supabase(None), squawk=Path("squawk"), postgres_bin=postgres_server.bin_dir),
        work=tmp_path / "work",
        kept=tmp_path / "kept",
        is_rehearsal=True,
        provenances={"database": Provenance.EMBEDDED},
        embedded=frozenset({"database"}),
    )


class Looks:
    """The looks in the notebook's order, each kept."""

    def __init__(self, context: Context[Seed]) -> None:
        self.context = context
        self.seen: dict[str, Result] = {}
        self.findings: dict[str, Findings[Any]] = {}
        self.applied: Any = None

    def look(self, look: Look[..., Any], **arguments: Any) -> Findings[Any]:
        findings = look.attempt(self.context, **arguments)
        assert sorted(one.check for one in findings.results) == sorted(check.id for check in look.checks)
        self.seen.update({one.check.removeprefix("seed."): one for one in findings.results})
        self.findings[look.name] = findings
        return findings

    def apply(self) -> Looks:
        self.applied = self.look(seed.look_at_application).facts
        return self

    def judge(self) -> Looks:
        self.look(seed.look_at_second_application, applied=self.applied)
        self.look(seed.look_at_rows, applied=self.applied)
        self.look(seed.look_at_constraints)
        self.look(seed.look_at_emails)
        return self

    def all(self) -> Looks:
        return self.apply().judge()

    def not_passed(self) -> dict[str, str]:
        return {check: one.outcome.value for check, one in self.seen.items() if one.outcome is not Outcome.PASS}

    def detail(self, check: str) -> str:
        return self.seen[check].detail

    def fix(self, check: str) -> str:
        return " ".join(self.seen[check].fix)


@pytest.fixture
def looks(context: Context[Seed]) -> Looks:
    return Looks(context)


def write_seed(context: Context[Seed], text: str, name: str = "seed.sql") -> None:
    (context.pack / "supabase" / name).write_text(text)


def fill(context: Context[Seed]) -> None:
    """Put in by hand what the pack's migration and seed make, where the CLI is not what is tested."""
    run(context.target, MIGRATION + SEED)


def run(database: Database, script: str) -> None:
    with database.connect() as connection:
        connection.execute(script)


def run_as_replica(context: Context[Seed], script: str) -> None:
    run(context.target, "set session_replication_role = replica;" + script)


def counts(database: Database) -> tuple[int, int]:
    return database.value("select count(*) from public.teams"), database.value("select count(*) from public.people")


def test_clean_fixtures_pass_every_check(looks):
    looks.all()
    assert looks.not_passed() == {}
    assert set(looks.seen) == {check.id.removeprefix("seed.") for check in CHECKS}
    assert "Seeding data from supabase/seed.sql" in looks.findings["look_at_application"].artifacts["push.txt"]


def test_a_second_run_passes_and_says_that_nothing_had_to_be_applied(looks, context):
    looks.all()
    again = Looks(context).all()
    assert again.not_passed() == {}
    assert again.seen["applied_with_cli"].observed == "applied before"


def test_the_second_application_leaves_nothing_behind(looks, context):
    write_seed(context, "insert into public.teams select coalesce(max(id), 0) + 1, 'Team' from public.teams;")
    looks.context = replace(context, settings=section(expected_counts={"public.teams": 1}))
    looks.all()
    assert looks.not_passed() == {
        "applied_twice_changes_nothing": "fail",
        "foreign_keys_hold": "error",
        "emails_are_reserved": "skip",
    }
    assert "public.teams goes from 1 row to 3" in looks.detail("applied_twice_changes_nothing")
    assert context.target.value("select count(*) from public.teams") == 1


def test_a_seed_that_fails_the_second_time_fails_alone(looks, context):
    write_seed(context, SEED.replace(" on conflict do nothing", "").replace("\non conflict do nothing", ""))
    looks.all()
    assert looks.not_passed() == {"applied_twice_changes_nothing": "fail"}
    assert "duplicate key" in looks.detail("applied_twice_changes_nothing")


def test_a_late_constraint_counts_in_the_second_application_too(looks, context):
    text = MIGRATION + "create table public.log (n int, unique (n) deferrable initially deferred);"
    (context.pack / "supabase/migrations/20250101000000_first.sql").write_text(text)
    write_seed(context, SEED + "insert into public.log values (1);")
    looks.context = replace(context, settings=section(expected_counts={**COUNTS, "public.log": 1}))
    assert looks.all().not_passed() == {"applied_twice_changes_nothing": "fail"}


def test_a_seed_that_updates_in_place_is_no_change_when_values_stay(looks, context):
    write_seed(
        context,
        SEED.replace(
            "'Atlas'), (2, 'Borealis') on conflict do nothing",
            "'Atlas'), (2, 'Borealis') on conflict (id) do update set name = excluded.name",
        ),
    )
    assert looks.all().not_passed() == {}


def test_a_value_that_differs_each_time_is_found_by_the_digest(looks, context):
    write_seed(context, SEED + "update public.teams set name = gen_random_uuid()::text;")
    looks.all()
    assert looks.not_passed() == {"applied_twice_changes_nothing": "fail"}
    assert "public.teams goes from 2 rows to 2" in looks.detail("applied_twice_changes_nothing")


def test_a_seed_in_a_transaction_of_its_own_is_run_again_and_undone(looks, context):
    write_seed(context, f"begin;{SEED}commit;")
    looks.all()
    assert looks.not_passed() == {}


@pytest.mark.parametrize(
    "ending",
    ["commit; begin;", "commit and chain;", "end; insert into public.teams values (8, 'Extra');", "rollback; select 1;"],
)
def test_a_seed_that_ends_its_transaction_half_way_is_not_run_again(looks, context, ending):
    write_seed(context, f"begin; {SEED} {ending} update public.teams set name = gen_random_uuid()::text; commit;")
    looks.apply()
    before = context.target.rows("select * from public.teams order by id")
    looks.all()
    assert looks.not_passed()["applied_twice_changes_nothing"] == "fail"
    assert "supabase/seed.sql: " in looks.detail("applied_twice_changes_nothing")
    assert context.target.rows("select * from public.teams order by id") == before


@pytest.mark.parametrize("command", ["\\! touch marker", "select 1 \\gexec", "\\copy t from program 'touch marker'"])
def test_a_seed_with_a_command_of_psql_is_refused_by_file_line_and_name(looks, context, command):
    write_seed(context, f"{SEED}\n{command}\n")
    looks.all()
    failed = looks.not_passed()
    assert failed["applied_with_cli"] == "fail"
    line, name = SEED.count("\n") + 2, "\\" + command.partition("\\")[2].split()[0]
    assert f"supabase/seed.sql: line {line} has {name}, a command of psql" in looks.detail("applied_with_cli")
    assert context.target.value("select to_regclass('public.teams') is null")


def test_an_edited_seed_is_a_finding_each_time_and_never_hidden_by_the_cli(looks, context):
    looks.all()
    write_seed(context, SEED + "insert into public.teams values (3, 'Cascade') on conflict do nothing;")
    for _ in range(2):
        edited = Looks(context).apply()
        assert edited.not_passed() == {"applied_with_cli": "fail", "history_records_file": "error"}
        assert "psql" in edited.fix("applied_with_cli")
    assert counts(context.target) == (2, 3)


def test_an_edited_seed_whose_note_was_removed_is_applied_and_passes(looks, context):
    looks.all()
    write_seed(context, SEED + "insert into public.teams values (3, 'Cascade') on conflict do nothing;")
    run(context.target, "delete from supabase_migrations.seed_files")
    repaired = Looks(replace(context, settings=section(expected_counts={**COUNTS, "public.teams": 3}))).all()
    assert repaired.not_passed() == {}


def test_a_hash_noted_without_running_the_file_is_found_by_the_rows(looks, context):
    looks.apply()
    run(context.target, "delete from public.people where id = 3; update public.people set feeling = 'keen'")
    write_seed(context, SEED + "update public.people set feeling = 'calm';")
    hash_now = seed.find_seed_files(context.pack)[0].sha256
    run(context.target, f"update supabase_migrations.seed_files set hash = '{hash_now}'")
    hidden = Looks(replace(context, settings=section(expected_counts={**COUNTS, "public.people": 2}))).all()
    assert hidden.not_passed() == {"applied_twice_changes_nothing": "fail"}


def test_a_seed_that_needs_what_the_embedded_platform_lacks_is_an_error_and_no_fail(looks, context):
    run(context.target, "create extension http with schema extensions")
    write_seed(context, "select extensions.http_get('https://example.com');")
    looks.apply()
    applied = looks.seen["applied_with_cli"]
    assert (applied.outcome, "The server lacks that part of hosted" in applied.detail) == (Outcome.ERROR, True), applied.detail
    assert "run.postgres_bin" in applied.fix[0]


def test_a_failing_seed_fails_with_the_clis_own_sentence(looks, context):
    write_seed(context, "insert into public.teams values (1, 'x');")
    looks.all()
    assert looks.not_passed() == {
        "applied_with_cli": "fail",
        "history_records_file": "error",
        "applied_twice_changes_nothing": "error",
        "row_counts_match": "error",
        "foreign_keys_hold": "error",
        "checks_hold": "error",
        "not_nulls_hold": "error",
        "sequences_are_ahead": "skip",
        "emails_are_reserved": "error",
    }
    assert "teams_name_check" in looks.detail("applied_with_cli")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("[db.seed]\nenabled = false\n", "switched off"),
        ('[db.seed]\nsql_paths = ["./seeds/*.sql"]\n', "No seed file matches './seeds/*.sql'"),
        ("[db.seed]\nsql_paths = []\n", "must name files"),
        ("[db.seed\n", "can't be read"),
    ],
)
def test_a_seed_that_the_cli_would_pass_over_in_silence_is_an_error(looks, context, config, said):
    (context.pack / "supabase" / "config.toml").write_text(config)
    looks.apply()
    assert set(looks.not_passed().values()) == {"error"}
    assert said in looks.detail("applied_with_cli")


def test_a_missing_seed_file_is_an_error(looks, context):
    (context.pack / "supabase" / "seed.sql").unlink()
    looks.all()
    assert looks.seen["applied_with_cli"].outcome is Outcome.ERROR
    assert "fail" not in looks.not_passed().values()


def test_several_files_are_applied_in_the_clis_order(looks, context):
    (context.pack / "supabase" / "config.toml").write_text('[db.seed]\nenabled = true\nsql_paths = ["./seeds/*.sql"]\n')
    (context.pack / "supabase" / "seeds").mkdir()
    first, second = SEED.split(";\n")[:2]
    write_seed(context, first + ";", "seeds/10_teams.sql")
    write_seed(context, second + ";", "seeds/20_people.sql")
    looks.all()
    assert looks.not_passed() == {}
    assert [row["file"] for row in looks.findings["look_at_application"].rows] == [
        "supabase/seeds/10_teams.sql",
        "supabase/seeds/20_people.sql",
    ]


def test_without_leave_to_write_nothing_is_applied_and_what_can_be_read_is_judged(looks, context):
    looks.apply()
    reading = Looks(replace(context, refusals=refused(environment="local"), embedded=frozenset())).all()
    assert reading.not_passed() == {"applied_with_cli": "skip", "applied_twice_changes_nothing": "skip"}
    assert "ALLOW_WRITES=local" in reading.fix("applied_with_cli")


def test_without_leave_to_write_an_empty_target_is_left_empty(looks, context):
    run(context.target, MIGRATION)
    looks.context = replace(context, refusals=refused())
    looks.all()
    assert looks.not_passed()["row_counts_match"] == "fail"
    assert counts(context.target) == (0, 0)


def test_pending_migrations_are_not_applied_to_a_live_target(looks, context):
    looks.context = replace(context, embedded=frozenset())
    looks.apply()
    assert set(looks.not_passed().values()) == {"error"}
    assert "still lacks 1 migration" in looks.detail("applied_with_cli")
    assert context.target.value("select to_regclass('public.teams') is null")


def test_a_target_that_does_not_answer_is_an_error(looks, context):
    looks.context = replace(context, target=context.target.named("nowhere"))
    looks.all()
    assert set(looks.not_passed().values()) == {"error"}
    assert len(looks.not_passed()) == len(CHECKS)


def test_a_row_gone_from_the_database_fails_the_count_alone(looks, context):
    looks.all()
    run(context.target, "delete from public.people where id = 2")
    broken = Looks(context).all()
    assert broken.not_passed() == {"row_counts_match": "fail", "applied_twice_changes_nothing": "skip"}
    assert broken.seen["applied_twice_changes_nothing"].see == "seed.row_counts_match"
    assert "public.people holds 2 rows instead of 3" in broken.detail("row_counts_match")
    run(context.target, SEED)
    assert Looks(context).all().not_passed() == {}


def test_a_row_gone_from_the_seed_file_fails_the_count_alone(looks, context):
    write_seed(context, SEED.replace(", (3, null, null, '{}')", ""))
    assert looks.all().not_passed() == {"row_counts_match": "fail", "applied_twice_changes_nothing": "skip"}


def test_an_undeclared_table_with_rows_and_a_declared_one_without_are_named(looks, context):
    looks.apply()
    run(
        context.target,
        "create table public.extra (id int); insert into public.extra values (1); create table public.idle (id int)",
    )
    looks.context = replace(context, settings=section(expected_counts={**COUNTS, "public.gone": 4}))
    looks.judge()
    assert looks.not_passed() == {"row_counts_match": "fail"}
    assert "public.gone is missing" in looks.detail("row_counts_match")
    assert "public.extra holds 1 rows and is not declared" in looks.detail("row_counts_match")
    assert "public.idle" not in looks.detail("row_counts_match")


def test_partitions_count_under_their_parent(looks, context):
    looks.apply()
    run(
        context.target,
        """create table public.facts (n int) partition by list (n);
        create table public.facts_1 partition of public.facts for values in (1);
        insert into public.facts values (1)""",
    )
    looks.context = replace(context, settings=section(expected_counts={**COUNTS, "public.facts": 1}))
    looks.judge()
    assert looks.not_passed() == {}


def test_no_declared_count_is_an_error(looks, context):
    looks.context = replace(context, settings=section(expected_counts={}))
    assert looks.all().not_passed() == {"row_counts_match": "error"}


def test_an_orphan_inserted_while_keys_were_off_fails_alone(looks, context):
    looks.apply()
    run_as_replica(context, "update public.people set team_id = 99 where id = 1")
    looks.judge()
    assert looks.not_passed() == {"foreign_keys_hold": "fail"}
    assert "1 row of public.people against people_team_id_fkey" in looks.detail("foreign_keys_hold")
    run_as_replica(context, "update public.people set team_id = 1 where id = 1")
    assert looks.judge().not_passed() == {}


def test_a_row_older_than_a_check_that_is_not_valid_fails_alone(looks, context):
    fill(context)
    run(context.target, "alter table public.people add constraint no_ana check (email not like 'ana%') not valid")
    looks.look(seed.look_at_constraints)
    assert looks.not_passed() == {"checks_hold": "fail"}
    assert "no_ana (NOT VALID)" in looks.detail("checks_hold")
    run(context.target, "alter table public.people drop constraint no_ana")
    looks.look(seed.look_at_constraints)
    assert looks.not_passed() == {}


def test_a_null_older_than_its_not_null_fails_alone(looks, context, hosted_database_18):
    looks.context = context = replace(context, target=hosted_database_18)  # before 18 it is not null at once, or not at all
    fill(context)
    run(context.target, "alter table public.people add constraint has_email not null email not valid")
    looks.look(seed.look_at_constraints)
    assert looks.not_passed() == {"not_nulls_hold": "fail"}
    assert "public.people against email" in looks.detail("not_nulls_hold")


def test_a_null_the_catalogue_denies_is_found_all_the_same(looks, context, postgres_server):
    fill(context)
    admin = postgres_server.database(context.target.name, role="supabase_admin")
    with admin.connect() as connection:
        connection.execute("set allow_system_table_mods = on")
        connection.execute(
            "update pg_attribute set attnotnull = true where attrelid = 'public.people'::regclass and attname = 'email'"
        )
    looks.look(seed.look_at_constraints)
    assert looks.not_passed() == {"not_nulls_hold": "fail"}


LOOK_ALIKE_CONSTRAINTS = [
    # a null refers to nothing; a condition that is null is not false
    "alter table public.people add constraint odd check (team_id > 0)",
    "create table public.tree (id int primary key, up int references public.tree); "
    "insert into public.tree values (1, null), (2, 1)",
    """create table public.pair (a int, b int, unique (a, b)); insert into public.pair values (1, 1);
    create table public.half (a int, b int, foreign key (a, b) references public.pair (a, b));
    insert into public.half values (7, null)""",
    """create table public.up (n int primary key) partition by list (n); create table public.up1 partition of public.up default;
    insert into public.up values (1); create table public.low (n int references public.up); insert into public.low values (1)""",
    """create table public."O'Neil %s" ("a:b" int primary key check ("a:b" > 0)); insert into public."O'Neil %s" values (1)""",
    "create table public.whole (a int, check (whole is not null)); insert into public.whole values (1)",
    """create extension citext schema extensions; create table public.words (w extensions.citext primary key, check (w <> 'no'));
    create table public.uses (w extensions.citext references public.words);
    insert into public.words values ('Yes');
    insert into public.uses values ('yes')""",
]


@pytest.mark.parametrize("script", LOOK_ALIKE_CONSTRAINTS)
def test_rows_that_only_look_as_if_they_broke_a_constraint_pass(looks, context, script):
    fill(context)
    run(context.target, script)
    looks.look(seed.look_at_constraints)
    assert looks.not_passed() == {}


def test_a_half_null_key_breaks_match_full(looks, context):
    fill(context)
    run(context.target, "create table public.pair (a int, b int, unique (a, b)); insert into public.pair values (1, 1)")
    run(
        context.target,
        "create table public.half (a int, b int, foreign key (a, b) references public.pair (a, b) match full)",
    )
    run_as_replica(context, "insert into public.half values (7, null), (null, null), (1, 1)")
    looks.look(seed.look_at_constraints)
    assert looks.not_passed() == {"foreign_keys_hold": "fail"}
    assert "1 row of public.half" in looks.detail("foreign_keys_hold")


def test_no_constraint_at_all_is_an_error(looks, context, hosted_database):
    run(hosted_database, "create table public.free (a int); insert into public.free values (1)")
    looks.look(seed.look_at_constraints)
    assert set(looks.not_passed().values()) == {"error", "skip"}
    assert looks.not_passed()["sequences_are_ahead"] == "skip"


def test_a_real_address_is_reported_by_its_domain_and_never_shown(looks, context):
    fill(context)
    run(context.target, "update public.people set email = 'jane.doe@gmail.com' where id = 3")
    run(context.target, 'update public.people set profile = \'{"to": ["joe@corp.example.com.evil.org"]}\' where id = 2')
    looks.look(seed.look_at_emails)
    assert looks.not_passed() == {"emails_are_reserved": "fail"}
    assert "1 address at gmail.com in public.people.email" in looks.detail("emails_are_reserved")
    assert "corp.example.com.evil.org in public.people.profile" in looks.detail("emails_are_reserved")
    assert "jane" not in str(looks.findings["look_at_emails"])


@pytest.mark.parametrize(
    "column",
    [
        "text",
        "varchar(80)",
        "char(40)",
        "extensions.citext",
        "json",
        "jsonb",
        "text[]",
        "public.address",
        "public.card",
        "extensions.hstore",
    ],
)
def test_addresses_are_found_in_columns_of_every_texty_type(looks, context, column):
    fill(context)
    value = {
        "json": '"a@real.io"',
        "jsonb": '"a@real.io"',
        "text[]": "{x,a@real.io}",
        "public.card": "(a@real.io)",
        "extensions.hstore": "k=>a@real.io",
    }
    run(context.target, "create extension citext schema extensions; create extension hstore schema extensions")
    run(context.target, "create domain public.address as varchar(80); create type public.card as (mail text)")
    run(
        context.target,
        f"create table public.odd (id int, v {column}); insert into public.odd values (1, '{value.get(column, 'a@real.io')}')",
    )
    looks.look(seed.look_at_emails)
    assert "1 address at real.io in public.odd.v" in looks.detail("emails_are_reserved")


@pytest.mark.parametrize(
    "text",
    [
        "react@18.2.0",
        "@mention",
        "a@b",
        "5 @ 3.x",
        "ANA@EXAMPLE.COM",
        "ana@sub.example.org",
        "x@host.test",
        "me@localhost",
        "mailto:ana@example.com?subject=x",
    ],
)
def test_what_only_looks_like_a_real_address_passes(looks, context, text):
    fill(context)
    run(context.target, f"update public.people set email = '{text}' where id = 3")
    looks.look(seed.look_at_emails)
    assert looks.not_passed() == {}


def test_fixtures_without_any_address_are_passed_over_with_a_reason(looks, context):
    write_seed(context, "insert into public.teams values (1, 'Atlas') on conflict do nothing;")
    looks.apply()
    looks.look(seed.look_at_emails)
    assert looks.not_passed() == {"emails_are_reserved": "skip"}


@pytest.mark.parametrize(
    ("domain", "reserved"),
    [
        ("example.com", True),
        ("a.example.com", True),
        ("notexample.com", False),
        ("example.com.org", False),
        ("test", True),
        ("latest", False),
    ],
)
def test_reserved_domains_are_matched_whole(domain, reserved):
    assert is_reserved(domain, ["example.com", "test"]) is reserved


def test_nothing_to_search_is_an_error():
    assert judge_emails(EmailSearch(columns=0, rows=0, found=()), ["test"]).outcome is Outcome.ERROR
    found = (EmailDomain(table="t", column="c", domain="a.test", addresses=1),)
    assert judge_emails(EmailSearch(columns=1, rows=1, found=found), ["test"]).outcome is Outcome.PASS


def test_hostile_names_are_counted_verified_and_searched(looks, context):
    looks.apply()
    name = "a\"b'c%s:d"
    quoted = '"' + name.replace('"', '""') + '"'
    with context.target.connect() as connection:
        connection.execute(f"create table public.{quoted} ({quoted} text primary key check ({quoted} <> 'no'))")
        connection.execute(f"insert into public.{quoted} values ('a@example.com')")
    looks.context = replace(context, settings=section(expected_counts={**COUNTS, f"public.{name}": 1}))
    looks.judge()
    assert looks.not_passed() == {}


class TestSequencesAreAhead:
    """Ids that a seed writes itself, and the sequence that the application's next row draws from."""

    def look(self, context: Context[Seed], *statements: str) -> Result:
        with context.target.connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())
        return {result.check: result for result in seed.look_at_constraints(context).results}["seed.sequences_are_ahead"]

    @pytest.mark.parametrize(
        "column",
        [
            "id int generated by default as identity primary key",
            "id int generated always as identity primary key",
            "id serial unique",
            "id bigint primary key default nextval('public.counter')",
        ],
    )
    def test_a_sequence_behind_its_rows_fails_until_it_is_set(self, context: Context[Seed], column: str) -> None:
        behind = self.look(
            context,
            "create sequence public.counter",
            f"create table public.things ({column}, name text)",
            "insert into public.things (id, name) overriding system value values (1, 'a'), (2, 'b')",
        )
        assert (behind.outcome, "2 rows of public.things" in behind.detail) == (Outcome.FAIL, True)
        name = "coalesce(pg_get_serial_sequence('public.things', 'id'), 'public.counter')"
        exact = self.look(context, f"select setval({name}, 2)")
        assert exact.outcome is Outcome.PASS
        short = self.look(context, f"select setval({name}, 2, false)")
        assert (short.outcome, "1 row of public.things" in short.detail) == (Outcome.FAIL, True)

    def test_a_column_that_may_repeat_and_a_sequence_that_counts_down_pass(self, context: Context[Seed]) -> None:
        found = self.look(
            context,
            "create table public.things (id int generated by default as identity (increment -1 start -1) primary key)",
            "alter table public.things add turn serial",
            "insert into public.things (turn) values (7), (8)",
        )
        assert found.outcome is Outcome.PASS

    def test_a_project_without_a_sequence_has_nothing_to_be_behind(self, context: Context[Seed]) -> None:
        assert self.look(context).outcome is Outcome.SKIP
