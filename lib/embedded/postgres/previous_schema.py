"""A database as it was one release ago: the pack's migrations up to one of them, and the seed."""

from __future__ import annotations

from pathlib import Path

from lib.core.errors import DatabaseError
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.transport.database import Database

NAME = "previous_schema"


def make_previous_schema(server: EmbeddedPostgres, pack: Path, *, newest: str) -> Database | None:
    """Return a new database on the server with the migrations up to `newest`, seeded where the seed fits.

    None when the pack has no migration of that version, or one does not apply.
    """
    files = sorted((pack / "supabase" / "migrations").glob("*.sql"))
    if newest not in {path.name.partition("_")[0] for path in files}:
        return None
    database = server.create_hosted_database(NAME)
    try:
        for path in files:
            if path.name.partition("_")[0] <= newest:
                apply_file(database, path)
    except DatabaseError:
        server.drop_database(NAME)  # the migrations task reports what is wrong with a migration
        return None
    seed = pack / "supabase" / "seed.sql"
    try:
        if seed.exists():
            apply_file(database, seed)
    except DatabaseError:
        pass  # a seed may use columns that only the newest migrations add; the smoke calls then report an empty database
    return database


def apply_file(database: Database, path: Path) -> None:
    """Run a whole file in one transaction. Raises DatabaseError."""
    with database.connect() as connection:
        connection.execute(path.read_text(encoding="utf-8"))
