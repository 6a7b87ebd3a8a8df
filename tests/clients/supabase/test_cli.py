"""The CLI's calls and answers: by text for both generations, and for real with the pinned binary."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lib.clients.supabase.cli import (
    CliRefusal,
    SupabaseCli,
    name_target,
    open_cli,
    read_answer,
    read_major,
    read_packed_version,
    stage_project,
)
from lib.clients.supabase.migration_files import find_migrations
from lib.clients.supabase.migration_history import list_versions, read_history
from lib.core.errors import CommandError, TargetError
from lib.run.stack import find_supabase, find_supabase_before
from lib.transport.database import Database
from lib.transport.process import CommandRun, run_command

TARGET = Database("postgresql://postgres.ref:pass%40word1@db.example.com:6543/app")


def said(stdout: str, *, exit_code: int = 0, stderr: str = "") -> CommandRun:
    return CommandRun(command="supabase db push", exit_code=exit_code, stdout=stdout, stderr=stderr, duration_s=0.1)


def fake_cli(folder: Path, body: str) -> Path:
    path = folder / "supabase"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    migrations = tmp_path / "pack" / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    (migrations / "20250101000000_notes.sql").write_text("create table public.notes (id int);")
    (migrations / "notes_too.sql").write_text("select 1;")
    return tmp_path / "pack"


@pytest.fixture
def cli(pack: Path, tmp_path: Path) -> SupabaseCli:
    return open_cli(find_supabase(None), stage_project(pack, tmp_path / "staged"), timeout_s=60)


@pytest.mark.parametrize(("major", "flag"), [(2, "--db-url="), (3, "--remote="), (4, "--remote=")])
def test_each_generation_gets_the_target_without_the_password(major: int, flag: str) -> None:
    named = name_target(TARGET, major)
    assert named == f"{flag}postgresql://postgres.ref@db.example.com:6543/app?sslmode=require"


def test_a_loopback_target_is_used_without_tls() -> None:
    assert name_target(Database("postgresql://u:secret1@127.0.0.1:5/d"), 2).endswith("/d?sslmode=disable")


def test_a_database_whose_server_has_tls_here_keeps_its_mode() -> None:
    assert name_target(Database("postgresql://u:secret1@localhost/d?sslmode=require"), 3).endswith("sslmode=require")


@pytest.mark.parametrize(("printed", "major"), [("2.122.1", 2), ("3.1.0", 3)])
def test_the_generation_is_read_from_the_version(tmp_path: Path, printed: str, major: int) -> None:
    assert read_major(fake_cli(tmp_path, f"echo {printed}")) == major


@pytest.mark.parametrize(("name", "major"), [("@supabase/cli-linux-x64", 3), ("@somebody/supabase", 2)])
def test_the_generation_of_an_npm_package_is_its_own_version(tmp_path: Path, name: str, major: int) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "package.json").write_text(f'{{"name": "{name}", "version": "3.1.0"}}')
    assert read_major(fake_cli(tmp_path / "bin", "echo 2.122.1")) == major


def test_the_packages_here_hold_the_versions_that_they_say() -> None:
    for binary in filter(None, (find_supabase(None), find_supabase_before(None))):
        assert run_command([binary, "--version"], timeout_s=60).stdout.strip() == read_packed_version(binary)


@pytest.mark.parametrize("printed", ["1.226.4", "", "no idea"])
def test_a_generation_that_can_not_be_called_is_refused(tmp_path: Path, printed: str) -> None:
    with pytest.raises(CommandError, match="Install version 2 or newer"):
        read_major(fake_cli(tmp_path, f"echo '{printed}'"))


def test_every_call_is_explicit_and_no_credential_is_in_it(tmp_path: Path) -> None:
    script = 'printf \'{"migrations":[],"argv":"\'; printf "%s " "$@"; printf \'","password":"%s"}\\n\' "$PGPASSWORD"'
    answer = SupabaseCli(binary=fake_cli(tmp_path, script), major=2, workdir=tmp_path, timeout_s=10).push(TARGET)
    for word in ("--db-url=", "--yes", "--output-format json", "--agent no", "--workdir"):
        assert word in answer.data["argv"]
    assert "pass@word1" not in answer.data["argv"]
    assert answer.data["password"] == "pass@word1"


def test_warnings_above_the_json_do_not_hide_it() -> None:
    assert read_answer(said('A warning\n{"upToDate": true}\n'), "db push").data == {"upToDate": True}


def test_findings_with_exit_code_1_are_an_answer() -> None:
    assert read_answer(said('{"results": [1]}', exit_code=1), "db advisors").data["results"] == [1]


def test_the_clis_own_error_has_its_code_and_suggestion() -> None:
    error = {"_tag": "Error", "error": {"code": "DbConnectError", "message": "no\nroute", "suggestion": "Plug it in."}}
    with pytest.raises(CliRefusal, match=r"\(DbConnectError\): no route. Fix: Plug it in."):
        read_answer(said(json.dumps(error), exit_code=1), "db push")


@pytest.mark.parametrize("stdout", ["", "usage: supabase", "{broken"])
def test_no_json_is_no_answer(stdout: str) -> None:
    with pytest.raises(CommandError, match="no JSON: what it is"):
        read_answer(said(stdout, exit_code=1, stderr="what it is"), "db push")


def test_files_skipped_for_their_names_are_read_off_stderr() -> None:
    stderr = 'Connecting...\nSkipping migration foo.sql... (file name must match pattern "<timestamp>_name.sql")\n'
    assert read_answer(said("{}", stderr=stderr), "db push").skipped_files == ["foo.sql"]


def test_nothing_is_written_into_the_pack(pack: Path, cli: SupabaseCli, hosted_database: Database) -> None:
    before = sorted(path for path in pack.rglob("*"))
    cli.push(hosted_database)
    assert sorted(path for path in pack.rglob("*")) == before


def test_the_real_cli_plans_pushes_lists_and_advises(cli: SupabaseCli, hosted_database: Database) -> None:
    planned = cli.push(hosted_database, dry_run=True)
    assert planned.data["migrations"] == ["20250101000000_notes.sql"]
    assert planned.skipped_files == ["notes_too.sql"]
    assert not hosted_database.value("select to_regclass('public.notes') is not null")
    cli.push(hosted_database)
    assert cli.push(hosted_database).data["upToDate"] is True
    assert [(one.version, one.local, one.remote) for one in cli.list_migrations(hosted_database)] == [
        ("20250101000000", True, True)
    ]
    assert isinstance(cli.advise(hosted_database).data["results"], list)


def test_what_is_read_here_of_both_sides_is_what_the_cli_lists(
    pack: Path, cli: SupabaseCli, hosted_database: Database, tmp_path: Path
) -> None:
    cli.push(hosted_database)
    (pack / "supabase" / "migrations" / "20250102000000_later.sql").write_text("select 1;")
    with hosted_database.connect() as connection:
        connection.execute("insert into supabase_migrations.schema_migrations (version) values ('20240101000000')")
    again = open_cli(find_supabase(None), stage_project(pack, tmp_path / "again"), timeout_s=60)
    applied = [one.version for one in read_history(hosted_database)]
    ours = list_versions(find_migrations(pack).files, applied)
    assert ours == again.list_migrations(hosted_database)
    assert [(one.local, one.remote) for one in ours] == [(False, True), (True, True), (True, False)]


BEFORE = find_supabase_before(None)


@pytest.mark.skipif(BEFORE is None, reason="on this platform generation 2 is the only one")
@pytest.mark.parametrize("written", ["[inbucket]\nenabled = true\n", "[auth.external.slack]\nenabled = false\n"])
def test_a_config_of_the_generation_before_is_read_by_it(
    pack: Path, tmp_path: Path, hosted_database: Database, written: str
) -> None:
    (pack / "supabase" / "config.toml").write_text(f'project_id = "x"\n{written}')
    cli = open_cli(find_supabase(None), stage_project(pack, tmp_path / "staged"), timeout_s=60, older=BEFORE)
    assert [one.version for one in cli.list_migrations(hosted_database)] == ["20250101000000"]
    assert cli.push(hosted_database).data["migrations"] == ["20250101000000_notes.sql"]
    assert cli.push(hosted_database).data["upToDate"] is True


def test_a_config_that_no_generation_takes_is_refused_in_the_newest_ones_words(
    pack: Path, tmp_path: Path, hosted_database: Database
) -> None:
    (pack / "supabase" / "config.toml").write_text(
        'project_id = "x"\n[auth.email.template.invite]\nsubject = "x"\ncontent_path = "./supabase/none.html"\n'
    )
    cli = open_cli(find_supabase(None), stage_project(pack, tmp_path / "staged"), timeout_s=60, older=BEFORE)
    for _ in range(2):
        with pytest.raises(CliRefusal, match=r"content_path.*Fix: Change supabase/config.toml") as caught:
            cli.list_migrations(hosted_database)
        assert caught.value.code == "DbConfigLoadError"


@pytest.mark.parametrize("content_path", ["./supabase/templates/invite.html", "./emails/invite.html"])
def test_templates_that_config_names_are_there_for_the_cli(
    pack: Path, tmp_path: Path, hosted_database: Database, content_path: str
) -> None:
    (pack / "supabase" / "config.toml").write_text(
        f'project_id = "x"\n[auth.email.template.invite]\nsubject = "x"\ncontent_path = "{content_path}"\n'
    )
    (pack / content_path).parent.mkdir()
    (pack / content_path).write_text("<p>Welcome</p>")
    cli = open_cli(find_supabase(None), stage_project(pack, tmp_path / "staged"), timeout_s=60, older=BEFORE)
    assert [one.version for one in cli.list_migrations(hosted_database)] == ["20250101000000"]


def test_a_wrong_password_is_an_error(cli: SupabaseCli, hosted_database: Database) -> None:
    stranger = Database(hosted_database.url.replace(f":{hosted_database.url.split(':')[2].split('@')[0]}@", ":not-the-password@"))
    with pytest.raises(CliRefusal, match="DbConnectError"):
        cli.list_migrations(stranger)


def test_what_is_staged_is_a_copy_of_what_the_cli_reads_and_no_more(pack: Path, tmp_path: Path) -> None:
    for path in ("db/seed.sql", "db/other.sql", "secret.txt", "supabase/.temp/x", "supabase/functions/f/node_modules/a/b.js"):
        (pack / path).parent.mkdir(parents=True, exist_ok=True)
        (pack / path).write_text(path)
    (pack / "supabase" / "config.toml").write_text('[db.seed]\nsql_paths = ["../db/seed.sql", "/etc/passwd", "../../*"]\n')
    (tmp_path / "outside.sql").write_text("select 1")
    (pack / "supabase" / "link.sql").symlink_to(tmp_path / "outside.sql")
    (pack / "supabase" / "inner.sql").symlink_to("config.toml")
    (pack / "supabase" / "loop").symlink_to("loop")
    staged = stage_project(pack, tmp_path / "staged")
    found = sorted(path.relative_to(staged).as_posix() for path in staged.rglob("*") if not path.is_dir())
    assert found == [
        "db/seed.sql",
        "supabase/config.toml",
        "supabase/inner.sql",
        "supabase/migrations/20250101000000_notes.sql",
        "supabase/migrations/notes_too.sql",
    ]
    assert not any(path.is_symlink() for path in staged.rglob("*"))
    assert list((stage_project(pack, tmp_path / "bare", with_config=False) / "supabase").iterdir()) == []


def test_a_folder_too_large_to_copy_is_told(pack: Path, tmp_path: Path) -> None:
    with (pack / "supabase" / "dump.bin").open("wb") as file:
        file.truncate(300_000_000)
    with pytest.raises(TargetError, match="more than 200 MB"):
        stage_project(pack, tmp_path / "staged")
