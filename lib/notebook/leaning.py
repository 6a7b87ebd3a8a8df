"""Which stand-ins of extensions the results about an embedded database lean on, so that each of them says so."""

from __future__ import annotations

from lib.core.errors import DatabaseError
from lib.core.results import TWIN, Provenance
from lib.embedded.postgres.stand_ins import simulated_by
from lib.evidence.log import EvidenceLine
from lib.transport.database import Database

GIVEN = "supabase_vault"
"""The stand-in that every database starts with: a project leans on it only where it names the schema `vault`."""

USES_VAULT = """
select exists (select from vault.secrets) or exists (
  select from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where n.nspname !~ '^(pg_|auth|storage|realtime|vault|extensions|graphql|information_schema)' and p.prosrc ~* '\\mvault\\M'
) as used
"""


def read_leaning(database: Database) -> tuple[str, ...]:
    """Return the stand-ins that a project created in its embedded database, or uses; none where it can't be asked."""
    try:
        with database.connect(autocommit=True) as connection:
            names = simulated_by(connection)
            if GIVEN in names and not connection.execute(USES_VAULT).fetchall()[0]["used"]:
                names.remove(GIVEN)
    except DatabaseError:
        return ()  # the looks say that it does not answer
    return tuple(names)


def may_lean(line: EvidenceLine) -> bool:
    """Return whether a line is about an embedded database, which stand-ins may carry."""
    return line.provenance is Provenance.EMBEDDED and line.subject in ("database", TWIN)


def as_leaning(line: EvidenceLine, names: tuple[str, ...]) -> EvidenceLine:
    """Return a line about an embedded database as what it is worth where stand-ins carried it."""
    if not names or not may_lean(line):
        return line
    said = f"Leans on the stand-in of {', '.join(names)}: see docs/embedded-platform.md."
    return line.model_copy(update={"provenance": Provenance.SIMULATED, "detail": f"{line.detail} {said}".strip()})
