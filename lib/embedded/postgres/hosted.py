"""Databases that look to SQL like a hosted Supabase project, on a server that has just been made."""

from __future__ import annotations

from importlib import resources

from psycopg import sql

from lib.clients.postgres.launch_role import OWNER, let_log_in
from lib.core.errors import WorkbookError
from lib.transport.database import Database

TEMPLATES = {False: "hosted_template", True: "hosted_template_classic"}
"""One template each for: are new tables in public granted to the API roles at once?"""

PARTS = ("schemas", "auth", "storage", "realtime", "webhooks", "rights")
"""The scripts that make a database look hosted, in order; each is one file of the folder `platform`."""

RESERVED = frozenset({"postgres", "template0", "template1", *TEMPLATES.values()})


def set_up_hosting(admin: Database, *, postgres_password: str, auto_expose_new_tables: bool) -> None:
    """Create the roles, both templates, and the database `postgres`; nothing else may use the server yet.

    admin: the database template1 as the bootstrap superuser.
    """
    with admin.connect(autocommit=True) as connection:
        connection.execute(read_script("roles"))
        # Hashed here, so that no log and no statistics view ever sees the password itself.
        verifier = connection.pgconn.encrypt_password(postgres_password.encode(), b"postgres", b"scram-sha-256")
        connection.execute(sql.SQL("alter role postgres password {}").format(sql.Literal(verifier.decode())))
        connection.execute("drop database postgres")
        connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(TEMPLATES[True])))
    let_log_in(admin, OWNER)
    with admin.named(TEMPLATES[True]).connect() as connection:
        for part in PARTS:
            connection.execute(read_script(part))
    copy_database(admin, TEMPLATES[False], template=TEMPLATES[True], owner="supabase_admin")
    with admin.named(TEMPLATES[False]).connect() as connection:
        connection.execute(read_script("private_tables"))
    copy_database(admin, "postgres", template=TEMPLATES[auto_expose_new_tables], owner="postgres")


def create_hosted_database(admin: Database, name: str, *, auto_expose_new_tables: bool) -> None:
    """Make a fresh hosted database. Raises DatabaseError if the name is taken."""
    copy_database(admin, name, template=TEMPLATES[auto_expose_new_tables], owner="postgres")


def copy_database(admin: Database, name: str, *, template: str, owner: str) -> None:
    """Make a database as a copy of the template, at the level of files."""
    with admin.connect(autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {} owner {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template), sql.Identifier(owner)
            )
        )


def drop_database(admin: Database, name: str) -> None:
    """Remove a database and end its sessions; a missing one is fine.

    Raises WorkbookError for the databases that the server itself needs.
    """
    if name in RESERVED:
        raise WorkbookError(f"Database {name} belongs to the embedded server and is not dropped.")
    with admin.connect(autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def read_script(name: str) -> str:
    """Return the text of platform/<name>.sql."""
    return (resources.files(__package__) / "platform" / f"{name}.sql").read_text(encoding="utf-8")
