"""Classifies what an RLS probe observed: deny, allow, or the rows of a declared scope. Pure.

A class *fits* an observation when, in every region of the table, it explains what happened: all of the
region's rows were touched, or none. Several may fit when no row distinguishes them; then nothing was proved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lib.clients.postgres.rls.attempt import UID
from lib.clients.postgres.rls.clauses import stronger_of
from lib.clients.postgres.rls.declared import split_scope
from lib.core.results import Outcome
from lib.core.wording import format_count

GRANT = "grant"
POLICY = "policy"
TRIGGER = "trigger"
OTHER = "another object"


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What one identity could do with one verb on one table.

    regions: region -> rows there were, rows touched.
    refused_by: what refused the whole statement: grant, policy, trigger or another object's grant.
    fixed: the only class that the catalogue allows, when rows alone do not decide.
    problem: why the probe could not be made; the regions are then incomplete.
    moved: columns by which rows could be moved out of the declared scope.
    example: region -> a row that was touched.
    """

    identity: str
    regions: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    refused_by: str | None = None
    said: str = ""
    fixed: str | None = None
    problem: str | None = None
    moved: tuple[str, ...] = ()
    example: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of the matrix: what a role may do with one verb on one table, declared and observed.

    observed: deny, allow, a scope's name, `other` when none explains it, several joined by ` or `
        when no row distinguishes them, `unknown` when nothing was learned.
    outcome: pass or fail as declared or not; error when undetermined; skip when another check judges it.
    by_identity: identity -> its own observed class.
    refused_by: grant, policy, trigger or another object, when a statement was refused outright.
    """

    table: str
    role: str
    verb: str
    declared: str
    observed: str
    outcome: Outcome
    detail: str = ""
    refused_by: str | None = None
    by_identity: Mapping[str, str] = field(default_factory=dict)


def is_member(region: str, name: str, scopes: Sequence[str]) -> bool:
    """Whether the class allows touching the rows of the region."""
    if name in ("allow", "deny"):
        return name == "allow"
    return region[list(scopes).index(name)] == "t"


def candidate_classes(scopes: Mapping[str, str], *, has_user: bool, declared: str) -> list[str]:
    """Return the possible classes, widest first; scopes with the same predicate count once.

    A scope of `:uid` is left out for an identity without a user, unless it is the declared one; so is one made weaker than
    another scope than that.
    """
    names = ["allow"]
    seen = {scopes[declared].strip()} if declared in scopes else set()
    for name, predicate in scopes.items():
        text = predicate.strip()
        if stronger_of(name) not in (None, declared):
            continue
        if name == declared or (text not in seen and (has_user or not UID.search(text))):
            seen.add(text)
            names.append(name)
    return [*names, "deny"]


def fitting_classes(seen: Observation, candidates: Sequence[str], scopes: Sequence[str]) -> list[str]:
    """Return the candidates that explain all that was observed, in their order."""
    if seen.refused_by == GRANT:
        return ["deny"]
    fitting = [
        name
        for name in candidates
        if all(touched == (rows if is_member(region, name, scopes) else 0) for region, (rows, touched) in seen.regions.items())
    ]
    return [seen.fixed] if seen.fixed in fitting else fitting


def judge_cell(
    key: tuple[str, str, str], declared: str, scopes: Mapping[str, str], seen: Sequence[tuple[Observation, bool]]
) -> Cell:
    """Judge one role and verb on one table by what each of its identities can do.

    key: table, role, verb. seen: each identity's observation, and whether it has a user.
    """
    reached, _ = split_scope(declared)
    fits = {
        one.identity: fitting_classes(one, candidate_classes(scopes, has_user=user, declared=reached), list(scopes))
        for one, user in seen
    }
    whole = [one for one, _ in seen if one.problem is None]
    common = [name for name in fits[whole[0].identity] if all(name in fits[one.identity] for one in whole)] if whole else []
    outcome, observed, detail = _decide(reached, declared, common, fits, [one for one, _ in seen], list(scopes))
    return Cell(
        table=key[0],
        role=key[1],
        verb=key[2],
        declared=declared,
        observed=observed,
        outcome=outcome,
        detail=detail,
        refused_by=next((one.refused_by for one, _ in seen if one.refused_by), None),
        by_identity={
            one.identity: name_class(fits[one.identity], reached) if one.problem is None else "unknown" for one, _ in seen
        },
    )


def _decide(
    reached: str,
    declared: str,
    common: Sequence[str],
    fits: Mapping[str, Sequence[str]],
    seen: Sequence[Observation],
    scopes: Sequence[str],
) -> tuple[Outcome, str, str]:
    """Return outcome, observed class and detail of one cell."""
    whole = [one for one in seen if one.problem is None]
    problems = [f"{one.identity}: {one.problem}" for one in seen if one.problem is not None]
    if whole and all(one.refused_by == GRANT for one in seen) and reached != "deny":
        return Outcome.SKIP, "deny", "no GRANT for it: see rls.grants_match_declared"
    wrong = [one for one in whole if reached not in fits[one.identity]]
    if wrong:
        observed = join_classes(common) if common else "other"
        return Outcome.FAIL, observed, "; ".join(describe(one, reached, scopes) for one in wrong)
    partial = [one for one in seen if one.problem is not None and contradicts(one, reached, scopes)]
    if partial:
        return Outcome.FAIL, "other", "; ".join(describe(one, reached, scopes) for one in partial)
    moved = [
        f"{one.identity} can move rows out of what is declared ({declared}) by column {', '.join(one.moved)}"
        for one in seen
        if one.moved
    ]
    if moved:
        return Outcome.FAIL, "other", "; ".join(moved)
    if problems:
        return Outcome.ERROR, "unknown" if not whole else join_classes(common), "; ".join(problems)
    if len(common) > 1:
        why = f"no row distinguishes {join_classes(common)} for {', '.join(one.identity for one in seen)}"
        return Outcome.ERROR, join_classes(common), why
    said = next((one.said for one in seen if one.refused_by in (OTHER, TRIGGER)), "")
    return Outcome.PASS, reached, f"refused by {seen[0].refused_by}: {said}" if said else ""


def contradicts(seen: Observation, name: str, scopes: Sequence[str]) -> bool:
    """Whether even an incomplete observation shows touched rows that the class excludes."""
    return any(touched and not is_member(region, name, scopes) for region, (_, touched) in seen.regions.items())


def join_classes(names: Sequence[str]) -> str:
    """Return the classes that fit as one phrase."""
    return " or ".join(names) if names else "other"


def name_class(names: Sequence[str], declared: str) -> str:
    """Return the class to show for one identity: the declared one where it fits."""
    return declared if declared in names else join_classes(names)


def describe(seen: Observation, reached: str, scopes: Sequence[str]) -> str:
    """Return one phrase: how an observation differs from what is declared, in rows; reached: the declared word."""
    if seen.refused_by in (POLICY, TRIGGER, OTHER):
        return f"{seen.identity} was refused by {seen.refused_by} ({seen.said})"
    outside = {region: count for region, (_, count) in seen.regions.items() if count and not is_member(region, reached, scopes)}
    missed = sum(rows - count for region, (rows, count) in seen.regions.items() if is_member(region, reached, scopes))
    parts = []
    if outside:
        example = next((seen.example[region] for region in sorted(outside) if region in seen.example), None)
        touched, beyond = sum(count for _, count in seen.regions.values()), sum(outside.values())
        rows = f"{format_count(touched, 'row')}, {beyond:,} of them" if touched > beyond else format_count(beyond, "row")
        parts.append(f"reaches {rows} outside of what is declared ({reached})" + (f", such as {example}" if example else ""))
    if missed:
        parts.append(f"does not reach {format_count(missed, 'row')} of what is declared ({reached})")
    return f"{seen.identity} {' and '.join(parts) or 'reaches no row that tells'}"
