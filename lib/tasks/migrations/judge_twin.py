"""What the comparison of target and twin means: the gate itself, and every result that rests on a twin. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from lib.clients.postgres.fidelity import NOT_THERE, VERSION, Divergence, Fidelity, rest_on
from lib.core.results import Facts_co, Findings, Json
from lib.tasks.migrations.rehearsal import Rehearsal
from lib.tasks.migrations.task import TWIN_IS_FAITHFUL

SEE_TWIN = "See migrations.twin_is_faithful."


def judge_twin(found: Fidelity) -> Findings[Fidelity]:
    """Judge that nothing differs on which a result of the rehearsal rests; what differs makes it an error, never a fail."""
    check, total = TWIN_IS_FAITHFUL, sum(found.compared.values())
    facts = {"observed": len(found.decisive), "expected": 0, "unit": "differences"}
    if found.is_faithful:
        aside = [one for one in found.divergences if not one.matters]
        noted = f" Different, but nothing here rests on it: {'; '.join(one.what for one in aside[:5])}." if aside else ""
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
