"""The pack's own tests: what they say is read whole, and nothing they do stays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lib.clients.postgres.rls.probe import rolled_back
from lib.clients.postgres.statements import split_statements
from lib.clients.postgres.transactions import find_escape
from lib.core.errors import DatabaseError
from lib.tasks.rls.pgtap import find_test_files, run_test_files
from lib.tasks.rls.tap_output import TapFile, TapRun, read_run
from lib.transport.database import Database

TWO_PASS = "begin;\nselect plan(2);\nselect ok(true, 'one');\nselect is(1, 1, 'two');\nselect * from finish();\nrollback;\n"


def write_tests(pack: Path, **files: str) -> Path:
    folder = pack / "supabase" / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.sql").write_text(text, encoding="utf-8")
    return pack


def run(database: Database, pack: Path) -> list[TapFile]:
    return list(run_test_files(database, pack, statement_timeout_s=10))


def run_one(database: Database, tmp_path: Path, text: str) -> TapFile:
    return run(database, write_tests(tmp_path, one=text))[0]


def test_a_file_that_runs_as_many_as_it_planned_is_good(hosted_database: Database, tmp_path: Path) -> None:
    one = run_one(hosted_database, tmp_path, TWO_PASS)
    assert (one.path, one.planned, one.ran, one.failed, one.problem) == ("supabase/tests/one.sql", 2, 2, (), None)
    assert one.is_good
    assert "ok 2 - two" in one.transcript


def test_a_file_without_a_transaction_of_its_own_is_given_one(hosted_database: Database, tmp_path: Path) -> None:
    text = "create table public.made (id int);\nselect plan(1);\nselect has_table('made');\nselect * from finish();\n"
    assert run_one(hosted_database, tmp_path, text).is_good
    assert hosted_database.value("select to_regclass('public.made')") is None


def test_the_extension_does_not_stay(hosted_database: Database, tmp_path: Path) -> None:
    assert run_one(hosted_database, tmp_path, TWO_PASS).is_good
    assert hosted_database.value("select count(*) from pg_extension where extname = 'pgtap'") == 0


def test_an_extension_that_is_there_is_used_where_it_is(hosted_database: Database, tmp_path: Path) -> None:
    with hosted_database.connect() as connection:
        connection.execute('create schema "Tap Schema"')
        connection.execute('create extension pgtap with schema "Tap Schema"')
    assert run_one(hosted_database, tmp_path, TWO_PASS).is_good


def test_a_failing_test_is_named_by_number_and_name(hosted_database: Database, tmp_path: Path) -> None:
    one = run_one(hosted_database, tmp_path, TWO_PASS.replace("is(1, 1", "is(1, 2"))
    assert (one.problem, one.failed) == (None, ("2: two",))


def test_todo_and_skip_are_counted_and_do_not_fail(hosted_database: Database, tmp_path: Path) -> None:
    text = "select plan(3); select todo('later', 1); select ok(false, 'no'); select skip('no', 1); select ok(true);\n"
    one = run_one(hosted_database, tmp_path, text)
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
def test_a_file_that_proves_nothing_is_a_problem(hosted_database: Database, tmp_path: Path, text: str, problem: str) -> None:
    one = run_one(hosted_database, tmp_path, text)
    assert not one.is_good
    assert problem in (one.problem or "")


def test_results_of_queries_are_not_taken_for_tap(hosted_database: Database, tmp_path: Path) -> None:
    text = "select 1234;\nselect 'okay';\nselect plan(1);\nselect ok(true);\nselect 'not okay';\nselect * from finish();\n"
    one = run_one(hosted_database, tmp_path, text)
    assert (one.planned, one.ran, one.is_good) == (1, 1, True)


def test_an_error_names_line_and_reason(hosted_database: Database, tmp_path: Path) -> None:
    one = run_one(hosted_database, tmp_path, "select plan(1);\nselect 1 / 0;\n")
    assert "one.sql:2" in (one.problem or "")
    assert "division by zero" in (one.problem or "")


def test_one_bad_file_does_not_hide_the_others(hosted_database: Database, tmp_path: Path) -> None:
    files = run(hosted_database, write_tests(tmp_path, a="select 1 / 0;", b=TWO_PASS, c="commit;"))
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
def test_a_file_that_would_leave_its_transaction_is_not_run(hosted_database: Database, tmp_path: Path, ending: str) -> None:
    text = f"begin;\ncreate table public.stays (id int);\nselect plan(1);\nselect ok(true);\n{ending}\n"
    one = run_one(hosted_database, tmp_path, text)
    assert "was not run" in (one.problem or "")
    assert hosted_database.value("select to_regclass('public.stays')") is None


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
    assert find_escape(split_statements(text)) is None


def test_files_are_found_in_folders_below(tmp_path: Path) -> None:
    folder = tmp_path / "supabase" / "tests" / "database"
    folder.mkdir(parents=True)
    for name in ("b.test.sql", "a_test.sql", "c.pg", "readme.md"):
        (folder / name).touch()
    assert [path.name for path in find_test_files(tmp_path)] == ["a_test.sql", "b.test.sql", "c.pg"]
    assert find_test_files(tmp_path / "none") == []


def test_a_name_with_spaces_and_quotes_runs(hosted_database: Database, tmp_path: Path) -> None:
    assert run(hosted_database, write_tests(tmp_path, **{'it\'s a "test" -x': TWO_PASS}))[0].is_good


def test_a_server_that_does_not_answer_is_no_failed_test(hosted_database: Database, tmp_path: Path) -> None:
    gone = hosted_database.named("not_there")
    with pytest.raises(DatabaseError, match="not_there"):
        run(gone, write_tests(tmp_path, one=TWO_PASS))


def test_the_password_is_in_no_transcript(hosted_database: Database, tmp_path: Path) -> None:
    one = run_one(hosted_database, tmp_path, TWO_PASS)
    assert hosted_database.password
    assert hosted_database.password not in one.transcript


def test_two_plans_in_one_file_are_a_problem() -> None:
    stdout = "1..1\nok 1 - a\n1..1\nok 1 - b\n"
    assert read_run("x.sql", TapRun(printed=stdout.splitlines(), counted=2)).problem == "printed 2 plans"


def test_a_file_whose_tests_were_all_skipped_tested_nothing(hosted_database: Database, tmp_path: Path) -> None:
    one = run_one(hosted_database, tmp_path, "select plan(2); select skip('no server', 2); select * from finish();\n")
    assert (one.ran, one.skipped, one.is_good) == (2, 2, False)
    assert "skipped each of its 2 tests" in str(one.problem)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("select '1..1'; select 'ok 1 - by hand';", "printed 1 results of tests, and pgTAP itself ran 0"),
        ("select plan(2); select ok(true); select 'ok 2 - by hand';", "printed 2 results of tests, and pgTAP itself ran 1"),
        ("select plan(2); select ok(true); select ok(true), ok(false); select 'ok 2';", "pgTAP itself ran 3"),
        (
            "select plan(2); select ok(true); select split_part(replace(ok(false), 'not ok', 'ok'), chr(10), 1);",
            "printed 0 failed tests, and pgTAP itself found 1",
        ),
        ("select plan(1); select ok(true); do $$ begin perform ok(false); end $$;", "pgTAP itself ran 2"),
        ("select plan(1); select ok(true); select generate_series(1, 30000);", "printed more than 20,000 lines"),
        ("select plan(1); select ok(true); drop table pg_temp.__tcache__;", "own table of results"),
    ],
)
def test_lines_that_pgtap_did_not_count_are_no_tests(hosted_database: Database, tmp_path: Path, text: str, problem: str) -> None:
    assert problem in (run_one(hosted_database, tmp_path, text).problem or "")


def test_tests_in_functions_and_in_savepoints_are_counted_as_pgtap_counts_them(hosted_database: Database, tmp_path: Path) -> None:
    in_functions = (
        "create function public.test_one() returns setof text language sql as $$ select ok(true); select ok(true) $$;\n"
        "select * from runtests('public'::name);"
    )
    in_savepoints = "select plan(2); savepoint a; select ok(true); rollback to savepoint a; select ok(true); release a;"
    late = "select no_plan(); select ok(true, E'two\\nlines'); select * from finish();"
    for text in (in_functions, in_savepoints, late):
        one = run_one(hosted_database, tmp_path, text)
        assert (one.problem, one.failed) == (None, ()), text


def test_a_failure_that_is_marked_as_still_to_do_is_said(hosted_database: Database, tmp_path: Path) -> None:
    one = run_one(
        hosted_database, tmp_path, "select plan(2); select ok(true); select todo('later', 1); select ok(false, 'hole');"
    )
    assert (one.is_good, one.todo, one.failed) == (True, 1, ())
    assert one.unfinished == ("2: hole # TODO later",) or one.unfinished == ("2: hole",)


@pytest.mark.parametrize(
    "text",
    [
        "do $$ begin create table public.stays (); commit; end $$;",
        "create procedure public.keep() language plpgsql as $$ begin commit; end $$; "
        "create table public.stays (); call public.keep();",
        "create table public.stays (); begin; select 1; rollback and chain; create table public.stays ();",
        "create table public.stays (); commit and chain;",
        "create table public.stays (); end work;",
        "create extension dblink; select dblink_exec('host=127.0.0.1 dbname=' || current_database() || ' port=' "
        "|| current_setting('port'), 'create table public.stays ()');",
        "set standard_conforming_strings = off; select 'a\\'; commit; --';",
        "select 1; /* */ COMMIT /* and */ ;",
    ],
)
def test_nothing_that_would_keep_what_a_file_did_is_good_or_leaves_anything(
    hosted_database: Database, tmp_path: Path, text: str
) -> None:
    one = run_one(hosted_database, tmp_path, f"begin; select plan(1); select ok(true); {text}")
    assert one.problem
    assert hosted_database.value("select to_regclass('public.stays')") is None


def test_a_file_that_does_not_end_is_ended_and_named(hosted_database: Database, tmp_path: Path) -> None:
    stubborn = (
        "select plan(1);\n"
        "do $$ begin loop begin perform pg_sleep(60); exception when query_canceled then null; end; end loop; end $$;"
    )
    write_tests(tmp_path, a=stubborn, b=TWO_PASS)
    files = list(run_test_files(hosted_database, tmp_path, statement_timeout_s=60, file_timeout_s=0.5))
    assert "did not end within 0.5 s" in (files[0].problem or "")
    assert (
        hosted_database.value(
            "select count(*) from pg_stat_activity where query like '%query_canceled%' and pid <> pg_backend_pid()"
        )
        == 0
    )
    again = list(run_test_files(hosted_database, tmp_path, statement_timeout_s=60, file_timeout_s=3))[1]
    assert again.is_good


def test_a_statement_that_takes_too_long_is_named_by_line(hosted_database: Database, tmp_path: Path) -> None:
    write_tests(tmp_path, a="select plan(1);\n\nselect pg_sleep(60);")
    [one] = run_test_files(hosted_database, tmp_path, statement_timeout_s=2.0)
    assert "a.sql:3: canceling statement due to statement timeout" in (one.problem or "")


def test_a_file_that_ends_its_own_session_is_a_problem_of_its_own(hosted_database: Database, tmp_path: Path) -> None:
    ending = "select plan(1); select pg_terminate_backend(pg_backend_pid());"
    files = run(hosted_database, write_tests(tmp_path, a=ending, b=TWO_PASS))
    assert [one.is_good for one in files] == [False, True]


def test_a_backslash_that_is_text_is_run(hosted_database: Database, tmp_path: Path) -> None:
    text = (
        "-- \\! true\nselect plan(1); /* \\! \\gexec */\n"
        "select is(E'\\\\' || '\\! true' || $$\\gexec$$ || $a$\\i x$a$, '\\\\! true\\gexec\\i x', '\\o |prog');\n"
    )
    assert run_one(hosted_database, tmp_path, text).is_good


def test_a_file_waits_for_a_trial_of_the_same_rows(hosted_database: Database, tmp_path: Path) -> None:
    with hosted_database.connect() as connection:
        connection.execute("create table public.keyed (id int primary key)")
    text = "begin;\nselect plan(1);\ninsert into public.keyed values (1);\nselect ok(true);\nselect * from finish();\nrollback;\n"
    pack = write_tests(tmp_path, one=text)
    with ThreadPoolExecutor(1) as pool:
        with rolled_back(hosted_database, statement_timeout_s=10) as connection:
            connection.execute("insert into public.keyed values (1)")
            waiting = pool.submit(lambda: list(run_test_files(hosted_database, pack, statement_timeout_s=0.5)))
            with pytest.raises(TimeoutError):
                waiting.result(timeout=1.5)  # longer than its statements may take: it has not begun
        [one] = waiting.result(timeout=60)
    assert one.is_good, one
