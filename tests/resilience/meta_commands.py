"""Every command of psql, in every place of a file, in every kind of file that a run sends to a database: none may run."""

from __future__ import annotations

import random
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lib.clients.postgres.client_commands import find_client_command
from lib.clients.postgres.twin import Twin, make_twin
from lib.clients.supabase.migration_files import MigrationFile, find_migrations
from lib.clients.supabase.seed_files import find_client_commands, find_seed_files, load_seed
from lib.core.paths import ROOT
from lib.embedded.postgres.server import SUPERUSER, EmbeddedPostgres, start_postgres
from lib.embedded.state_folders import own_folder, state_base, temp_root
from lib.tasks.migrations.apply import apply_file
from lib.tasks.rls.pgtap import run_test_files
from tests.resilience.measured import Measured

ARGUMENTS = {
    "bind": "'x'", "bind_named": "s 'x'", "c": "postgres", "connect": "postgres", "close_prepared": "s",
    "copy": "(select 1) to program 'touch {marker}'", "C": "title", "cd": "/tmp", "conninfo": "", "copyright": "",
    "crosstabview": "", "d": "", "dS": "", "d+": "", "da": "", "dA": "", "dAc": "", "dAf": "", "dAo": "", "dAp": "", "db": "",
    "dc": "", "dconfig": "", "dC": "", "dd": "", "dD": "", "ddp": "", "dE": "", "di": "", "dm": "", "ds": "", "dt": "",
    "dv": "", "des": "", "det": "", "deu": "", "dew": "", "df": "", "dF": "", "dFd": "", "dFp": "", "dFt": "", "dg": "",
    "dl": "", "dL": "", "dn": "", "do": "", "dO": "", "dp": "", "dP": "", "drds": "", "drg": "", "dRp": "", "dRs": "",
    "dT": "", "du": "", "dx": "", "dX": "", "dy": "", "e": "{marker}", "edit": "{marker}", "echo": "`touch {marker}`",
    "ef": "f", "encoding": "UTF8", "endpipeline": "", "errverbose": "", "ev": "v", "f": "'|'",
    "flush": "", "flushrequest": "", "g": "|touch {marker}", "gdesc": "", "getenv": "x PATH", "getresults": "",
    "gexec": "", "gset": "", "gx": "{marker}", "h": "", "help": "", "H": "", "html": "",
    "i": "{script}", "include": "{script}", "if": "`touch {marker}`", "elif": "true", "else": "", "endif": "",
    "ir": "{script}", "include_relative": "{script}", "l": "", "list": "", "l+": "", "lo_export": "1 {marker}",
    "lo_import": "/etc/passwd", "lo_list": "", "lo_unlink": "1", "o": "|touch {marker}", "out": "{marker}", "p": "",
    "print": "", "parse": "s", "password": "", "prompt": "x", "pset": "pager always", "q": "", "quit": "",
    "qecho": "`touch {marker}`", "r": "", "reset": "", "restrict": "x", "s": "{marker}", "sendpipeline": "",
    "set": "x `touch {marker}`", "setenv": "PAGER 'touch {marker}'", "sf": "f", "startpipeline": "", "sv": "v",
    "syncpipeline": "", "t": "", "T": "", "timing": "", "unrestrict": "x", "unset": "x", "w": "|touch {marker}",
    "write": "{marker}", "warn": "`touch {marker}`", "watch": "i=0.1 c=1", "x": "", "z": "", "Z": "",
    "!": "touch {marker}", "?": "", ";": "", "no_such_command": "", "\\": "", ".": "",
}  # fmt: skip
"""Command -> what it is given so that it would leave a mark where it can. `{marker}`: a file that nothing else makes.
Source: https://www.postgresql.org/docs/18/app-psql.html#APP-PSQL-META-COMMANDS; the last three are no command of psql's."""

PLACES = {
    "at the start of a line": "select 1;\n{command}\n",
    "indented": "select 1;\n\t  {command}\n",
    "after a statement": "select 1; {command}\n",
    "instead of a semicolon": "select 'select 1' {command}\n",
    "after a variable": "select :x, :'x', :\"x\" {command}\n",
    "inside a branch": "\\if true\n{command}\n\\endif\n",
    "after a comment": "/* one\n/* two */ */ {command} -- three\n",
    "in parentheses": "select (1 {command}\n);\n",
    "after a dollar quote": "do $a$ begin end $a$ {command}\n",
    "after a literal with a backslash": "select 'a\\', E'\\'' {command}\n",
    "first of all": "{command}",
    "after a semicolon alone": ";;{command}",
}
"""Where a command stands. In a branch the command that opens it is the first that is named."""

LOOKALIKES = (
    "select '\\! touch x';", "select E'\\\\! touch';", "-- \\! touch x\nselect 1;", "/* \\gexec */ select 1;",
    "select $$\\copy t from program 'x'$$;", "do $a$ begin perform '\\i x'; end $a$;", 'select 1 as "\\!";',
    "select U&'\\0041';", "select 'a' ~ '\\d+\\s';", "select regexp_replace('a', '\\\\', '');", "select '\n\\! touch\n';",
    "select U&'d!0061' uescape '!';",
)  # fmt: skip
"""SQL that has a backslash where it says nothing to psql: each is run."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One command in one place of one kind of file. text: of the file. line, name: what must be said of it."""

    kind: str
    command: str
    place: str
    text: str
    line: int
    name: str

    @property
    def display_name(self) -> str:
        return f"\\{self.command} {self.place} in a {self.kind}"


KINDS = ("test", "seed", "migration", "rollback")


def build_cases(marker: Path, script: Path) -> list[Case]:
    """Return every command in every place of every kind of file."""
    cases = []
    for command, argument in ARGUMENTS.items():
        spelled = f"\\{command} {argument.format(marker=marker, script=script)}".rstrip()
        for place, frame in PLACES.items():
            text = frame.replace("{command}", spelled)
            before = frame.partition("{command}")[0]
            name = "\\if" if "branch" in place else f"\\{command}"
            line = 1 if "branch" in place else before.count("\n") + 1
            cases += [Case(kind=kind, command=command, place=place, text=text, line=line, name=name) for kind in KINDS]
    return cases


@dataclass(frozen=True, kw_only=True)
class World:
    """A small pack, a twin to try it on, and the file that would show that something ran."""

    pack: Path
    twin: Twin
    marker: Path

    def write(self, kind: str, text: str) -> None:
        """Make the pack's file of this kind."""
        places = {
            "test": "tests/a_test.sql", "seed": "seed.sql",
            "migration": "migrations/20250102000000_b.sql", "rollback": "rollbacks/20250102000000_b.sql",
        }  # fmt: skip
        path = self.pack / "supabase" / places[kind]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def try_out(self, kind: str) -> tuple[str, bool]:
        """Run the pack's file of this kind as a run does; return what was said, and whether something ran."""
        self.twin.database.rows("select 1")
        return getattr(self, f"try_{kind}")(), self.marker.exists()

    def try_test(self) -> str:
        [one] = run_test_files(self.twin.launcher, self.pack, statement_timeout_s=5, file_timeout_s=20)
        return f"{one.path}: {one.problem}"

    def try_seed(self) -> str:
        named = [f"{path}: {found.account}" for path, found in find_client_commands(find_seed_files(self.pack))]
        said = load_seed(self.twin, self.pack, timeout_s=20)
        return said if not named or said.startswith(named[0]) else f"two answers: {named[0]}, {said}"

    def try_migration(self) -> str:
        return self.apply(find_migrations(self.pack).files[-1])

    def try_rollback(self) -> str:
        return self.apply(find_migrations(self.pack).rollbacks["20250102000000_b.sql"])

    def apply(self, file: MigrationFile) -> str:
        failure = apply_file(self.twin, file)
        return "" if failure is None else failure.display_name


def find_wrong(world: World, case: Case) -> str:
    """Try one case; return what is wrong with what came of it, or ''."""
    world.write(case.kind, case.text)
    said, has_run = world.try_out(case.kind)
    world.marker.unlink(missing_ok=True)
    if has_run:
        return f"{case.display_name}: it ran"
    names_file = ".sql" in said.partition(" ")[0]
    if not (names_file and f"line {case.line} has {case.name}, a command of psql" in said):
        return f"{case.display_name}: {said or 'nothing was said'}"
    return ""


def find_refused_lookalikes(world: World) -> list[str]:
    """Return the statements with a harmless backslash that a kind of file was not let run."""
    wrong = [f"{text!r} was taken for a command" for text in LOOKALIKES if find_client_command(text)]
    for kind in KINDS:
        world.write(kind, "select plan(1); select ok(true);\n" * (kind == "test") + "\n".join(LOOKALIKES))
        said, _ = world.try_out(kind)
        if said not in ("", "supabase/tests/a_test.sql: None"):
            wrong.append(f"a {kind} of literals: {said}")
    return wrong


def open_world(server: EmbeddedPostgres, folder: Path) -> Iterator[World]:
    """Yield a pack on a twin of a fresh database."""
    marker, script = folder / "marker", folder / "script.psql"
    script.write_text(f"\\! touch {marker}\n", encoding="utf-8")
    pack = folder / "pack"
    (pack / "supabase" / "migrations").mkdir(parents=True)
    (pack / "supabase" / "migrations" / "20250101000000_a.sql").write_text("create table public.a (b int);\n", encoding="utf-8")
    scratch = server.database("postgres", role=SUPERUSER)
    with make_twin(
        server.create_hosted_database(f"meta_{secrets.token_hex(4)}"), scratch, schemas=["public"],
        postgres_bin=server.bin_dir, work=folder, timeout_s=60, empty=True,
    ) as twin:  # fmt: skip
        yield World(pack=pack, twin=twin, marker=marker)


def choose(cases: list[Case], *, share: float, seed: int) -> list[Case]:
    """Return a share of the cases, every command among them at least once."""
    mixed = random.Random(seed).sample(cases, len(cases))
    first = {case.command: case for case in reversed(mixed)}
    rest = [case for case in mixed if first[case.command] is not case]
    return [*first.values(), *rest[: max(0, round(share * len(cases)) - len(first))]]


def try_commands(server: EmbeddedPostgres, folder: Path, *, share: float, seed: int) -> Measured:
    """Try a share of all cases on a server. folder: empty, writable by the server's user."""
    wrong: list[str] = []
    for world in open_world(server, folder):
        cases = choose(build_cases(world.marker, folder / "script.psql"), share=share, seed=seed)
        wrong += [said for case in cases if (said := find_wrong(world, case))]
        wrong += find_refused_lookalikes(world)
    ran = sum(said.endswith(": it ran") for said in wrong)
    return Measured(
        title="Commands of psql in a project's files",
        what="Each command of psql 18, given a way to leave a mark, stood in each place of a test, a seed, a migration and a "
        "rollback. None may run, and each must be refused by file, line and name before anything of its file runs.",
        tried=len(cases),
        problems=tuple(wrong),
        figures={
            "commands": len(ARGUMENTS),
            "places": len(PLACES),
            "kinds of files": len(KINDS),
            "ran": ran,
            "refused by file, line and name": len(cases) - sum(" in a " in said for said in wrong),
            "harmless backslashes let through": len(LOOKALIKES),
        },
    )


def measure(*, share: float, seed: int) -> Measured:
    """Return what came of a share of all cases, on a server of its own."""
    folder = own_folder(temp_root() / f"launch-workbook-test-{secrets.token_hex(4)}")
    folder.chmod(0o777)
    try:
        with start_postgres(state_base(ROOT) / f"tests-{secrets.token_hex(4)}", tools=ROOT / ".tools") as server:
            return try_commands(server, folder, share=share, seed=seed)
    finally:
        shutil.rmtree(folder)
