"""What the findings about seed files and fixtures mean: pure, rows in, one Result out for each check of seed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lib.clients.postgres.digests import TableDigest
from lib.clients.supabase.cli import CliRefusal
from lib.clients.supabase.seed_files import Reapplied, SeedFile, figures_of
from lib.core.results import Findings, Result, failed, judge, passed, skipped, unseen
from lib.core.wording import join_words, show_count
from lib.tasks.seed.constraints import EmailDomain, EmailSearch, Verified

NAMED = 5
"""Objects named in a detail; the table below it has all."""

NOT_APPLIED = "The seed is not applied: see seed.applied_with_cli. Next: mend that first."


def judge_edited(edited: Sequence[str]) -> list[Result]:
    """Return the results of seed files that changed after they were applied; the CLI is not called then."""
    detail = (
        f"{join_words(edited)} changed after it was applied. The CLI never runs a seed file again: it would only note "
        "the new hash and report success. Next: apply it with psql in one transaction, or delete its row from "
        "supabase_migrations.seed_files and run again."
    )
    return [
        failed("seed.applied_with_cli", observed="edited since", expected="applied as it is now", detail=detail),
        unseen("seed.history_records_file", NOT_APPLIED),
    ]


def judge_pending(pending: Sequence[str]) -> list[Result]:
    """Return the results of a push not tried, because it would also apply migrations nobody rehearsed."""
    reason = f"{show_count(len(pending), 'migration')} pending, which the CLI would apply too. Next: run 01_migrations first."
    return [unseen("seed.applied_with_cli", reason), unseen("seed.history_records_file", reason)]


def judge_refused(refusal: CliRefusal) -> list[Result]:
    """Return the results of a push that the CLI did not carry through."""
    refused = failed(
        "seed.applied_with_cli",
        observed=refusal.code,
        expected="applied",
        detail=str(refusal),
        command=refusal.run.command,
        exit_code=refusal.run.exit_code,
    )
    return [refused, unseen("seed.history_records_file", NOT_APPLIED)]


def judge_ran(files: Sequence[SeedFile], before: Mapping[str, str], stderr: str) -> Result:
    """Judge that the CLI really ran each file that was not applied before; its JSON can't tell."""
    check = "seed.applied_with_cli"
    ran = set(re.findall(r"Seeding data from (\S+?)\.\.\.", stderr))
    new = [file.path for file in files if file.path not in before]
    passed_over = [path for path in new if path not in ran]
    if passed_over:
        detail = f"The CLI did not run {join_words(passed_over)}. Next: see push.txt, and run it by hand with --debug."
        return failed(check, observed=len(new) - len(passed_over), expected=len(new), unit="files", detail=detail)
    if not new:
        detail = "Applied before, and unchanged since: the CLI had nothing to run."
        return passed(check, observed="applied before", expected="applied", detail=detail)
    return passed(check, observed=len(new), expected=len(new), unit="files")


def judge_noted(files: Sequence[SeedFile], noted: Mapping[str, str]) -> Result:
    """Judge that the database notes each file with the hash it has now."""
    check = "seed.history_records_file"
    missing = [file.path for file in files if noted.get(file.path) != file.sha256]
    detail = f"The database does not note {join_words(missing)} as it is now. Next: apply the seed with the CLI."
    return judge(
        check,
        holds=not missing,
        observed=len(files) - len(missing),
        expected=len(files),
        unit="files",
        detail=detail if missing else "",
    )


def judge_again(seen: Reapplied, left_to_push: Sequence[str], expected: Mapping[str, int]) -> Result:
    """Judge that running the seed again changed nothing, and that the CLI had nothing left to do.

    Where rows are already missing the seed rightly puts them back: tables whose count is not the declared
    one are row_counts_match's to judge, as long as running the seed yet again changes nothing more.
    """
    check = "seed.applied_twice_changes_nothing"
    before, once = figures_of(seen.before), figures_of(seen.once)
    again = figures_of(seen.again) if seen.again is not None else once
    short = {label for label, rows in expected.items() if label in before and before[label][0] != rows}
    changed = [label for label in once if before.get(label) != once[label] and label not in short]
    changed += [label for label in again if once.get(label) != again[label] and label not in changed]
    if not any(rows for rows, _ in once.values()):
        return unseen(check, "No table holds a row after the seed ran. Next: see whether the seed names the right tables.")
    wrong = [f"{label} goes from {show_count(before[label][0] or 0, 'row')} to {again[label][0]}" for label in changed]
    wrong += [f"the CLI would push {name}" for name in left_to_push]
    detail = f"{join_words(wrong[:NAMED])}. Next: write the seed's statements so that they may run twice." if wrong else ""
    if not seen.undone:
        detail += " A seed file has its own COMMIT, so what ran again could not be rolled back."
    return judge(check, holds=not wrong, observed=len(wrong), expected=0, unit="changes", detail=detail.strip())


def judge_counts(tables: Sequence[TableDigest], expected: Mapping[str, int], *, own: set[str]) -> Findings:
    """Judge each declared count, and that no table of the pack's own schemas holds rows nobody declared."""
    check = "seed.row_counts_match"
    if not expected:
        return Findings(results=[unseen(check, "No count is declared. Next: add seed.expected_counts to the params file.")])
    seen = {table.label: table for table in tables}
    undeclared = [
        table.label
        for table in tables
        if table.rows and table.schema in own and not table.is_partition and table.label not in expected
    ]
    rows = [
        {"table": label, "expected": expected[label], "seen": seen[label].rows if label in seen else None} for label in expected
    ]
    rows += [{"table": label, "expected": None, "seen": seen[label].rows} for label in undeclared]
    wrong = [describe_count(row) for row in rows if row["expected"] != row["seen"]]
    detail = f"{join_words(wrong[:NAMED])}. Next: correct the seed, or seed.expected_counts in the params file." if wrong else ""
    result = judge(check, holds=not wrong, observed=len(rows) - len(wrong), expected=len(rows), unit="tables", detail=detail)
    return Findings(results=[result], rows=rows, facts=rows)


def describe_count(row: Mapping[str, object]) -> str:
    """Return one count that is not as declared, in words."""
    if row["seen"] is None:
        return f"{row['table']} is missing or may not be read"
    if row["expected"] is None:
        return f"{row['table']} holds {row['seen']} rows and is not declared"
    return f"{row['table']} holds {row['seen']} rows instead of {row['expected']}"


def judge_verified(check: str, found: Sequence[Verified], kind: str) -> Result:
    """Judge that no row breaks a constraint of one kind; none to break, or no row, is nothing seen."""
    if not found:
        return unseen(check, f"There is no {kind} to verify. Next: check seed.schemas in the params file, or the migrations.")
    if not any(one.rows for one in found):
        return unseen(check, f"No table with a {kind} holds a row. Next: apply the seed.")
    broken = [one for one in found if one.violations]
    named = [
        f"{show_count(one.violations, 'row')} of {one.table} against {one.constraint}{'' if one.validated else ' (NOT VALID)'}"
        for one in broken
    ]
    detail = f"{join_words(named[:NAMED])}. Next: correct these rows; the database does not check them again by itself."
    return judge(
        check,
        holds=not broken,
        observed=len(found) - len(broken),
        expected=len(found),
        unit="constraints",
        detail=detail if broken else "",
    )


def judge_emails(found: EmailSearch, reserved: Sequence[str]) -> Result:
    """Judge that every e-mail address is under a reserved domain; a fixture without any is passed over with a reason."""
    check = "seed.emails_are_reserved"
    if not found.columns or not found.rows:
        return unseen(check, "There is no row with text to search. Next: apply the seed, or correct seed.schemas.")
    addresses = [one for one in found.found if looks_like_domain(one.domain) or is_reserved(one.domain, reserved)]
    if not addresses:
        return skipped(check, f"No e-mail address in {show_count(found.columns, 'column')} of {show_count(found.rows, 'row')}.")
    outside = [one for one in addresses if not is_reserved(one.domain, reserved)]
    named = [
        f"{show_count(one.addresses, 'address', 'addresses')} at {one.domain} in {one.table}.{one.column}" for one in outside
    ]
    detail = f"{join_words(named[:NAMED])}. Next: use {join_words(list(reserved)[:3], last='or')}; such mail reaches nobody."
    return judge(
        check,
        holds=not outside,
        observed=sum(one.addresses for one in outside),
        expected=0,
        unit="addresses",
        detail=detail if outside else "",
    )


def is_reserved(domain: str, reserved: Sequence[str]) -> bool:
    """Return whether a domain is a reserved one or lies under it; `notexample.com` and `example.com.org` do not."""
    return any(domain == one or domain.endswith(f".{one}") for one in reserved)


def looks_like_domain(domain: str) -> bool:
    """Return whether mail could go there: `react@18.2.0` and `a@b` are no addresses."""
    _, dot, last = domain.rpartition(".")
    return bool(dot) and last[:1].isalpha() and len(last) > 1


def describe_domain(one: EmailDomain, reserved: Sequence[str]) -> dict[str, object]:
    """Return one domain as the page shows it."""
    return {
        "table": one.table,
        "column": one.column,
        "domain": one.domain,
        "addresses": one.addresses,
        "reserved": is_reserved(one.domain, reserved),
    }
