"""What a rehearsal means: its rows as a page shows them, and one result for each check it answers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from lib.clients.postgres.schema import name_differences
from lib.core.results import Findings, Result, failed, passed, skipped, unseen
from lib.tasks.migrations.apply import ApplyFailure
from lib.tasks.migrations.lock_recorder import Flight, Lock, Wait
from lib.tasks.migrations.rehearsal import Rehearsal, TriedRollback

EXCLUSIVE = "AccessExclusive"
"""The one mode that keeps readers out too."""

TIMED_OUT = {"40P01": "a deadlock", "55P03": "a lock it did not get in time"}
"""SQLSTATEs by which a file fails because somebody else was at work."""

HINTS = {
    "42704": "create the role, type or object it names in an earlier migration, or guard the statement.",
    "42P07": "the object is there already: find what made it, or write `if not exists`.",
    "42710": "the object is there already: find what made it, or guard the statement.",
    "42P01": "make the table or view it names in an earlier migration, or correct the name.",
    "42501": "the launch's user may not do this on a hosted project: leave the statement out or ask its owner.",
    "42601": "correct the syntax at that line.",
}
"""SQLSTATE -> what usually helps. Source: https://www.postgresql.org/docs/current/errcodes-appendix.html"""


def judge_applied(rehearsal: Rehearsal) -> Findings:
    """Judge that every file applied to the twin, and, as advice, that it also does on tables with rows."""
    results = [judge_first_pass(rehearsal), judge_with_rows(rehearsal)]
    return Findings(results=results, rows=applied_rows(rehearsal), facts=rehearsal)


def judge_first_pass(rehearsal: Rehearsal) -> Result:
    """Judge that every file applied to the twin as the target is now."""
    check, failure = "migrations.applies_on_twin", rehearsal.first.failure
    if failure is None and rehearsal.target_has_rows:
        failure = next(iter(row_failures(rehearsal)), None)
    told = {"observed": len(rehearsal.first.applied), "expected": len(rehearsal.files), "unit": "migrations"}
    if failure is None:
        where = "a fresh project, since none is pending on the target" if rehearsal.from_nothing else "a twin of the target"
        return passed(check, **told, detail=f"All were applied to {where}.")
    done = rehearsal.files.index(failure.file)
    rest = rehearsal.files[done + 1 :]
    account = f"Applied: {list_names(rehearsal.files[:done])}; failed: {failure.file}; still pending: {list_names(rest)}."
    if lacks_extension(failure):
        return unseen(
            check,
            f"{failure.shown}. The scratch server does not have this extension, so the file can't be tried here. {account} "
            "Next: rehearse on a project that has the extension, or create it only where it is available.",
            **told,
        )
    hint = HINTS.get(failure.sqlstate or "", "correct the statement, then run again.")
    return failed(check, **told, detail=f"{failure.shown}. {account} Next: {hint}")


def judge_with_rows(rehearsal: Rehearsal) -> Result:
    """Judge, as advice, that no file failed on tables that held the seed's rows."""
    check = "migrations.applies_with_rows"
    failures = [one for one in row_failures(rehearsal) if one.sqlstate not in TIMED_OUT]
    filled = {flight.migration for flight in rehearsal.flights if flight.tables_with_rows}
    told = {"observed": len({one.file for one in failures}), "expected": 0, "unit": "migrations"}
    if failures:
        shown = "; ".join(dict.fromkeys(one.shown for one in failures))
        return failed(
            check,
            **told,
            detail=f"It applies to empty tables, but not to tables that hold the seed's rows: {shown}. "
            "Next: give the statement a default, a backfill or `not valid`, before a database with rows meets it.",
        )
    if not filled:
        return skipped(check, f"No migration met a table with rows: {why_no_rows(rehearsal)}.", **told)
    return passed(check, **told, detail=f"{len(filled)} of {len(rehearsal.files)} migrations met tables with rows.")


def row_failures(rehearsal: Rehearsal) -> list[ApplyFailure]:
    """Return where files failed that had applied without rows."""
    return [flight.failure for flight in rehearsal.flights if flight.failure is not None]


def lacks_extension(failure: ApplyFailure) -> bool:
    """Return whether a file failed only because this server can't have an extension."""
    return failure.statement.lower().startswith("create extension") and failure.sqlstate in ("0A000", "58P01")


def why_no_rows(rehearsal: Rehearsal) -> str:
    """Return why tables were empty, as the end of a sentence."""
    if rehearsal.first.failure and rehearsal.seed_problem:
        return f"after {rehearsal.first.failure.file} failed the seed has no tables to fill"
    problems = [f"{one.table}: {one.problem}" for scaled in rehearsal.scaled for one in scaled.fills if one.problem]
    return rehearsal.seed_problem or "; ".join(dict.fromkeys(problems)) or "no table existed before its migration"


def applied_rows(rehearsal: Rehearsal) -> list[dict[str, Any]]:
    """Return one row a file: what came of it, and its time at each scale."""
    failure = rehearsal.first.failure
    rows = []
    for name in rehearsal.files:
        if failure and name == failure.file:
            state = f"failed at line {failure.line}: {failure.said}"
        else:
            state = "applied" if name in rehearsal.first.applied else "still pending"
        times = {f"{one.scale}× rows, ms": time_of(one.flights, name) for one in rehearsal.scaled}
        rows.append({"migration": name, "on the twin": state, **times})
    return rows


def time_of(flights: Iterable[Flight], name: str) -> float | None:
    """Return how long a file took in its last flight, in ms, or None when it did not fly."""
    taken = [round(flight.time_ms, 1) for flight in flights if flight.migration == name and not flight.failure]
    return taken[-1] if taken else None


def judge_locks(rehearsal: Rehearsal, *, limit_ms: float) -> Findings:
    """Judge that no file held ACCESS EXCLUSIVE on a table with rows for longer than the limit."""
    check = "migrations.no_long_exclusive_lock"
    locks = [(flight, lock) for flight in rehearsal.flights for lock in flight.locks]
    exclusive = [(flight, lock) for flight, lock in locks if lock.mode == EXCLUSIVE and not lock.is_new]
    over = [(flight, lock) for flight, lock in exclusive if lock.rows and lock.held_ms > limit_ms]
    worst = max((lock.held_ms for _, lock in exclusive if lock.rows), default=0.0)
    told = {"observed": round(worst, 1), "expected": limit_ms, "unit": "ms"}
    met_rows = any(flight.tables_with_rows for flight in rehearsal.flights)
    if over:
        named = "; ".join(dict.fromkeys(name_lock(flight, lock) for flight, lock in over))
        result = failed(
            check,
            **told,
            detail=f"{named}. Nobody can read or write the table meanwhile. "
            "Next: split the change into steps that need the lock briefly.",
        )
    elif met_rows:
        result = passed(check, **told, detail=f"{len(exclusive)} exclusive locks on tables that were there before.")
    else:
        result = nothing_flown(check, rehearsal)
    return Findings(
        results=[result],
        rows=lock_rows(rehearsal),
        artifacts={"locks.json": [asdict(flight) for flight in rehearsal.flights]},
        facts=lock_facts(rehearsal),
    )


def nothing_flown(check: str, rehearsal: Rehearsal) -> Result:
    """Return why there was nothing to see: no file applied is an error, no table before it a skip."""
    if not rehearsal.flights:
        return unseen(check, "No migration was applied, so none could be watched. Next: see migrations.applies_on_twin.")
    if any(not lock.is_new for flight in rehearsal.flights for lock in flight.locks):
        return unseen(
            check,
            f"Every table was empty, which says nothing of waiting: {why_no_rows(rehearsal)}. "
            "Next: give the pack a seed that loads.",
        )
    return skipped(check, "No table with rows was there before a migration, so there was nobody to keep waiting.")


def name_lock(flight: Flight, lock: Lock) -> str:
    """Return one exclusive lock as a clause."""
    return (
        f"{flight.migration}, line {lock.line} (statement {lock.index}) held ACCESS EXCLUSIVE on {lock.table} "
        f"({lock.rows} rows, {flight.scale}× the seed) for {lock.held_ms:.0f} ms"
    )


def lock_rows(rehearsal: Rehearsal) -> list[dict[str, Any]]:
    """Return one row for each table, mode and file: how long at each scale, strongest modes and longest first."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    scales = [one.scale for one in rehearsal.scaled]
    for flight in rehearsal.flights:
        for lock in flight.locks:
            key = (flight.migration, lock.table, lock.mode)
            row = found.setdefault(
                key,
                {
                    "migration": flight.migration,
                    "table": lock.table,
                    "lock": lock.mode,
                    "taken at line": lock.line,
                    "new table": lock.is_new,
                    **{f"held at {scale}×, ms": None for scale in scales},
                    "rows at most": 0,
                },
            )
            cell = f"held at {flight.scale}×, ms"
            row[cell] = round(max(row[cell] or 0, lock.held_ms), 1)
            row["rows at most"] = max(row["rows at most"], lock.rows)
    return sorted(found.values(), key=lambda row: (row["new table"], row["lock"] != EXCLUSIVE, -row["rows at most"]))


def lock_facts(rehearsal: Rehearsal) -> list[dict[str, Any]]:
    """Return one mapping for each file and scale, as `figures.lock_timeline` draws them."""
    facts = []
    for flight in rehearsal.flights:
        held = [lock for lock in flight.locks if lock.mode == EXCLUSIVE and lock.rows and not lock.is_new]
        longest = max(held, key=lambda lock: lock.held_ms, default=None)
        facts.append(
            {
                "migration": flight.migration,
                "scale": flight.scale,
                "time_ms": flight.time_ms,
                "longest_exclusive_ms": longest.held_ms if longest else None,
                "table": longest.table if longest else None,
            }
        )
    return facts


def judge_background(rehearsal: Rehearsal, *, limit_ms: float) -> Findings:
    """Judge that no background statement waited beyond the limit, and none was sacrificed to a deadlock."""
    check = "migrations.background_work_not_blocked"
    waits = [(flight, wait) for flight in rehearsal.flights for wait in flight.waits]
    over = [(flight, wait) for flight, wait in waits if wait.waited_ms > limit_ms]
    clashes = name_clashes(rehearsal.flights)
    ran = sum(flight.background for flight in rehearsal.flights)
    told = {"observed": round(max((wait.waited_ms for _, wait in waits), default=0.0), 1), "expected": limit_ms, "unit": "ms"}
    if over or clashes:
        named = [*dict.fromkeys(name_wait(flight, wait) for flight, wait in over), *clashes]
        result = failed(
            check,
            **told,
            detail=f"{'; '.join(named)}. "
            "Next: do the long part of that file without a lock that keeps others out, in a file of its own.",
        )
    elif ran:
        result = passed(check, **told, detail=f"{len(waits)} of {ran} background statements had to wait at all.")
    else:
        result = nothing_flown(check, rehearsal)
    return Findings(results=[result], rows=background_rows(rehearsal))


def name_clashes(flights: Iterable[Flight]) -> list[str]:
    """Return a clause for each deadlock, whoever was made to give up, and each lock a file gave up waiting for."""
    clashes = []
    for flight in flights:
        clashes += [
            f"the {key.partition(':')[0]} was ended by a deadlock with {flight.migration} ({flight.scale}× the seed)"
            for key in flight.refused
            if key.endswith("40P01")
        ]
        if flight.failure and flight.failure.sqlstate in TIMED_OUT:
            clashes.append(f"{flight.failure.shown}: {TIMED_OUT[flight.failure.sqlstate]}, while others were at work")
    return clashes


def name_wait(flight: Flight, wait: Wait) -> str:
    """Return one wait as a clause."""
    return (
        f"the {wait.worker} waited {wait.waited_ms:.0f} ms for {wait.table} while {flight.migration} ran, because of "
        f"line {wait.line} (statement {wait.index}), at {flight.scale}× the seed's rows"
    )


def background_rows(rehearsal: Rehearsal) -> list[dict[str, Any]]:
    """Return one row a file and scale: background statements, how many waited, the worst and its cause."""
    rows = []
    for flight in rehearsal.flights:
        worst = max(flight.waits, key=lambda wait: wait.waited_ms, default=None)
        rows.append(
            {
                "migration": flight.migration,
                "rows": f"{flight.scale}×",
                "statements": flight.background,
                "waited": len(flight.waits),
                "worst wait, ms": round(worst.waited_ms, 1) if worst else 0.0,
                "who, where": f"{worst.worker} on {worst.table}" if worst else "",
                "because of line": worst.line if worst else None,
                "refused": sum(flight.refused.values()),
            }
        )
    return rows


def judge_rollbacks(rehearsal: Rehearsal) -> Findings:
    """Judge that each file has a rollback, and that it brings the schema before it back."""
    check, tried = "migrations.rollbacks_restore_schema", rehearsal.first.rollbacks
    rows = [{"migration": one.migration, "rollback": say_rollback(one)} for one in tried]
    if not tried:
        reason = "No migration was applied, so none could be rolled back. Next: see migrations.applies_on_twin."
        return Findings(results=[unseen(check, reason)])
    good = sum(one.found and not one.failure and not one.differences for one in tried)
    told = {"observed": good, "expected": len(tried), "unit": "rollbacks"}
    if good == len(tried):
        result = passed(check, **told)
    else:
        lacking = [one.migration for one in tried if not one.found]
        named = [f"no rollback file for {list_names(lacking)}"] if lacking else []
        named += [f"{one.migration}: {say_rollback(one)}" for one in tried if one.found and (one.failure or one.differences)]
        next_move = "write or correct supabase/rollbacks/<the migration's name>."
        result = failed(check, **told, detail=f"{'; '.join(named)}. Next: {next_move}")
    return Findings(results=[result], rows=rows)


def say_rollback(tried: TriedRollback) -> str:
    """Return what one rollback came to."""
    if not tried.found:
        return "no file in supabase/rollbacks"
    if tried.failure:
        return f"failed at {tried.failure.shown}"
    if tried.differences:
        return f"left {name_differences(tried.differences)}"
    return "schema as before"


def list_names(names: Sequence[str]) -> str:
    """Return names as a list in words, or "none"."""
    return ", ".join(names) or "none"
