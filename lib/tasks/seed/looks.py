"""The fixtures: applied with the CLI, applied again without effect, and as many and as sound as declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lib.clients.postgres.digests import digest_tables, open_reading
from lib.clients.supabase.cli import CliRefusal, SupabaseCli, open_cli, stage_project
from lib.clients.supabase.seed_files import Reapplied, SeedFile, figures_of, find_seed_files, read_noted, reapply
from lib.core.errors import DatabaseError
from lib.core.results import Findings, Provenance, Result, failed, looks_at, skipped, unseen
from lib.tasks.seed.constraints import find_email_domains, verify_checks, verify_foreign_keys, verify_not_nulls
from lib.tasks.seed.judge import (
    NOT_APPLIED,
    describe_domain,
    judge_again,
    judge_counts,
    judge_edited,
    judge_emails,
    judge_noted,
    judge_pending,
    judge_ran,
    judge_refused,
    judge_verified,
)
from lib.transport.context import World


@looks_at("seed.applied_with_cli", "seed.history_records_file")
def look_at_application(world: World) -> Findings:
    """Each seed file, and what the database noted of it before and after."""
    files = find_seed_files(world.pack)
    before = read_noted(world.target)
    edited = [file.path for file in files if before.get(file.path, file.sha256) != file.sha256]
    if edited:
        return Findings(results=judge_edited(edited), rows=rows_of(files, before, before))
    if not world.writes_allowed:
        results = [skip_writing("seed.applied_with_cli", world), judge_noted(files, before)]
        return Findings(results=results, rows=rows_of(files, before, before), facts=files)
    cli = open_seed_cli(world)
    if world.provenance is Provenance.LIVE:
        pending = [one.version for one in cli.list_migrations(world.target) if one.local and not one.remote]
        if pending:
            return Findings(results=judge_pending(pending), rows=rows_of(files, before, before))
    try:
        answer = cli.push(world.target, include_seed=True)
    except CliRefusal as exc:
        return Findings(results=judge_refused(exc), rows=rows_of(files, before, read_noted(world.target)))
    after = read_noted(world.target)
    ran = judge_ran(files, before, answer.run.stderr)
    return Findings(
        results=[ran, judge_noted(files, after)],
        rows=rows_of(files, before, after),
        artifacts={"push.txt": answer.run.transcript},
        facts=files,
    )


def open_seed_cli(world: World) -> SupabaseCli:
    """Return the CLI, working in a staged copy of the pack."""
    workdir = stage_project(world.pack, world.work / "seed_project")
    return open_cli(world.programs.supabase, workdir, timeout_s=world.settings.command_timeout_s)


def skip_writing(check: str, world: World) -> Result:
    """Return the skip of a check that would have to write where it may not."""
    name = world.environment
    return skipped(check, f"Nothing was applied: writing to {name} is not allowed. Next: run with ALLOW_WRITES={name} to let it.")


def rows_of(files: Sequence[SeedFile], before: Mapping[str, str], after: Mapping[str, str]) -> list[dict[str, object]]:
    """Return each seed file as the page shows it."""
    return [
        {
            "file": file.path,
            "sha256": file.sha256[:16],
            "noted before": before.get(file.path, "")[:16] or None,
            "noted after": after.get(file.path, "")[:16] or None,
        }
        for file in files
    ]


@looks_at("seed.applied_twice_changes_nothing")
def look_at_second_application(world: World, *, applied: Sequence[SeedFile] | None) -> Findings:
    """Each table before and after the seed's statements ran again; all of it was rolled back."""
    check = "seed.applied_twice_changes_nothing"
    if applied is None:
        return Findings(results=[unseen(check, NOT_APPLIED)])
    if not world.writes_allowed:
        return Findings(results=[skip_writing(check, world)])
    answer = open_seed_cli(world).push(world.target, include_seed=True)
    left = [*answer.data.get("migrations", []), *answer.data.get("seeds", [])]
    try:
        seen = reapply(world.target, applied, world.settings.schemas, timeout_s=world.settings.command_timeout_s)
    except DatabaseError as exc:
        detail = f"Run again, the seed fails: {exc}. Next: write its inserts so that they may run twice (on conflict do nothing)."
        return Findings(results=[failed(check, observed="fails", expected="no change", detail=detail)])
    return Findings(
        results=[judge_again(seen, left, world.settings.expected_counts)],
        rows=rows_of_tables(seen),
        artifacts={"second_push.txt": answer.run.transcript},
    )


def rows_of_tables(seen: Reapplied) -> list[dict[str, object]]:
    """Return each table that holds rows, before and after, as the page shows it."""
    after = figures_of(seen.once)
    return [
        {"table": table.label, "rows before": table.rows, "rows after": after[table.label][0],
         "same": after[table.label] == (table.rows, table.digest)}
        for table in seen.before
        if table.rows or after[table.label][0]
    ]  # fmt: skip


@looks_at("seed.row_counts_match")
def look_at_rows(world: World, *, applied: Sequence[SeedFile] | None) -> Findings:
    """Rows of each table, as declared and as seen."""
    if applied is None:
        return Findings(results=[unseen("seed.row_counts_match", NOT_APPLIED)])
    settings = world.settings
    own = set(world.sections["migrations"].schemas)
    with open_reading(world.target, timeout_s=settings.command_timeout_s) as connection:
        tables = digest_tables(connection, settings.schemas)
    return judge_counts(tables, settings.expected_counts, own=own)


@looks_at("seed.foreign_keys_hold", "seed.checks_hold", "seed.not_nulls_hold")
def look_at_constraints(world: World) -> Findings:
    """Constraints of each kind, all verified against the rows themselves."""
    schemas, timeout_s = world.settings.schemas, world.settings.command_timeout_s
    found = {
        "foreign key": verify_foreign_keys(world.target, schemas, timeout_s=timeout_s),
        "check constraint": verify_checks(world.target, schemas, timeout_s=timeout_s),
        "column that must be filled": verify_not_nulls(world.target, schemas, timeout_s=timeout_s),
    }
    ids = ("seed.foreign_keys_hold", "seed.checks_hold", "seed.not_nulls_hold")
    rows = [
        {
            "kind": kind,
            "constraints": len(verified),
            "rows verified": sum(one.rows for one in verified),
            "rows that break one": sum(one.violations for one in verified),
        }
        for kind, verified in found.items()
    ]
    whole = {kind: [vars(one) for one in verified] for kind, verified in found.items()}
    results = [judge_verified(check, verified, kind) for check, (kind, verified) in zip(ids, found.items(), strict=True)]
    return Findings(results=results, rows=rows, artifacts={"constraints.json": whole})


@looks_at("seed.emails_are_reserved")
def look_at_emails(world: World) -> Findings:
    """Each domain that e-mail addresses in the fixtures lie under; the addresses were read in the server alone."""
    reserved = world.settings.reserved_email_domains
    found = find_email_domains(world.target, world.settings.schemas, timeout_s=world.settings.command_timeout_s)
    return Findings(results=[judge_emails(found, reserved)], rows=[describe_domain(one, reserved) for one in found.found])
