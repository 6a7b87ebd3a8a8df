"""What belongs to a project and is in no dump of its database: roles, their settings, and the bytes of stored files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg

from lib.clients.postgres.given_settings import GIVEN_SETTINGS, own_settings, same_setting
from lib.core.wording import format_count
from lib.transport.database import read_query


def name_beside(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """Yield a clause for each thing that no dump of this database holds; no value of a setting is in it.

    connection: rows as mappings.
    """
    for row in connection.execute(read_query(__package__, "dumps/own_roles")).fetchall():
        yield f"the role {row['name']}"
    rows = connection.execute(read_query(__package__, "fidelity/settings")).fetchall()
    for (role, name), value in own_settings({(row["role"], row["name"]): row["value"] for row in rows}).items():
        if not same_setting(value, GIVEN_SETTINGS.get((role, name))):
            yield f"the setting {name} of {f'the role {role}' if role else 'the database'}"
    yield from name_files(connection)


def name_files(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """Yield a clause for each bucket that holds files."""
    asked = (
        "select has_schema_privilege('storage', 'usage') and has_table_privilege('storage.objects', 'select') as is_read "
        "from pg_catalog.pg_namespace where nspname = 'storage' and to_regclass('storage.objects') is not null"
    )
    found = connection.execute(asked).fetchone()
    if found and found["is_read"]:
        for row in connection.execute(read_query(__package__, "dumps/storage_objects")).fetchall():
            yield f"the bytes of {format_count(row['files'], 'file')} in the bucket {row['bucket']}"
