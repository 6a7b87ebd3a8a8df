"""Faults of a project's migration files: names, versions, contents, and what the linter and the target's history say of them."""

from __future__ import annotations

from collections.abc import Iterator

from lib.clients.supabase.migration_files import ROLLBACKS, MigrationFile, find_migrations
from lib.clients.supabase.migration_history import read_history
from lib.tasks.faults import Fault, Scene, with_file, with_files, with_statements

FOLDER = "supabase/migrations"
LATEST = "29990101000000"
"""A version after any that somebody has."""
EARLIEST = "00010101000000"
"""A version before any that somebody has."""

HISTORY = (
    "create schema if not exists supabase_migrations",
    "create table if not exists supabase_migrations.schema_migrations "
    "(version text not null primary key, statements text[], name text)",
)
"""What the CLI makes on a target before its first push. Source: supabase/cli, pkg/migration/history.go."""

BAD_NAMES = ("launch_fault.sql", "2999-01-01_launch_fault.sql", "v1_launch_fault.sql", f"{LATEST}.sql",
             f"{LATEST}-launch_fault.sql", f" {LATEST}_launch_fault.sql", f"{LATEST}_launch_fault.SQL")  # fmt: skip
OTHER_FILES = ("README.md", ".hidden.sql", f"{LATEST}_launch_fault.sql.bak", "claude.md", "notes.txt")

TORN = {
    "vacuum": "vacuum {table}",
    "vacuum full": "vacuum (full) {table}",
    "cluster": "cluster",
    "commit": "commit",
    "a transaction of its own": "begin;\nselect 1;\ncommit",
    "rollback": "rollback",
    "alter system": "alter system set log_statement = 'ddl'",
    "create index concurrently": "create index concurrently launch_fault on {table} ((1))",
    "create unique index concurrently": "create unique index concurrently if not exists launch_fault on {table} ((1))",
    "drop index concurrently": "drop index concurrently if exists public.launch_fault",
    "reindex concurrently": "reindex table concurrently {table}",
    "reindex of a schema": "reindex schema public",
    "detach concurrently": "alter table {table} detach partition {table} concurrently",
    "create database": "create database launch_fault",
    "a block that commits": "do $$ begin perform 1; commit; end $$",
    "a procedure that commits": "create procedure public.launch_fault() language plpgsql as $$ begin commit; end $$;\n"
    "call public.launch_fault()",
    "discard all": "discard all",
    "a subscription": "create subscription launch_fault connection 'host=localhost' publication launch_fault",
}  # fmt: skip
"""Kinds of statements by which a file stays half applied when a later one fails."""

WHOLE = {
    "vacuum in a comment": "-- vacuum {table};\nselect 1",
    "commit in a text": "select 'begin; commit; vacuum'",
    "commit in a message": "do $$ begin raise notice 'commit;'; end $$",
    "concurrently in a name": 'select 1 as "create index concurrently"',
    "analyze": "analyze {table}",
    "reindex": "reindex table {table}",
    "a savepoint's words": "select 'savepoint a; release a'",
    "a procedure that is not called": "create procedure public.launch_fault() language plpgsql as $$ begin commit; end $$",
}
"""The same words in statements that one transaction holds."""

LINTED = {
    "ban-drop-table": "drop table if exists public.launch_fault",
    "ban-drop-column": "alter table {table} drop column if exists launch_fault",
    "prefer-text-field": "create table public.launch_fault (id bigint primary key, word varchar(10))",
    "prefer-bigint-over-int": "create table public.launch_fault (id integer primary key)",
    "prefer-timestamptz": "create table public.launch_fault (id bigint primary key, at timestamp)",
    "ban-char-field": "create table public.launch_fault (id bigint primary key, word char(3))",
    "renaming-table": "alter table {table} rename to launch_fault",
    "renaming-column": "alter table {table} rename column id to launch_fault",
    "ban-drop-not-null": "alter table {table} alter column id drop not null",
    "ban-truncate-cascade": "truncate {table} cascade",
}
"""Rule of the linter -> a statement that it reports. Source: https://squawkhq.com/docs/rules"""


def path_of(file: MigrationFile) -> str:
    return f"{FOLDER}/{file.name}"


def files_of(scene: Scene) -> list[MigrationFile]:
    return list(find_migrations(scene.context.pack).files)


def with_ending(file: MigrationFile, statement: str) -> str:
    """Return a file's text with one statement more at its end, whatever the last one ends with."""
    return f"{file.text.rstrip()}\n;\n{statement};\n"


def table_in(file: MigrationFile) -> str:
    """Return the name of the first table that a file creates or alters, as it spells it; one of nobody's without any."""
    words = file.text.split()
    for verb, word, name in zip(words, words[1:], words[2:], strict=False):
        if (verb.lower(), word.lower()) in {("create", "table"), ("alter", "table")} and name.lower() not in ("if", "only"):
            return name.partition("(")[0].rstrip(";")
    return "public.launch_fault"


def misname(scene: Scene) -> Iterator[Fault]:
    """Yield one more file for each kind of name that the CLI skips."""
    for name in BAD_NAMES:
        yield Fault(place=name, make=with_file(f"{FOLDER}/{name}", "select 1;\n"))


def add_other_files(scene: Scene) -> Iterator[Fault]:
    """Yield files beside the migrations that are none."""
    for name in OTHER_FILES:
        yield Fault(place=name, make=with_file(f"{FOLDER}/{name}", "select 1;\n"))


def share_versions(scene: Scene) -> Iterator[Fault]:
    """Yield each file once more, under another name and the same version."""
    for file in files_of(scene):
        name = f"{FOLDER}/{file.version}_launch_fault.sql"
        yield Fault(place=file.name, make=with_file(name, "select 1;\n"))


def repeat_words(scene: Scene) -> Iterator[Fault]:
    """Yield the last file's words once more, under a version of their own."""
    for file in files_of(scene)[-1:]:
        name = f"{FOLDER}/{LATEST}_{file.name.partition('_')[2]}"
        yield Fault(place=file.name, make=with_file(name, "select 1;\n"))


def remove_files(scene: Scene) -> Iterator[Fault]:
    """Yield a project without its migrations."""
    files: dict[str, None] = {path_of(file): None for file in files_of(scene)}
    yield Fault(place="every file", make=with_files({**files, f"{FOLDER}/.gitkeep": ""}))


def tear_files(scene: Scene) -> Iterator[Fault]:
    """Yield each file with a statement that one transaction can't hold, at its end."""
    for file in files_of(scene):
        for what, statement in TORN.items():
            text = with_ending(file, statement.format(table=table_in(file)))
            yield Fault(place=f"{what} in {file.name}", make=with_file(path_of(file), text))


def mention_words(scene: Scene) -> Iterator[Fault]:
    """Yield each file with the words of such a statement where they do nothing."""
    for file in files_of(scene):
        for what, statement in WHOLE.items():
            text = with_ending(file, statement.format(table=table_in(file)))
            yield Fault(place=f"{what} in {file.name}", make=with_file(path_of(file), text))


def add_lint(scene: Scene) -> Iterator[Fault]:
    """Yield the last file with a statement that the linter reports, for each rule that the project keeps."""
    pack = scene.context.pack
    accepted = "".join(
        path.read_text(errors="replace") for path in pack.glob("**/.squawk.toml") if "node_modules" not in path.parts
    )
    for file in files_of(scene)[-1:]:
        for rule, statement in LINTED.items():
            if rule not in accepted and rule not in file.text:
                text = with_ending(file, statement.format(table=table_in(file)))
                yield Fault(place=f"{rule} in {file.name}", make=with_file(path_of(file), text))


def comment_files(scene: Scene) -> Iterator[Fault]:
    """Yield each file with a comment more."""
    for file in files_of(scene):
        yield Fault(place=file.name, make=with_file(path_of(file), f"-- One more comment.\n{file.text}"))


def record(version: str, statements: str = "array['select 1']") -> str:
    """Return the statement that records a version as applied, over what is recorded of it."""
    return (
        "insert into supabase_migrations.schema_migrations (version, statements, name) "
        f"values ('{version}', {statements}, 'fault') on conflict (version) do update set statements = excluded.statements"
    )


def apply_unknown(scene: Scene) -> Iterator[Fault]:
    """Yield versions in the target's history that no file has, before and after every file's."""
    for version in (EARLIEST, LATEST):
        yield Fault(place=version, make=with_statements(*HISTORY, record(version)))


def apply_otherwise(scene: Scene) -> Iterator[Fault]:
    """Yield each version recorded with other statements than its file's, and with none."""
    for file in files_of(scene):
        yield Fault(place=f"{file.name} was another", make=with_statements(*HISTORY, record(file.version)))
        yield Fault(place=f"{file.name} without statements", make=with_statements(*HISTORY, record(file.version, "null")))


def edit_applied(scene: Scene) -> Iterator[Fault]:
    """Yield each applied file with a statement more."""
    applied = {one.version for one in read_history(scene.context.target)}
    for file in files_of(scene):
        if file.version in applied:
            yield Fault(place=file.name, make=with_file(path_of(file), with_ending(file, "select 1")))


def come_late(scene: Scene) -> Iterator[Fault]:
    """Yield a pending file that is older than what is applied."""
    if read_history(scene.context.target):
        yield Fault(place="the oldest", make=with_file(f"{FOLDER}/{EARLIEST}_launch_fault.sql", "select 1;\n"))


def break_pending(scene: Scene) -> Iterator[Fault]:
    """Yield one more migration that the server refuses, with a rollback."""
    name = f"{LATEST}_launch_fault.sql"
    for said in ("select 1/0", "drop table public.launch_fault", "create table public.launch_fault (id no_such_type)"):
        files = {f"{FOLDER}/{name}": f"{said};\n", f"{ROLLBACKS.as_posix()}/{name}": "select 1;\n"}
        yield Fault(place=said, make=with_files(files))
