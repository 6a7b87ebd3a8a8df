"""One statement to be tried as one identity, and how its values are spelled."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal

from lib.clients.postgres.rls.declared import Identity

UID = re.compile(r"(?<!:):uid\b")

NEWER_THAN = "launch_readiness.newer_than"
"""Setting with the id of the subtransaction after rows were added for the trial; unset where none were."""

NEW_XIDS = 1_000_000
"""Rows whose xmin is this close behind our own transaction id are ours; older ones may have wrapped around."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One step of the plan that install_attempts.sql runs; see there for each field."""

    act: str
    claims: str
    path: str
    role: str | None = None
    quiet: bool = False
    capture: str | None = None
    remove: str | None = None
    takes: bool = False
    reads: Literal["texts", "places"] | None = None
    witness: str | None = None
    places: str | None = None
    total: int | None = None
    measure: str | None = None
    unless: str | None = None
    inner: bool = False

    def as_json(self) -> dict[str, object]:
        """Return the step without the fields that say nothing; `quiet` is always among them."""
        return {name: said for name, said in vars(self).items() if said or name == "quiet"}


def quote_text(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def claims_of(identity: Identity) -> str:
    """Return the claims as PostgREST sets them: the role is always among them."""
    sub = {"sub": identity.sub} if identity.sub is not None else {}
    return json.dumps({**identity.claims, **sub, "role": identity.role}, sort_keys=True)


def bind_uid(predicate: str, identity: Identity) -> str:
    """Return a scope's predicate with `:uid` in place; no user means NULL, which no row equals."""
    uid = quote_text(identity.sub) if identity.sub is not None else "null"
    return UID.sub(lambda _: uid, predicate)


def is_new(alias: str) -> str:
    """Return the condition that an attempt wrote a row."""
    mark = f"nullif(pg_catalog.current_setting('{NEWER_THAN}', true), '')::xid"
    # A subquery, which is answered once and not again for each row.
    newest = f"(select coalesce(pg_catalog.age({mark}) - 1, 0))"
    return f"pg_catalog.age({alias}.xmin) between -{NEW_XIDS} and {newest}"
