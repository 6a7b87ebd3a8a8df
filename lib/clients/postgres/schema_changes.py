"""Every single change of a database's objects that a comparison of definitions must show, as statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lib.transport.database import Database, read_query

BODIES_LATER = "set check_function_bodies = off"
"""What a session says first: a function's body is not tried when it is written."""


@dataclass(frozen=True, kw_only=True)
class ObjectChange:
    """One change. kind: what becomes of an object, in words. place: the object. statement: what makes it so."""

    kind: str
    place: str
    statement: str


def list_object_changes(database: Database, schemas: Sequence[str]) -> list[ObjectChange]:
    """Return each change of one object of these schemas, by kind and object; nothing is changed. Raises DatabaseError."""
    with database.connect() as connection:
        # An empty path makes the server qualify every name, whoever asks.
        connection.execute("select pg_catalog.set_config('search_path', '', true)")
        rows = connection.execute(read_query(__package__, "changes/objects"), {"schemas": list(schemas)}).fetchall()
    return [ObjectChange(**row) for row in rows]
