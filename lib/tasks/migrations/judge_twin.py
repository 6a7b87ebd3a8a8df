"""What the comparisons of target and twin mean: before the push, after it, and for all that rests on a twin. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lib.clients.postgres.fidelity import NOT_THERE, VERSION, Divergence, Fidelity, rest_on
from lib.clients.postgres.schema import Difference, Schema, compare_schemas, name_differences
from lib.core.results import Facts_co, Findings, Json
from lib.core.wording import name_some
from lib.tasks.migrations.judge import count_check
from lib.tasks.migrations.rehearsal import Rehearsal
from lib.tasks.migrations.task import TARGET_MATCHES_TWIN, TWIN_IS_FAITHFUL

SEE_TWIN = "See migrations.twin_is_faithful."
SERVER_WIDE = ("extension ", "publication ", "event_trigger ", "default_privileges ")
"""Objects that belong to a project as a whole; a fresh project has its own."""


def judge_twin(found: Fidelity) -> Findings[Fidelity]:
    """Judge that nothing differs on which a result of the rehearsal rests; what differs makes it an error, never a fail."""
    check, total = TWIN_IS_FAITHFUL, sum(found.compared.values())
    facts = {"observed": len(found.decisive), "expected": 0, "unit": "differences"}
    if found.is_faithful:
        aside = [one for one in found.divergences if not one.matters]
        noted = f" Different, but nothing here rests on it: {name_some([one.what for one in aside])}." if aside else ""
        detail = f"Both are PostgreSQL {found.target_version.partition('.')[0]}; {total:,} things compared.{noted}"
        result = check.passed(**facts, detail=detail)
    else:
        result = check.errored(found.account, **facts, fix=[*dict.fromkeys(how_to_fix(one) for one in found.decisive[:5])])
    return Findings(results=[result], rows=list(twin_rows(found)), artifacts={"twin.json": list(twin_rows(found))}, facts=found)


def how_to_fix(one: Divergence) -> str:
    """Return what somebody can do about one difference."""
    if one.kind == VERSION:
        return "Rehearse this release on a project of a version that can be started here: 15, 17 or 18."
    if one.kind == "extensions":
        return f"Rehearse on a project that has {one.what} as the target does, until it can be had here."
    return "Run again; if it stays, compare the two definitions in twin.json, and rehearse on a project that has it."


def twin_rows(found: Fidelity) -> Iterator[dict[str, Json]]:
    """Yield the version first, then each kind with how many were compared, then each difference."""
    yield row("PostgreSQL", found.target_version, found.twin_version, "the major version counts")
    for kind, count in found.compared.items():
        differing = sum(one.kind == kind for one in found.divergences)
        yield row(f"{kind} ({count:,} compared)", "", "", f"{differing} differ" if differing else "the same")
    for one in found.divergences:
        if one.kind != VERSION:
            counts = "counts" if one.matters else "does not count"
            yield row(one.what, one.target or NOT_THERE, one.twin or NOT_THERE, f"{counts}: {one.why}" if one.why else counts)


def row(what: str, target: str, twin: str, note: str) -> dict[str, Json]:
    """Return one row of the page."""
    return {"what": what, "target": target, "twin": twin, "result": note}


def rest_on_twin(findings: Findings[Facts_co], rehearsal: Rehearsal) -> Findings[Facts_co]:
    """Return findings of the rehearsal as what they are worth: errors where its twins are not like the target."""
    return rest_on(findings, rehearsal.twin.account, fix=SEE_TWIN)


def judge_match(rehearsal: Rehearsal, target: Schema, schemas: Sequence[str]) -> Findings[None]:
    """Judge that the target's schema equals the twin's, except what the twin could not have from the start."""
    differences = compare_schemas(rehearsal.first.after, target)
    if rehearsal.from_nothing:
        known = {one for one in differences if not is_within(one.object, schemas)}
    else:
        known = set(compare_schemas(rehearsal.first.before, rehearsal.target_before))
    unexplained = [one for one in differences if one not in known]
    apart = sorted({one.object for one in known})
    noted = f" Different before the push too, and so not compared: {name_some(apart)}." if apart else ""
    detail = f"{len(rehearsal.first.after.keys() - set(apart))} objects compared.{noted}"
    if unexplained:
        detail = f"{name_differences(unexplained)}."
    keys = [one.object for one in unexplained]
    fix = "Find who changed these objects outside the migrations, then add the change as a migration or revert it."
    return Findings(
        results=[count_check(TARGET_MATCHES_TWIN, unexplained, "objects", detail, fix=fix, objects=keys)],
        rows=difference_rows(differences, known),
        artifacts={"target_schema.json": dict(target)},
    )


def is_within(key: str, schemas: Sequence[str]) -> bool:
    """Return whether an object is in the pack's schemas, and not in the project around them."""
    words = f"{key} "
    return not key.startswith(SERVER_WIDE) and any(f" {name}." in words or f"schema {name} " in words for name in schemas)


def difference_rows(differences: Iterable[Difference], known: set[Difference]) -> list[dict[str, Any]]:
    """Return one row a difference; those that existed before the push are marked."""
    return [
        {
            "object": one.object,
            "on the twin": one.first or "not there",
            "on the target": one.second or "not there",
            "judged": "no: the twin could not have it" if one in known else "here",
        }
        for one in differences
    ]
