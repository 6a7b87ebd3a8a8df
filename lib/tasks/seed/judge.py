"""Judges seed files and fixtures: rows in, one Result out for each check of seed. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lib.clients.postgres.client_commands import ClientCommand
from lib.clients.postgres.digests import TableDigest
from lib.clients.postgres.platform_statements import WAYS_OUT, find_lacking
from lib.clients.supabase.cli import CliRefusal
from lib.clients.supabase.seed_files import Reapplied, SeedFile, figures_of
from lib.core.left_out import LeftOut, judge_all
from lib.core.results import Check, Findings, Result
from lib.core.wording import format_count, join_words
from lib.tasks.seed.constraints import EmailDomain, EmailSearch, Verified
from lib.tasks.seed.task import (
    APPLIED_TWICE_CHANGES_NOTHING,
    APPLIED_WITH_CLI,
    EMAILS_ARE_RESERVED,
    HISTORY_RECORDS_FILE,
    ROW_COUNTS_MATCH,
    SEQUENCES_ARE_AHEAD,
)

NAMED = 5
"""Objects named in a detail; the table below it lists all."""

NOT_APPLIED = "The seed is not applied."
SEE_APPLIED = "See seed.applied_with_cli and fix that first."


def judge_edited(edited: Sequence[str]) -> list[Result]:
    """Return the results of seed files that changed after they were applied; the CLI is not called then."""
    detail = (
        f"{join_words(edited)} changed after it was applied. The CLI never runs a seed file again: it would only record "
        "the new hash and report success."
    )
    fix = [
        *(f"Apply it in one transaction: psql -1 -v ON_ERROR_STOP=1 -f {path}" for path in edited),
        *(f"Or run again after: delete from supabase_migrations.seed_files where path = '{path}';" for path in edited),
    ]
    return [
        APPLIED_WITH_CLI.failed(observed="edited since", expected="applied as it is now", detail=detail, fix=fix, objects=edited),
        HISTORY_RECORDS_FILE.errored(NOT_APPLIED, fix=SEE_APPLIED),
    ]


def judge_client_commands(found: Sequence[tuple[str, ClientCommand]]) -> list[Result]:
    """Return the results of seed files that are not all SQL; the CLI is not called then, and nothing of them runs."""
    detail = f"{join_words([f'{path}: {command.account}' for path, command in found])}. Nothing of the seed was run."
    fix = list(dict.fromkeys(command.fix for _, command in found))
    return [
        APPLIED_WITH_CLI.failed(observed="not SQL", expected="SQL", detail=detail, fix=fix, objects=[path for path, _ in found]),
        HISTORY_RECORDS_FILE.errored(NOT_APPLIED, fix=SEE_APPLIED),
    ]


def judge_refused(refusal: CliRefusal) -> list[Result]:
    """Return the results of a push that the CLI refused; what only the embedded platform lacks is no failure of the seed."""
    if lacking := find_lacking(refusal.said):
        said = f"The server lacks {lacking}, so the seed can't be tried here: {refusal.message}"
        return [APPLIED_WITH_CLI.errored(said, fix=WAYS_OUT), HISTORY_RECORDS_FILE.errored(NOT_APPLIED, fix=SEE_APPLIED)]
    refused = APPLIED_WITH_CLI.failed(
        observed=refusal.code,
        expected="applied",
        detail=refusal.message,
        fix=refusal.fix,
        command=refusal.run.command,
        exit_code=refusal.run.exit_code,
    )
    return [refused, HISTORY_RECORDS_FILE.errored(NOT_APPLIED, fix=SEE_APPLIED)]


def judge_ran(files: Sequence[SeedFile], before: Mapping[str, str], stderr: str) -> Result:
    """Judge that the CLI really ran each file that was not applied before; its JSON does not say."""
    check = APPLIED_WITH_CLI
    ran = set(re.findall(r"Seeding data from (\S+?)\.\.\.", stderr))
    new = [file.path for file in files if file.path not in before]
    passed_over = [path for path in new if path not in ran]
    if passed_over:
        detail = f"The CLI did not run {join_words(passed_over)}."
        fix = ["Read push.txt.", "Run it by hand: supabase db push --include-seed --debug"]
        facts = {"observed": len(new) - len(passed_over), "expected": len(new), "unit": "files"}
        return check.failed(**facts, detail=detail, fix=fix, objects=passed_over)
    if not new:
        detail = "Applied before, and unchanged since: the CLI had nothing to run."
        return check.passed(observed="applied before", expected="applied", detail=detail)
    earlier = [file.path for file in files if file.path not in new]
    detail = f"Applied before, and unchanged since: {join_words(earlier)}." if earlier else ""
    return check.passed(observed=len(files), expected=len(files), unit="files", detail=detail)


def judge_recorded(files: Sequence[SeedFile], recorded: Mapping[str, str]) -> Result:
    """Judge that the database has recorded each file with the hash it has now."""
    missing = [file.path for file in files if recorded.get(file.path) != file.sha256]
    return HISTORY_RECORDS_FILE.judge(
        holds=not missing,
        observed=len(files) - len(missing),
        expected=len(files),
        unit="files",
        detail=f"The database has not recorded {join_words(missing)} as it is now." if missing else "",
        objects=missing,
        fix="Apply the seed with the CLI: supabase db push --include-seed",
    )


def judge_second_application(seen: Reapplied, left_to_push: Sequence[str], expected: Mapping[str, int]) -> Result:
    """Judge that running the seed again changed nothing, and that the CLI had nothing left to do.

    Where rows are missing, the seed rightly inserts them again: tables whose count is not the declared one
    are judged by row_counts_match, as long as running the seed a third time changes nothing more.
    """
    check = APPLIED_TWICE_CHANGES_NOTHING
    before, once = figures_of(seen.before), figures_of(seen.once)
    again = figures_of(seen.again) if seen.again is not None else once
    short = {label for label, rows in expected.items() if label in before and before[label][0] != rows}
    changed = [label for label in once if before.get(label) != once[label] and label not in short]
    changed += [label for label in again if once.get(label) != again[label] and label not in changed]
    unread = sorted(label for label, (rows, _) in once.items() if rows is None)
    if not any(rows for rows, _ in once.values()):
        return check.errored("No table holds a row after the seed ran.", fix="Check that the seed names the right tables.")
    wrong = [f"{label} goes from {format_count(before[label][0] or 0, 'row')} to {again[label][0]}" for label in changed]
    wrong += [f"the CLI would push {name}" for name in left_to_push]
    wrong += [] if seen.undone else ["the seed ended the transaction that it ran in again"]
    detail = f"{join_words(wrong[:NAMED])}." if wrong else ""
    fix = "Write the seed's statements so that they may run twice, such as `insert ... on conflict do nothing`."
    left_out = find_unread(unread)
    hidden = sorted(short - set(changed))
    if hidden:
        left_out.append(LeftOut(reason=f"Not the declared rows at first: {join_words(hidden)}.", cause=ROW_COUNTS_MATCH.id))
    return judge_all(
        check,
        holds=not wrong,
        left_out=left_out,
        observed=len(once) - len({*changed, *hidden, *unread}),
        expected=len(once),
        unit="tables",
        detail=detail.strip(),
        fix=fix,
        objects=[*changed, *left_to_push, *([] if seen.undone else ["the transaction of the seed"])],
    )


def find_unread(labels: Sequence[str]) -> list[LeftOut]:
    """Return the tables that this user may not read, of which nothing is known."""
    if not labels:
        return []
    named = join_words(list(labels[:NAMED]))
    return [LeftOut(reason=f"This user may not read {named}.", fix=f"grant select on {labels[0]} to <the user of the run>;")]


def judge_counts(tables: Sequence[TableDigest], expected: Mapping[str, int], *, own: set[str]) -> Findings[list[dict[str, Any]]]:
    """Judge each declared count, and that no table of the pack's own schemas holds rows that are not declared."""
    check = ROW_COUNTS_MATCH
    if not expected:
        return Findings(results=[check.errored("No count is declared.", fix="Add seed.expected_counts to the params file.")])
    seen = {table.label: table for table in tables}
    undeclared = [
        table.label
        for table in tables
        if table.rows and table.schema in own and not table.is_partition and table.label not in expected
    ]
    rows: list[dict[str, Any]] = [
        {"table": label, "expected": expected[label], "seen": seen[label].rows if label in seen else None} for label in expected
    ]
    rows += [{"table": label, "expected": None, "seen": seen[label].rows} for label in undeclared]
    unread = [table.label for table in tables if table.rows is None and table.schema in own and table.label not in expected]
    wrong = [describe_count(row) for row in rows if row["expected"] != row["seen"]]
    result = judge_all(
        check,
        holds=not wrong,
        left_out=find_unread(unread),
        observed=len(rows) - len(wrong),
        expected=len(rows) + len(unread),
        unit="tables",
        detail=f"{join_words(wrong[:NAMED])}." if wrong else "",
        fix="Correct the seed, or seed.expected_counts in the params file.",
        objects=[row["table"] for row in rows if row["expected"] != row["seen"]],
    )
    return Findings(results=[result], rows=rows, facts=rows)


def describe_count(row: Mapping[str, object]) -> str:
    """Return one count that differs from the declared one, as text."""
    if row["seen"] is None:
        return f"{row['table']} is missing or may not be read"
    if row["expected"] is None:
        return f"{row['table']} holds {row['seen']} rows and is not declared"
    return f"{row['table']} holds {row['seen']} rows instead of {row['expected']}"


def judge_verified(check: Check, found: Sequence[Verified], kind: str) -> Result:
    """Judge that no row breaks a constraint of one kind; without a constraint or a row it is an error."""
    if not found:
        return check.errored(f"There is no {kind} to verify.", fix="Check seed.schemas in the params file, and the migrations.")
    if not any(one.rows for one in found):
        return check.errored(f"No table with a {kind} holds a row.", fix="Apply the seed.")
    broken = [one for one in found if one.violations]
    named = [
        f"{format_count(one.violations, 'row')} of {one.table} against {one.constraint}{'' if one.validated else ' (NOT VALID)'}"
        for one in broken
    ]
    detail = f"{join_words(named[:NAMED])}."
    return check.judge(
        holds=not broken,
        observed=len(found) - len(broken),
        expected=len(found),
        unit="constraints",
        detail=detail if broken else "",
        fix="Correct these rows: the database does not check them again by itself.",
        objects=[f"{one.table} {one.constraint}" for one in broken],
    )


def judge_sequences(found: Sequence[Verified]) -> Result:
    """Judge that no row has a value that its sequence has still to give."""
    check = SEQUENCES_ARE_AHEAD
    held = [one for one in found if one.rows]
    if not held:
        return check.not_applicable("No table with a unique column that a sequence fills holds a row.")
    behind = [one for one in held if one.violations]
    named = [f"{format_count(one.violations, 'row')} of {one.table} at or beyond the next {one.constraint}" for one in behind]
    return check.judge(
        holds=not behind,
        observed=len(held) - len(behind),
        expected=len(held),
        unit="sequences",
        detail=f"{join_words(named[:NAMED])}." if behind else "",
        objects=[f"{one.table} {one.constraint}" for one in behind],
        fix=[
            f"At the end of the seed: select setval(pg_get_serial_sequence('{one.table}', '{column}'), "
            f"(select max({column}) from {one.table}));"
            for one in behind[:NAMED]
            for column in [one.constraint.partition(" (")[0]]
        ],
    )


def judge_emails(found: EmailSearch, reserved: Sequence[str]) -> Result:
    """Judge that every e-mail address is under a reserved domain; fixtures without an address are skipped."""
    check = EMAILS_ARE_RESERVED
    if not found.columns or not found.rows:
        return check.errored(
            "There is no row with text to search.", fix="Apply the seed, or correct seed.schemas in the params file."
        )
    addresses = [one for one in found.found if looks_like_domain(one.domain) or is_reserved(one.domain, reserved)]
    if not addresses:
        return check.not_applicable(
            f"No e-mail address in {format_count(found.columns, 'column')} of {format_count(found.rows, 'row')}."
        )
    outside = [one for one in addresses if not is_reserved(one.domain, reserved)]
    others = sorted({one.domain for one in found.found if one not in addresses})
    aside = f"No addresses, by their last part: {join_words([f'...@{one}' for one in others[:NAMED]])}." if others else ""
    named = [
        f"{format_count(one.addresses, 'address', 'addresses')} at {one.domain} in {one.table}.{one.column}" for one in outside
    ]
    return check.judge(
        holds=not outside,
        observed=sum(one.addresses for one in outside),
        expected=0,
        unit="addresses",
        detail=f"{join_words(named[:NAMED])}." if outside else aside,
        objects=[f"{one.table}.{one.column} {one.domain}" for one in outside],
        fix=f"Use {join_words(list(reserved)[:3], last='or')} in the seed: mail to these domains reaches nobody.",
    )


def is_reserved(domain: str, reserved: Sequence[str]) -> bool:
    """Return whether a domain is a reserved one or is under it; `notexample.com` and `example.com.org` do not."""
    return any(domain == one or domain.endswith(f".{one}") for one in reserved)


def looks_like_domain(domain: str) -> bool:
    """Return whether mail could go there: `react@18.2.0` and `a@b` are not addresses."""
    _, dot, last = domain.rpartition(".")
    return bool(dot) and last[:1].isalpha() and len(last) > 1


def describe_domain(one: EmailDomain, reserved: Sequence[str]) -> dict[str, object]:
    """Return one domain as a row of the page."""
    return {
        "table": one.table,
        "column": one.column,
        "domain": one.domain,
        "addresses": one.addresses,
        "reserved": is_reserved(one.domain, reserved),
    }
