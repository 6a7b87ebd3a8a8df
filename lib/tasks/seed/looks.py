"""The fixtures: applied with the CLI, applied again without effect, with the declared counts and no broken row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lib.clients.postgres.digests import digest_tables, open_reading
from lib.clients.supabase.cli import CliRefusal, SupabaseCli, open_cli, stage_project
from lib.clients.supabase.seed_files import (
    LEAVE_TRANSACTIONS,
    Reapplied,
    SeedFile,
    figures_of,
    find_client_commands,
    find_escapes,
    find_seed_files,
    read_recorded,
    reapply,
)
from lib.clients.supabase.unpushed import refuse_unpushed
from lib.core.errors import DatabaseError
from lib.core.offered import offer_looks
from lib.core.permissions import Act
from lib.core.results import Findings, look
from lib.tasks.seed.constraints import find_email_domains, verify_checks, verify_foreign_keys, verify_not_nulls, verify_sequences
from lib.tasks.seed.judge import (
    NOT_APPLIED,
    SEE_APPLIED,
    describe_domain,
    judge_client_commands,
    judge_counts,
    judge_edited,
    judge_emails,
    judge_ran,
    judge_recorded,
    judge_refused,
    judge_second_application,
    judge_sequences,
    judge_verified,
)
from lib.tasks.seed.task import (
    APPLIED_TWICE_CHANGES_NOTHING,
    APPLIED_WITH_CLI,
    CHECKS_HOLD,
    EMAILS_ARE_RESERVED,
    FOREIGN_KEYS_HOLD,
    HISTORY_RECORDS_FILE,
    NOT_NULLS_HOLD,
    PACK_SCHEMAS,
    ROW_COUNTS_MATCH,
    SEQUENCES_ARE_AHEAD,
    Seed,
)
from lib.transport.context import Context


@look(APPLIED_WITH_CLI, HISTORY_RECORDS_FILE)
def look_at_application(context: Context[Seed]) -> Findings[list[SeedFile]]:
    """Each seed file, and the hash that the database recorded before and after."""
    if unpushed := refuse_unpushed(context):
        return look_at_application.not_allowed(unpushed)
    files = find_seed_files(context.pack)
    if found := find_client_commands(files):
        return Findings(
            results=judge_client_commands(found), rows=[{"file": name, "found": said.account} for name, said in found]
        )
    before = read_recorded(context.target)
    edited = [file.path for file in files if before.get(file.path, file.sha256) != file.sha256]
    if edited:
        return Findings(results=judge_edited(edited), rows=rows_of(files, before, before))
    if refusal := context.refusals.get(Act.FIXTURES):
        results = [APPLIED_WITH_CLI.not_allowed(refusal), judge_recorded(files, before)]
        return Findings(results=results, rows=rows_of(files, before, before), facts=files)
    cli = open_seed_cli(context)
    try:
        answer = cli.push(context.target, include_seed=True)
    except CliRefusal as exc:
        return Findings(results=judge_refused(exc), rows=rows_of(files, before, read_recorded(context.target)))
    after = read_recorded(context.target)
    ran = judge_ran(files, before, answer.run.stderr)
    return Findings(
        results=[ran, judge_recorded(files, after)],
        rows=rows_of(files, before, after),
        artifacts={"push.txt": answer.run.transcript},
        facts=files,
    )


def schemas_of(context: Context[Seed]) -> list[str]:
    """Return the schemas whose rows are looked at: those of params, and all that the pack owns."""
    return list(dict.fromkeys([*context.settings.schemas, *context.borrow(PACK_SCHEMAS)]))


def open_seed_cli(context: Context[Seed]) -> SupabaseCli:
    """Return the CLI, working in a staged copy of the pack."""
    workdir = stage_project(context.pack, context.work / "seed_project")
    return open_cli(
        context.programs.supabase,
        workdir,
        timeout_s=context.settings.command_timeout_s,
        older=context.programs.supabase_before,
    )


def rows_of(files: Sequence[SeedFile], before: Mapping[str, str], after: Mapping[str, str]) -> list[dict[str, object]]:
    """Return each seed file as a row of the page."""
    return [
        {
            "file": file.path,
            "sha256": file.sha256[:16],
            "noted before": before.get(file.path, "")[:16] or None,
            "noted after": after.get(file.path, "")[:16] or None,
        }
        for file in files
    ]


@look(APPLIED_TWICE_CHANGES_NOTHING)
def look_at_second_application(context: Context[Seed], *, applied: Sequence[SeedFile] | None) -> Findings[None]:
    """Each table before and after the seed's statements ran again; all of it was rolled back."""
    if unpushed := refuse_unpushed(context):
        return look_at_second_application.not_allowed(unpushed)
    check = APPLIED_TWICE_CHANGES_NOTHING
    if applied is None:
        return look_at_second_application.errors(NOT_APPLIED, fix=SEE_APPLIED)
    if refusal := context.refusals.get(Act.FIXTURES):
        return look_at_second_application.not_allowed(refusal)
    if escapes := find_escapes(applied):
        detail = f"{'; '.join(escapes)}. So the seed was not run again: that could not be undone."
        result = check.failed(observed="ends its transaction", expected="no change", detail=detail, fix=LEAVE_TRANSACTIONS)
        return Findings(results=[result])
    answer = open_seed_cli(context).push(context.target, include_seed=True)
    left = [*answer.data.get("migrations", []), *answer.data.get("seeds", [])]
    try:
        seen = reapply(context.target, applied, schemas_of(context), timeout_s=context.settings.command_timeout_s)
    except DatabaseError as exc:
        detail = f"The seed fails when it runs again: {exc.message}"
        fix = "Write its inserts so that they may run twice: `insert ... on conflict do nothing`."
        return Findings(results=[check.failed(observed="fails", expected="no change", detail=detail, fix=fix)])
    return Findings(
        results=[judge_second_application(seen, left, context.settings.expected_counts)],
        rows=rows_of_tables(seen),
        artifacts={"second_push.txt": answer.run.transcript},
    )


def rows_of_tables(seen: Reapplied) -> list[dict[str, object]]:
    """Return each table that holds rows, before and after, as a row of the page."""
    after = figures_of(seen.once)
    return [
        {"table": table.label, "rows before": table.rows, "rows after": after[table.label][0],
         "same": after[table.label] == (table.rows, table.digest)}
        for table in seen.before
        if table.rows or after[table.label][0]
    ]  # fmt: skip


@look(ROW_COUNTS_MATCH)
def look_at_rows(context: Context[Seed], *, applied: Sequence[SeedFile] | None) -> Findings[list[dict[str, Any]]]:
    """Rows of each table, declared and counted."""
    if unpushed := refuse_unpushed(context):
        return look_at_rows.not_allowed(unpushed)
    if applied is None:
        return look_at_rows.errors(NOT_APPLIED, fix=SEE_APPLIED)
    settings = context.settings
    own = set(context.borrow(PACK_SCHEMAS))
    with open_reading(context.target, timeout_s=settings.command_timeout_s) as connection:
        tables = digest_tables(connection, schemas_of(context))
    return judge_counts(tables, settings.expected_counts, own=own)


@look(FOREIGN_KEYS_HOLD, CHECKS_HOLD, NOT_NULLS_HOLD, SEQUENCES_ARE_AHEAD)
def look_at_constraints(context: Context[Seed]) -> Findings[None]:
    """Constraints of each kind, all verified against the rows themselves."""
    if unpushed := refuse_unpushed(context):
        return look_at_constraints.not_allowed(unpushed)
    schemas, timeout_s = schemas_of(context), context.settings.command_timeout_s
    found = {
        "foreign key": verify_foreign_keys(context.target, schemas, timeout_s=timeout_s),
        "check constraint": verify_checks(context.target, schemas, timeout_s=timeout_s),
        "column that must be filled": verify_not_nulls(context.target, schemas, timeout_s=timeout_s),
    }
    sequences = verify_sequences(context.target, schemas, timeout_s=timeout_s)
    checks = (FOREIGN_KEYS_HOLD, CHECKS_HOLD, NOT_NULLS_HOLD)
    rows = [
        {
            "kind": kind,
            "constraints": len(verified),
            "rows verified": sum(one.rows for one in verified),
            "rows that break one": sum(one.violations for one in verified),
        }
        for kind, verified in {**found, "sequence of a unique column": sequences}.items()
    ]
    whole = {kind: [vars(one) for one in verified] for kind, verified in {**found, "sequence": sequences}.items()}
    results = [judge_verified(check, verified, kind) for check, (kind, verified) in zip(checks, found.items(), strict=True)]
    return Findings(results=[*results, judge_sequences(sequences)], rows=rows, artifacts={"constraints.json": whole})


@look(EMAILS_ARE_RESERVED)
def look_at_emails(context: Context[Seed]) -> Findings[None]:
    """Each domain of the e-mail addresses in the fixtures; the addresses themselves never left the server."""
    if unpushed := refuse_unpushed(context):
        return look_at_emails.not_allowed(unpushed)
    reserved = context.settings.reserved_email_domains
    found = find_email_domains(context.target, schemas_of(context), timeout_s=context.settings.command_timeout_s)
    return Findings(results=[judge_emails(found, reserved)], rows=[describe_domain(one, reserved) for one in found.found])


offer_looks(__name__)
