"""The project's own backup command, tested by its restore: the archive it writes is restored and compared.

`npm run backup` gets the database in libpq's variables and as DATABASE_URL, read only, with Postgres's programs first on
PATH; it writes one archive of pg_dump into BACKUP_DIR, or anywhere in the project. The source is read before and after it:
a table that others wrote to meanwhile can't be compared, and is named.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lib.clients.npm import ScriptRun, run_script
from lib.clients.postgres.digests import TableDigest, compare_tables, digest_tables, open_reading
from lib.clients.postgres.dumps import read_only_environment, read_scope
from lib.clients.postgres.restores import Restore, as_reader, drop_copy, make_copy, restore_dump
from lib.clients.postgres.schema import Difference, compare_schemas, read_schema
from lib.clients.working_copy import copy_commit, remove_copies
from lib.core.errors import CommandError, TargetError
from lib.core.left_out import LeftOut, judge_all
from lib.core.results import Result
from lib.core.wording import format_count, join_words, name_some
from lib.tasks.backup_restore.backup import SourceState, first_error, read_state
from lib.tasks.backup_restore.task import DUMP_TAKEN, PROJECT_BACKUP_RESTORES, BackupRestore
from lib.tasks.backup_restore.unlike import describe_unlike
from lib.transport.context import Context
from lib.transport.database import read_query

COMMAND = "backup"
CHECK = PROJECT_BACKUP_RESTORES
FOLDER_VARIABLE = "BACKUP_DIR"
MAGIC = b"PGDMP"
"""How an archive of pg_dump in the custom format begins. Source: bin/pg_dump/pg_backup_archiver.c."""
CONTENTS = "toc.dat"
"""What an archive in the directory format has; in the tar format it comes first."""
LEFT_OUT = frozenset({".git", "node_modules", "__pycache__"})
MOST_NAMED = 6


@dataclass(frozen=True, kw_only=True)
class Proof:
    """The outcome of the command: the archive it wrote, and the copy restored from it beside the source.

    archive: None when it wrote none. restore: None when there was nothing to restore.
    source, copy: the project's tables before, and in the copy by label. busy: tables written to meanwhile, not compared.
    unreadable: tables that this user may not read.
    unlike: how the copy's server is not like the target, as a sentence.
    """

    script: ScriptRun
    archive: Path | None = None
    size_bytes: int = 0
    restore: Restore | None = None
    source: tuple[TableDigest, ...] = ()
    copy: Mapping[str, TableDigest] = field(default_factory=dict)
    busy: frozenset[str] = frozenset()
    unreadable: tuple[str, ...] = ()
    definitions: tuple[Difference, ...] = ()
    unlike: str = ""

    @property
    def differing(self) -> list[str]:
        """Tables whose rows in the copy are not the source's, by label."""
        still = [table for table in self.source if table.label not in self.busy]
        return [one.source.label for one in compare_tables(still, list(self.copy.values()))]

    @property
    def reshaped(self) -> list[str]:
        """Tables with other columns in the copy, by label: their rows can't be compared."""
        known = [table for table in self.source if table.label in self.copy]
        return [table.label for table in known if self.copy[table.label].columns != table.columns]

    @property
    def transcripts(self) -> dict[str, str]:
        """What npm and pg_restore printed, by file name."""
        said = {"npm-backup.txt": self.script.run.transcript} if self.script.run else {}
        if self.restore is not None:
            said["project_restore.txt"] = "\n".join(run.transcript for run in self.restore.runs)
        return said


def prove_backup(context: Context[BackupRestore]) -> Proof:
    """Run the command, restore its archive into a fresh database, compare the two, and remove the copy.

    Raises TargetError when the source or the scratch server can't be used.
    """
    limit_s = context.settings.command_timeout_s
    with open_reading(context.target, timeout_s=limit_s) as connection:
        before = read_state(connection, read_scope(connection))
        roles = [row["name"] for row in connection.execute(read_query("lib.clients.postgres", "dumps/roles"))]
    folder = context.work / "project_backup"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    place = context.work / "project_backup_copy"
    remove_copies([place])
    copy = copy_commit(context.pack, place)
    known = list_archives(copy.folder)
    variables = {**read_only_environment(context.target), "DATABASE_URL": context.target.url, FOLDER_VARIABLE: str(folder)}
    try:
        script = run_script(
            copy.folder, COMMAND, timeout_s=limit_s, variables=variables, programs=[context.programs.postgres_bin]
        )
        new = {path: seen for path, seen in list_archives(copy.folder).items() if known.get(path) != seen}
        left = list_archives(folder) or new
        if not script.passed or len(left) != 1:
            return Proof(script=script)
        [(archive, (_, size_bytes))] = left.items()
        return compare_with_copy(context, Proof(script=script, archive=archive, size_bytes=size_bytes), before, roles)
    finally:
        remove_copies([folder, place])


def list_archives(folder: Path) -> dict[Path, tuple[int, int]]:
    """Return the archives of pg_dump below a folder, each with the time of its last change and its size in bytes."""
    found: dict[Path, tuple[int, int]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or LEFT_OUT & set(path.relative_to(folder).parts):
            continue
        archive = path.parent if path.name == CONTENTS else path if is_archive(path) else None
        if archive is not None:
            parts = [path] if archive == path else list(archive.iterdir())
            found[archive] = (path.stat().st_mtime_ns, sum(one.stat().st_size for one in parts))
    return found


def is_archive(path: Path) -> bool:
    """Return whether a file is an archive of pg_dump by how it begins."""
    with path.open("rb") as file:
        head = file.read(len(CONTENTS))
    return head.startswith(MAGIC) or head == CONTENTS.encode()


def compare_with_copy(context: Context[BackupRestore], proof: Proof, before: SourceState, roles: Sequence[str]) -> Proof:
    """Return the proof with the restored copy compared with the source; the copy is always removed."""
    assert proof.archive is not None
    limit_s = context.settings.command_timeout_s
    copy = make_copy(context.scratch)
    try:
        restore = restore_dump(
            proof.archive, copy, scope=before.scope, tables=before.tables, roles=roles, work=context.work,
            programs=context.programs.postgres_bin, jobs=context.settings.jobs, timeout_s=limit_s,
        )  # fmt: skip
        unlike = describe_unlike(context.target, copy, restore, before.scope.pack)
        if not restore.succeeded:
            return replace_proof(proof, restore=restore, unlike=unlike)
        with open_reading(as_reader(copy), timeout_s=limit_s) as connection:
            theirs = digest_tables(connection, before.scope.own)
        definitions = compare_schemas(before.own, read_schema(copy, before.scope.pack))
    except CommandError as exc:
        raise TargetError(f"{proof.archive.name} of `npm run {COMMAND}` can't be read: {exc.message}", fix=exc.fix) from exc
    finally:
        drop_copy(context.scratch, copy)
    with open_reading(context.target, timeout_s=limit_s) as connection:
        after = digest_tables(connection, before.scope.own)
    ours = tuple(table for table in before.tables if table.schema in before.scope.own and table.rows is not None)
    return replace_proof(
        proof,
        restore=restore,
        source=ours,
        copy={table.label: table for table in theirs},
        busy=frozenset(one.source.label for one in compare_tables(ours, after)),
        unreadable=tuple(label for label in before.unreadable if label.partition(".")[0] in before.scope.own),
        definitions=tuple(definitions),
        unlike=unlike,
    )


def replace_proof(proof: Proof, **found: Any) -> Proof:
    """Return the proof with more that was found."""
    return Proof(script=proof.script, archive=proof.archive, size_bytes=proof.size_bytes, **found)


def describe_proof(proof: Proof) -> list[dict[str, Any]]:
    """Return one row a table of the project: its rows in the source and in the copy."""
    differing = set(proof.differing)
    return [
        {
            "table": table.label,
            "rows": table.rows,
            "rows restored": proof.copy[table.label].rows if table.label in proof.copy else None,
            "same": "written to meanwhile" if table.label in proof.busy else table.label not in differing,
        }
        for table in proof.source
    ]


def judge_proof(proof: Proof) -> Result:
    """Judge the project's own backup by what could be restored from it."""
    script, run = proof.script, proof.script.run
    expected = "every table, restored"
    if run is None:
        reason = f"`npm run {COMMAND}` could not be run: {script.problem}."
        return CHECK.errored(reason, expected=expected, fix=f"Fix the script {COMMAND} in package.json.")
    ended = {"command": run.command, "exit_code": run.exit_code, "expected": expected}
    if run.exit_code != 0:
        detail = f"`npm run {COMMAND}` ended with code {run.exit_code}."
        return CHECK.failed(observed="no backup", detail=detail, fix="Read npm-backup.txt, and fix the script.", **ended)
    if proof.archive is None:
        detail = f"`npm run {COMMAND}` succeeded, but did not write exactly one archive that pg_restore can read."
        fix = f"Let the script run: pg_dump --format=custom --file=${FOLDER_VARIABLE}/backup.dump"
        return CHECK.failed(observed="no backup", detail=detail, fix=fix, **ended)
    if proof.restore is None or not proof.restore.succeeded:
        said = first_error(proof.restore.runs[-1].stderr) if proof.restore and proof.restore.runs else "nothing"
        detail = f"{proof.archive.name} does not restore into a fresh project: {said}."
        fix = "Read project_restore.txt from that error."
        return CHECK.failed(observed="not restored", detail=detail, fix=fix, **ended)
    return judge_copy(proof, ended)


def judge_copy(proof: Proof, ended: Mapping[str, Any]) -> Result:
    """Judge a copy that was restored: no object and no row of the project may be missing or different."""
    assert proof.archive is not None and proof.restore is not None
    compared = [table for table in proof.source if table.label not in {*proof.busy, *proof.reshaped}]
    if not any(table.rows for table in compared):
        reason = "No table with rows could be compared, so nothing is proved."
        return CHECK.errored(reason, fix="Apply the seed, or run again.", **ended)
    wrong = [f"the rows of {label} differ" for label in proof.differing]
    wrong += [f"{one.object} is {one.change}" for one in proof.definitions]
    named = join_words(wrong[:MOST_NAMED]) + (f" and {len(wrong) - MOST_NAMED:,} more" if len(wrong) > MOST_NAMED else "")
    about = f"{proof.archive.name}, {proof.size_bytes:,} bytes, restored in {proof.restore.duration_s:.1f} s."
    total = len(proof.source) + len(proof.unreadable)
    return judge_all(
        CHECK,
        holds=not wrong,
        left_out=find_uncompared(proof),
        detail=f"{named}." if wrong else about,
        fix=f"Let `npm run {COMMAND}` include what is missing, and do not rely on it until then.",
        objects=wrong,
        observed=f"{len(compared) - len(proof.differing)} of {format_count(total, 'table')}",
        **ended,
    )


def find_uncompared(proof: Proof) -> list[LeftOut]:
    """Return the tables whose rows could not be compared with the restored ones, and why."""
    found = []
    if proof.unreadable:
        named = name_some(proof.unreadable)
        found.append(LeftOut(reason=f"This user may not read {named}.", cause=DUMP_TAKEN.id))
    if proof.busy:
        reason = f"Others wrote meanwhile to {name_some(sorted(proof.busy))}, so it cannot be compared."
        found.append(LeftOut(reason=reason, fix="Run again when nobody writes to these tables."))
    if proof.reshaped:
        reason = f"Other columns in the copy have {name_some(proof.reshaped)}."
        found.append(LeftOut(reason=reason, fix="Compare these tables by hand."))
    return found
