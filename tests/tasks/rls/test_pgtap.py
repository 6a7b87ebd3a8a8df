"""The pack's own tests: what they say is read whole, and nothing they do stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.core.errors import DatabaseError
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.tasks.rls.pgtap import TapFile, find_escape, find_test_files, read_run, run_test_files
from lib.transport.database import Database
from lib.transport.process import CommandRun

TWO_PASS = "begin;\nselect plan(2);\nselect ok(true, 'one');\nselect is(1, 1, 'two');\nselect * from finish();\nrollback;\n"


@pytest.fixture
def psql(postgres_server: EmbeddedPostgres) -> Path:
    return postgres_server.bin_dir / "psql"


def write_tests(pack: Path, **files: str) -> Path:
    folder = pack / "supabase" / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.sql").write_text(text, encoding="utf-8")
    return pack


def run(database: Database, pack: Path, psql: Path) -> list[TapFile]:
    return list(run_test_files(database, pack, psql=psql, statement_timeout_s=10))


def run_one(database: Database, tmp_path: Path, psql: Path, text: str) -> TapFile:
    return run(database, write_tests(tmp_path, one=text), psql)[0]


def test_a_file_that_runs_as_many_as_it_planned_is_good(hosted_database: Database, tmp_path: Path, psql: Path) -> None:
    one = run_one(hosted_database, tmp_path, psql, TWO_PASS)
    assert (one.path, one.planned, one.ran, one.failed, one.problem) == ("supabase/tests/one.sql", 2, 2, (), None)
    assert one.is_good
    assert "ok 2 - two" in one.transcript


def test_a_file_without_a_transaction_of_its_own_is_given_one(hosted_database: Database, tmp_path: Path, psql: Path) -> None:
    text = "create table public.made (id int);\nselect plan(1);\nselect has_table('made');\nselect * from finish();\n"
    assert run_one(hosted_database, tmp_path, psql, text).is_good
    assert hosted_database.value("select to_regclass('public.made')") is None


def test_the_extension_does_not_stay(hosted_database: Database, tmp_path: Path, psql: Path) -> None:
    assert run_one(hosted_database, tmp_path, psql, TWO_PASS).is_good
    assert hosted_database.value("select count(*) from pg_extension where extname = 'pgtap'") == 0


def test_an_extension_that_is_there_is_used_where_it_is(hosted_database: Database, tmp_path: Path, psql: Path) -> None:
    with hosted_database.connect() as connection:
        connection.execute('create schema "Tap Schema"')
        connection.execute('create extension pgtap with schema "Tap Schema"')
    assert run_one(hosted_database, tmp_path, psql, TWO_PASS).is_good


def test_a_failing_test_is_named_although_psql_exits_with_0(hosted_database: Database, tmp_path: Path, psql: Path) -> None:
    one = run_one(hosted_database, tmp_path, psql, TWO_PASS.replace("is(1, 1", "is(1, 2"))
    assert (one.exit_code, one.problem, one.failed) == (0, None, ("2: two",))


def test_todo_and_skip_are_counted_and_do_not_fail(hosted_database: Database, tmp_path: Path, psql: Path) -> None:
    text = "select plan(3); select todo('later', 1); select ok(false, 'no'); select skip('no', 1); select ok(true);\n"
    one = run_one(hosted_database, tmp_path, psql, text)
    assert (one.is_good, one.ran, one.todo, one.skipped) == (True, 3, 1, 1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (TWO_PASS.replace("plan(2)", "plan(3)"), "planned 3 tests and ran 2"),
        (TWO_PASS.replace("plan(2)", "plan(1)"), "planned 1 tests and ran 2"),
        ("", "ran no test"),
        ("select 'okay', set_config('a.b', 'c', true);", "ran no test"),
        ("select 'ok 1 - by hand';", "printed no plan"),
        ("begin;\nselect plan(2);\nselect ok(true);\nselect nothing_like_it();\nrollback;\n", "broke after 1 tests"),
        ("begin;\nselect plan(1);\nselect ok(true;\nrollback;\n", "broke after 0 tests"),
        ("select plan(1);\nselect ok(true);\nselect 'Bail out! no more';\n", "bailed out: no more"),
    ],
)
def test_a_file_that_proves_nothing_is_a_problem(
    hosted_database: Database, tmp_path: Path, psql: Path, text: str, problem: str
) -> None:
    one = run_one(hosted_database, tmp_path, psql, text)
    assert not one.is_good
    assert problem in (one.problem or "")


def test_results_of_queries_are_not_taken_for_tap(hosted_database: Database, tmp_path: Path, psql: Path) -> None:
    text = "select 1234;\nselect 'okay';\nselect plan(1);\nselect ok(true);\nselect 'not okay';\nselect * from finish();\n"
    one = run_one(hosted_database, tmp_path, psql, text)
    assert (one.planned, one.ran, one.is_good) == (1, 1, True)


def test_an_error_names_line_and_reason(hosted_database: Database, tmp_path: Path, psql: Path) -> None:
    one = run_one(hosted_database, tmp_path, psql, "select plan(1);\nselect 1 / 0;\n")
    assert one.exit_code == 3
    assert "one.sql:2" in (one.problem or "")
    assert "division by zero" in (one.problem or "")


def test_one_bad_file_does_not_hide_the_others(hosted_database: Database, tmp_path: Path, psql: Path) -> None:
    files = run(hosted_database, write_tests(tmp_path, a="select 1 / 0;", b=TWO_PASS, c="commit;"), psql)
    assert [one.is_good for one in files] == [False, True, False]


@pytest.mark.parametrize(
    "ending",
    [
        "commit;",
        "COMMIT ;",
        "end;",
        "rollback;\ncreate table public.stays ();",
        "prepare transaction 'x';",
        "\\c postgres",
        "\\! true",
    ],
)
def test_a_file_that_would_leave_its_transaction_is_not_run(
    hosted_database: Database, tmp_path: Path, psql: Path, ending: str
) -> None:
    text = f"begin;\ncreate table public.stays (id int);\nselect plan(1);\nselect ok(true);\n{ending}\n"
    one = run_one(hosted_database, tmp_path, psql, text)
    assert "was not run" in (one.problem or "")
    assert hosted_database.value("select to_regclass('public.stays')") is None


def test_a_commit_in_an_included_file_is_reported(hosted_database: Database, tmp_path: Path, psql: Path) -> None:
    (
        write_tests(tmp_path, one="select plan(1);\nselect ok(true);\n\\ir ../hidden.psql\n") / "supabase" / "hidden.psql"
    ).write_text("commit;")
    one = run(hosted_database, tmp_path, psql)[0]
    assert "ended the transaction" in (one.problem or "")


@pytest.mark.parametrize(
    "text",
    [
        "select 'commit;';",
        "-- commit;\nselect 1;",
        "do $$ begin perform 1; end $$;",
        "create function f() returns int language sql begin atomic select 1; end;",
        "savepoint a;\nrollback to savepoint a;\nselect 1;",
        "begin;\nselect 1;\nrollback;\n-- done\n",
        "prepare p as select 1;",
    ],
)
def test_words_that_only_look_like_an_ending_do_not_count(text: str) -> None:
    assert find_escape(text) is None


def test_files_are_found_in_folders_below(tmp_path: Path) -> None:
    folder = tmp_path / "supabase" / "tests" / "database"
    folder.mkdir(parents=True)
    for name in ("b.test.sql", "a_test.sql", "c.pg", "readme.md"):
        (folder / name).touch()
    assert [path.name for path in find_test_files(tmp_path)] == ["a_test.sql", "b.test.sql", "c.pg"]
    assert find_test_files(tmp_path / "none") == []


def test_a_name_with_spaces_and_quotes_runs(hosted_database: Database, tmp_path: Path, psql: Path) -> None:
    assert run(hosted_database, write_tests(tmp_path, **{'it\'s a "test" -x': TWO_PASS}), psql)[0].is_good


def test_a_server_that_does_not_answer_is_no_failed_test(hosted_database: Database, tmp_path: Path, psql: Path) -> None:
    gone = hosted_database.named("not_there")
    with pytest.raises(DatabaseError, match="not_there"):
        run(gone, write_tests(tmp_path, one=TWO_PASS), psql)


def test_the_password_is_in_no_argument(hosted_database: Database, tmp_path: Path, psql: Path) -> None:
    one = run_one(hosted_database, tmp_path, psql, TWO_PASS)
    assert hosted_database.password
    assert hosted_database.password not in f"{one.command}{one.transcript}"


def test_two_plans_in_one_file_are_a_problem() -> None:
    stdout = "1..1\nok 1 - a\n1..1\nok 1 - b\n"
    done = CommandRun(command="psql", exit_code=0, stdout=stdout, stderr="", duration_s=0.1)
    assert read_run("x.sql", done, ends_itself=True).problem == "printed 2 plans"


def test_a_file_whose_tests_were_all_skipped_tested_nothing(hosted_database: Database, tmp_path: Path, psql: Path) -> None:
    one = run_one(hosted_database, tmp_path, psql, "select plan(2); select skip('no server', 2); select * from finish();\n")
    assert (one.ran, one.skipped, one.is_good) == (2, 2, False)
    assert "skipped each of its 2 tests" in str(one.problem)
