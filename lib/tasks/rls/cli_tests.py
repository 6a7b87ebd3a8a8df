"""The project's pgTAP files once more, by the command that people run: `supabase test db`, where Docker is.

The CLI starts pg_prove in a container, and pg_prove gives each file to psql. So it gets only files that hold nothing but SQL
and end their own transaction by rolling it back: nothing that they do stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lib.clients.docker import why_no_docker
from lib.clients.postgres.statements import split_statements
from lib.clients.supabase.cli import SupabaseCli
from lib.core.errors import TargetError
from lib.core.pack_files import read_text_file
from lib.tasks.rls.pgtap import find_test_files, refuse_file
from lib.transport.database import Database

FILE = "test_db.txt"
"""The artifact with what the command said."""
SUMMARY = re.compile(r"^Files=(\d+), Tests=(\d+),", re.MULTILINE)
RESULT = re.compile(r"^Result: (PASS|FAIL|NOTESTS)\s*$", re.MULTILINE)
"""The last lines of pg_prove. Source: https://metacpan.org/pod/TAP::Formatter::Base#summary."""


@dataclass(frozen=True, kw_only=True)
class CliTests:
    """What `supabase test db` came to. why_not: why it was not run, or said nothing that counts; '' when it did.

    result: PASS, FAIL or NOTESTS. tests: how many it ran. transcript: what it said.
    """

    why_not: str = ""
    result: str = ""
    tests: int = 0
    transcript: str = ""


def run_by_cli(open_cli: Callable[[], SupabaseCli], database: Database, pack: Path) -> CliTests:
    """Run the command against a database that is thrown away afterwards, where it may be.

    open_cli: gives the CLI in a copy of what it reads of the pack; asked only where Docker is.
    """
    why_not = why_no_docker() or find_unsafe(pack)
    if why_not:
        return CliTests(why_not=why_not)
    try:
        run = open_cli().test_db(database)
    except TargetError as exc:
        return CliTests(why_not=exc.message)
    return read_tests(f"{run.stdout}\n{run.stderr}", exit_code=run.exit_code, transcript=run.transcript)


def find_unsafe(pack: Path) -> str:
    """Return which file may not be given to psql, as a sentence; '' when each may."""
    for path in find_test_files(pack):
        name = path.relative_to(pack).as_posix()
        try:
            text = read_text_file(path, root=pack)
        except TargetError as exc:
            return exc.message
        if refuse_file(name, text) is not None or not rolls_back(text):
            return f"{name} does not end with a rollback of its own transaction, so what it does would stay."
    return ""


def rolls_back(text: str) -> bool:
    """Return whether a file begins with its own transaction, and ends by rolling it back."""
    statements: Sequence[str] = [one.text.strip().rstrip(";").lower() for one in split_statements(text)]
    words = [" ".join(one.split()) for one in statements if one]
    begins = bool(words) and words[0].split(" ")[0] in ("begin", "start")
    return begins and words[-1] in ("rollback", "rollback transaction", "rollback work") and words.count(words[-1]) == 1


def read_tests(said: str, *, exit_code: int, transcript: str) -> CliTests:
    """Return what the command came to, by the last lines of pg_prove; without these it said nothing that counts."""
    result, summary = RESULT.search(said), SUMMARY.search(said)
    if result is None or (summary is None and result[1] != "NOTESTS") or (result[1] == "PASS" and exit_code != 0):
        return CliTests(why_not=f"It ended with code {exit_code}, and without a result.", transcript=transcript)
    tests = int(summary[2]) if summary else 0
    return CliTests(result="NOTESTS" if tests == 0 else result[1], tests=tests, transcript=transcript)
