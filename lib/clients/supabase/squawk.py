"""Runs squawk, a linter for Postgres migrations, on a pack's files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lib.clients.supabase.migration_files import MigrationFile
from lib.core.errors import CommandError
from lib.core.plain_json import load_json
from lib.core.redact import redact
from lib.transport.process import CommandRun, run_command


@dataclass(frozen=True, kw_only=True)
class LintFinding:
    """One finding: file is its base name, line counts from 1, level is squawk's own word."""

    file: str
    line: int
    rule: str
    level: str
    message: str


@dataclass(frozen=True, kw_only=True)
class LintAnswer:
    """Every finding of one run of squawk, and the finished program."""

    findings: tuple[LintFinding, ...]
    run: CommandRun


def lint_migrations(
    binary: Path, pack: Path, files: Sequence[MigrationFile], *, postgres_major: int, timeout_s: float
) -> LintAnswer:
    """Return what squawk finds in these files, in the order of file and line; the pack's .squawk.toml applies.

    Raises CommandError when squawk can't be started or gives no report.
    """
    argv: list[str | Path] = [binary, "--reporter", "json", f"--pg-version={postgres_major}.0"]
    # The CLI applies each file in one transaction, so its statements need not be repeatable one by one.
    argv.append("--assume-in-transaction")
    run = run_command([*argv, *(file.path for file in files)], timeout_s=timeout_s, cwd=pack)
    return LintAnswer(findings=tuple(read_findings(run)), run=run)


def read_findings(run: CommandRun) -> list[LintFinding]:
    """Return the findings of a report in JSON. Exit code 1 with a report means findings, not an error."""
    try:
        report = load_json(run.whole_stdout)
        findings = [
            LintFinding(
                file=Path(one["file"]).name,
                line=one["line"] + 1,
                rule=one["rule_name"],
                level=one["level"],
                message=one["message"],
            )
            for one in report
        ]
    except (ValueError, KeyError, TypeError) as exc:
        said = redact((run.stderr or run.stdout).strip()).splitlines()
        raise CommandError(
            f"squawk ended with code {run.exit_code} and no report: {said[-1] if said else 'no output'}.",
            fix="Run squawk by hand: an invalid .squawk.toml is the usual cause.",
        ) from exc
    return sorted(findings, key=lambda one: (one.file, one.line, one.rule))
