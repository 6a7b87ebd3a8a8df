"""Judges what is on a target and in no file. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lib.clients.postgres.platform_statements import WAYS_OUT
from lib.clients.postgres.schema import Difference, kind_of
from lib.core.results import Findings
from lib.core.wording import format_count, name_some
from lib.tasks.migrations.drift import Drift
from lib.tasks.migrations.judge_rehearsal import is_lacking_here
from lib.tasks.migrations.task import TARGET_IS_AS_BUILT

CHANGES = {"extra": "Made by hand", "changed": "Changed by hand", "missing": "Missing"}
"""How the target differs from what the files build -> the words for it."""

RELATIONS = ("table", "view", "materialized_view", "foreign_table")
"""Kinds of objects that others are part of."""


def judge_drift(found: Drift) -> Findings[None]:
    """Judge that the target has nothing that its applied files do not build, and lacks nothing that they do."""
    check = TARGET_IS_AS_BUILT
    if found.failure:
        said = f"What the target has could not be built here: {found.failure.display_name}."
        fix = WAYS_OUT if is_lacking_here(found.failure) else "Correct that file: it applies to no fresh project."
        return Findings(results=[check.errored(said, fix=fix)])
    named = [f"{words}: {name_some(of_change(found.differences, change))}" for change, words in CHANGES.items()]
    apart = [text for text, change in zip(named, CHANGES, strict=True) if of_change(found.differences, change)]
    built = f"{format_count(found.compared, 'thing')} compared with what {format_count(found.files, 'applied file')} built."
    result = check.judge(
        holds=not found.differences,
        observed=len(found.differences),
        expected=0,
        unit="differences",
        detail=f"{'; '.join(apart)}." if apart else built,
        objects=[one.object for one in found.differences],
    )
    return Findings(results=[result], rows=drift_rows(found.differences))


def of_change(differences: Iterable[Difference], change: str) -> list[str]:
    """Return the objects that differ in this way; what belongs to an object that is itself among them is not named again."""
    keys = [one.object for one in differences if one.change == change]
    relations = [key.partition(" ")[2] for key in keys if kind_of(key) in RELATIONS]
    named = [
        key
        for key in keys
        if not any(other != key and other in key for other in keys)
        and (kind_of(key) in RELATIONS or not any(f"{one}." in key or f" {one} " in f"{key} " for one in relations))
    ]
    return [key.replace("_", " ", kind_of(key).count("_")) for key in named]


def drift_rows(differences: Iterable[Difference]) -> list[dict[str, Any]]:
    """Return one row a difference: as the files build it, and as it is on the target."""
    return [
        {
            "object": one.object,
            "as the files build it": one.first or "not there",
            "on the target": one.second or "not there",
            "so it is": CHANGES[one.change],
        }
        for one in differences
    ]
