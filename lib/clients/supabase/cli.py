"""The Supabase CLI, generations 2 and 3, called so that it can neither ask nor guess.

Every call names its target, answers yes in advance, requests JSON, and says that no agent calls it.
The password is passed in PGPASSWORD, with a URL that has none, so `ps` never shows it: both generations
read it from there (tried with 3.1.0 and 2.122.1). The CLI gets a copy of what it reads of the pack, because it writes
supabase/.temp beside it, and follows no link out of it. A config.toml that generation 3 refuses is read by generation 2,
which most public projects were written for.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from lib.clients.supabase.migration_files import check_migrations
from lib.clients.supabase.migration_history import Listed
from lib.clients.supabase.platform_stage import stage_for
from lib.clients.supabase.project_config import read_config, require_config
from lib.core.errors import CommandError, TargetError
from lib.core.plain_json import load_json
from lib.core.redact import redact
from lib.core.wording import format_size
from lib.transport.database import Database, is_loopback
from lib.transport.process import CommandRun, run_command

SILENCED = {
    "SUPABASE_TELEMETRY_DISABLED": "1",
    "DO_NOT_TRACK": "1",
    "SUPABASE_YES": "",
    "NO_COLOR": "1",
    "BUN_JSC_useDFGJIT": "0",
}
"""Switches telemetry off; consent is given by --yes in each call, never by the environment.

The last one keeps the CLI's JavaScript engine from optimising code that runs once: a third of the CPU of each start.
"""

VERSION_TIMEOUT_S = 30
"""Seconds for `--version`, which takes 0.4 here; a cold disk may need more."""

PACKED = "@supabase/cli-"
"""How npm calls the packages that hold nothing but the CLI's binary for one platform."""

OLDEST_MAJOR = 2
"""Older versions have neither `db advisors` nor JSON output."""

LONGEST_NAME = 200
MOST_NAMED = 1_000
"""Characters of a text in config.toml that may name files, and files that one of them may name."""

SKIPPED_FILE = re.compile(r"^Skipping migration (.+?)\.\.\.", re.M)
"""The CLI's only message about a file it skips because of its name, on stderr."""

LOCAL_STATE = (".temp", ".branches")
"""State of the CLI in supabase/ that belongs to one machine."""

CONFIG_REFUSALS = frozenset({"DbConfigLoadError", "CliConfigValueError", "CliConfigRemovedEnvError"})
"""The codes by which the CLI says that it can't take the project's config.toml, or a variable that it names."""

WRITTEN_FOR_OLDER: set[Path] = set()
"""Staged projects whose config.toml only the generation before takes, as this process has seen."""

LARGEST_STAGE = 200_000_000
"""Bytes that are copied for the CLI: migrations, seeds and what config.toml names; what public projects have comes to 5 MB."""

UNREAD_FOLDERS = frozenset({"node_modules", ".git"})
"""Folders below supabase/ that the CLI does not read for a database, and that may be large."""

ADVISOR_LEVELS = ("ERROR", "WARN", "INFO")


@dataclass(frozen=True, kw_only=True)
class CliAnswer:
    """The answer of one call of the CLI: its one JSON object, and the finished program."""

    data: Mapping[str, Any]
    run: CommandRun

    @property
    def skipped_files(self) -> list[str]:
        """Names of migration files that the CLI skipped because of their names."""
        return SKIPPED_FILE.findall(self.run.stderr)


class CliRefusal(CommandError):
    """The CLI answered with an error.

    code: its own name of the error ("DbPushApplyError"). said: its own message, redacted.
    """

    def __init__(self, message: str, *, code: str, said: str, run: CommandRun, fix: str | Sequence[str] = ()) -> None:
        self.code = code
        self.said = said
        self.run = run
        super().__init__(message, fix=fix)


@dataclass(frozen=True, kw_only=True)
class SupabaseCli:
    """The CLI's binary with its major version, working in one staged project.

    older: the binary of the generation before, for a config.toml that this one refuses; it is asked only then.
    """

    binary: Path
    major: int
    workdir: Path
    timeout_s: float
    older: Path | None = None

    def push(self, target: Database, *, dry_run: bool = False, include_seed: bool = False) -> CliAnswer:
        """Apply what is pending, or with dry_run only list it; `data["migrations"]` names the files.

        Raises CliRefusal when it failed; files before the failing one stay applied.
        """
        flags = ["--dry-run"] if dry_run else ["--yes"]
        here = replace(self, workdir=stage_for(target, self.workdir))
        return here._call(["db", "push"], target, [*flags, *(["--include-seed"] if include_seed else [])])

    def list_migrations(self, target: Database) -> list[Listed]:
        """Return the pack's versions beside the database's. Raises CliRefusal."""
        answer = self._call(["migration", "list"], target, [])
        return [
            Listed(version=row["local"] or row["remote"], local=bool(row["local"]), remote=bool(row["remote"]))
            for row in answer.data["migrations"]
        ]

    def advise(self, target: Database) -> CliAnswer:
        """Return what the advisors find, from INFO up, in `data["results"]`. Raises CliRefusal."""
        return self._call(["db", "advisors"], target, ["--level", "info", "--type", "all"])

    def test_db(self, target: Database) -> CommandRun:
        """Run the project's pgTAP files with pg_prove in a container, whatever came of it; it answers in text alone."""
        argv: list[str | Path] = [self.binary, "test", "db", name_target(target, self.major), "--agent", "no"]
        argv += ["--workdir", self.workdir]
        return run_command(argv, timeout_s=self.timeout_s, env={**target.libpq_environment, **SILENCED}, cwd=self.workdir)

    def _call(self, words: Sequence[str], target: Database, flags: Sequence[str]) -> CliAnswer:
        if self.older is not None and self.workdir in WRITTEN_FOR_OLDER:
            return self._open_older(self.older)._call_this(words, target, flags)
        try:
            return self._call_this(words, target, flags)
        except CliRefusal as newest:
            if self.older is None or newest.code not in CONFIG_REFUSALS:
                raise
            # Nothing was done: the config is read before anything else.
            try:
                answer = self._open_older(self.older)._call_this(words, target, flags)
            except CliRefusal as exc:
                if exc.code in CONFIG_REFUSALS:
                    raise newest from exc
                WRITTEN_FOR_OLDER.add(self.workdir)
                raise
            WRITTEN_FOR_OLDER.add(self.workdir)
            return answer

    def _open_older(self, binary: Path) -> SupabaseCli:
        """Return the generation before, working in the same project."""
        return open_cli(binary, self.workdir, timeout_s=self.timeout_s)

    def _call_this(self, words: Sequence[str], target: Database, flags: Sequence[str]) -> CliAnswer:
        argv: list[str | Path] = [self.binary, *words, name_target(target, self.major), *flags]
        argv += ["--output-format", "json", "--agent", "no", "--workdir", self.workdir]
        environment = {**target.libpq_environment, **SILENCED}
        run = run_command(argv, timeout_s=self.timeout_s, env=environment, cwd=self.workdir)
        return read_answer(run, " ".join(words))


def open_cli(binary: Path, workdir: Path, *, timeout_s: float, older: Path | None = None) -> SupabaseCli:
    """Return the CLI with its generation, working in a staged project.

    older: the binary of the generation before, for a config.toml that this one refuses.
    Raises CommandError when it can't be started or is older than generation 2.
    """
    return SupabaseCli(binary=binary, major=read_major(binary), workdir=workdir, timeout_s=timeout_s, older=older)


@lru_cache
def read_major(binary: Path) -> int:
    """Return the major version of the binary. Raises CommandError when it is not supported."""
    said = read_packed_version(binary) or run_command([binary, "--version"], timeout_s=VERSION_TIMEOUT_S, env=SILENCED).stdout
    match = re.search(r"\b(\d+)\.\d+\.\d+", said)
    major = int(match.group(1)) if match else 0
    if major < OLDEST_MAJOR:
        raise CommandError(
            f"The Supabase CLI {binary} reports version '{redact(said.strip()) or 'unknown'}'.",
            fix=[f"Install version {OLDEST_MAJOR} or newer.", "make setup"],
        )
    return major


def read_packed_version(binary: Path) -> str:
    """Return the version of the npm package that a binary lies in; '' when it lies in none.

    A start of the CLI costs half a second of CPU, and a package holds the binary of its own version alone.
    """
    package = binary.resolve().parent.parent / "package.json"
    try:
        said = load_json(package.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    is_packed = isinstance(said, dict) and str(said.get("name")).startswith(PACKED)
    return str(said.get("version") or "") if is_packed else ""


def name_target(target: Database, major: int) -> str:
    """Return the flag that names the target, without its password, as this generation spells it."""
    parts = urlsplit(target.url)
    options = dict(parse_qsl(parts.query))
    if is_loopback(target.host):
        # Generation 2 refuses a server without TLS unless sslmode says so; generation 3 would warn on stdout.
        options.setdefault("sslmode", "disable")
    user, _, host = parts.netloc.rpartition("@")
    netloc = f"{user.partition(':')[0]}@{host}" if user else host
    url = urlunsplit(parts._replace(netloc=netloc, query=urlencode(options)))
    return f"--remote={url}" if major >= 3 else f"--db-url={url}"


def stage_project(pack: Path, workdir: Path, *, with_config: bool = True) -> Path:
    """Return the folder with a copy of what the CLI reads of the pack: supabase/, and the files that config.toml names.

    with_config: without it supabase/ stays empty, which is enough for calls that only ask the database.
    Raises TargetError for a pack whose config or migrations can't be read, or whose files are too large to copy.
    """
    if with_config:
        require_config(pack)
        check_migrations(pack)
    if workdir.exists():
        shutil.rmtree(workdir)
    (workdir / "supabase").mkdir(parents=True)
    if with_config:
        copied = 0
        for path in sorted({*files_below(pack / "supabase"), *files_named(pack)}):
            copied += path.stat().st_size
            if copied > LARGEST_STAGE:
                raise TargetError(
                    f"supabase/ and what its config.toml names have more than {format_size(LARGEST_STAGE)}.",
                    fix="Move what is no migration, seed or template out of supabase/.",
                )
            place = workdir / path.relative_to(pack)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    return workdir


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the regular files that the CLI may read in supabase/; a link counts where it stays in the pack."""
    for place, folders, names in os.walk(folder):
        folders[:] = [
            name for name in folders if name not in UNREAD_FOLDERS and not (Path(place) == folder and name in LOCAL_STATE)
        ]
        yield from (path for name in names if is_inside(path := Path(place) / name, folder.parent))


def files_named(pack: Path) -> Iterator[Path]:
    """Yield the pack's files that config.toml names outside of supabase/: templates of e-mails, seeds."""
    for text in texts_of(read_config(pack)):
        for base in (pack, pack / "supabase"):
            if not text or len(text) > LONGEST_NAME or Path(text).is_absolute():
                continue
            with suppress(OSError, ValueError, NotImplementedError):
                found = list(islice(base.glob(text), MOST_NAMED))
                yield from (Path(os.path.normpath(path)) for path in found if is_inside(Path(os.path.normpath(path)), pack))


def is_inside(path: Path, pack: Path) -> bool:
    """Return whether a path leads to a regular file of the pack."""
    try:
        return path.is_file() and path.resolve().is_relative_to(pack.resolve()) and path.is_relative_to(pack)
    except (OSError, RuntimeError):
        return False


def texts_of(value: object) -> Iterator[str]:
    """Yield every text within a config."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from texts_of(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts_of(one)


def read_answer(run: CommandRun, what: str) -> CliAnswer:
    """Return the call's JSON object. Exit code 1 with findings is an answer, not an error.

    Raises CliRefusal for the CLI's own error, CommandError when its output can't be read.
    """
    data = read_object(run.stdout)
    if data is None:
        seen = redact((run.stderr or run.stdout).strip()).splitlines()
        raise CommandError(
            f"`supabase {what}` ended with code {run.exit_code} and no JSON: {seen[-1] if seen else 'no output'}.",
            fix=f"Run it by hand: supabase {what} --debug",
        )
    if data.get("_tag") == "Error":
        raise refusal(data.get("error") or {}, run, what)
    if run.exit_code != 0 and "results" not in data:
        raise CommandError(f"`supabase {what}` ended with code {run.exit_code}.", fix=f"Run it by hand: supabase {what} --debug")
    return CliAnswer(data=data, run=run)


def read_object(stdout: str) -> dict[str, Any] | None:
    """Return the last line of stdout that is a JSON object, or None; warnings may stand above it."""
    for line in reversed(stdout.strip().splitlines()):
        if line.startswith("{"):
            try:
                found = load_json(line)
            except ValueError:
                continue
            return found if isinstance(found, dict) else None
    return None


def refusal(error: Mapping[str, Any], run: CommandRun, what: str) -> CliRefusal:
    """Return the CLI's error with a fix: ours for a known error, else its own suggestion."""
    code = str(error.get("code") or "unknown")
    said = redact(str(error.get("message") or "it gave no reason")).strip()
    suggestion = redact(str(error.get("suggestion") or "")).strip()
    line = " ".join(said.split())
    closing = "" if line.endswith((".", "!", "?")) else "."
    return CliRefusal(
        f"`supabase {what}` refused ({code}): {line}{closing}",
        code=code,
        said=said,
        run=run,
        fix=suggest_fix(code, suggestion),
    )


def suggest_fix(code: str, suggestion: str) -> str | Sequence[str]:
    """Return the fix for an error of the CLI."""
    if code == "DbConfigLoadError":
        return "Change supabase/config.toml as that message says."
    if code == "DbPushMissingRemoteError":
        return "A file is older than the newest applied one: rename it to a later version, then run again."
    if code == "DbPushMissingLocalError":
        return [
            "Get the missing files from the team.",
            "Or mark each version as reverted: supabase migration repair --status reverted <version>",
        ]
    return suggestion or f"Look up {code} in the documentation of the Supabase CLI, fix the cause, then run again."
