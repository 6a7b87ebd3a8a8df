"""What the embedded platform has of hosted's own schemas, object by object: as hosted, simplified, or absent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lib.clients.postgres.statements import Statement, split_statements
from lib.embedded.postgres.hosted import PARTS, read_script

SIMPLIFIED = {
    "storage.search": "one plain query gives the same rows; names are compared by byte",
    "storage.search_v2": "one plain query gives the same rows",
    "storage.search_by_timestamp": "one plain query gives the same rows",
    "storage.list_objects_with_delimiter": "one plain query gives the same rows",
    "storage.list_multipart_uploads_with_delimiter": "one plain query gives the same rows",
    "storage.objects": "rows only: there is no storage server, so no bytes",
    "storage.migrations": "empty: nothing of the vendor's server has run",
    "auth.schema_migrations": "empty: nothing of the vendor's server has run",
    "realtime.schema_migrations": "empty: nothing of the vendor's server has run",
    "realtime.messages": "one partition takes every day's messages, and nobody sends them on",
    "realtime.subscription": "filters are not checked when a row is written",
    "supabase_functions.http_request": "notes the hook without a request where pg_net is not created",
    "graphql_public.graphql": "says that pg_graphql is not enabled, as hosted does until it is",
}
"""Object -> what it does otherwise than hosted."""

ABSENT = {
    "storage.prefixes, storage.objects.level": "the vendor had them in 2025 and has dropped them since",
    "realtime.apply_rls, list_changes, subscription_check_filters and their helpers": "only the vendor's server calls them",
    "event triggers pgrst_ddl_watch and pgrst_drop_watch": "no PostgREST is there to be told of a change",
    "event triggers issue_pg_cron_access, issue_pg_net_access, issue_pg_graphql_access, issue_graphql_placeholder": "the "
    "stand-ins of these extensions give the rights themselves",
    "library safeupdate, which authenticator preloads": "no package has it: an update without `where` goes through",
    "pg_reload_conf() for postgres": "a project's SQL has no business with this machine's server",
    "roles pgsodium_*, pgtle_admin": "made by the stand-ins of these extensions",
}
"""What is not there at all -> why."""

KINDS = ("table", "view", "function", "type", "trigger", "publication", "extension")


@dataclass(frozen=True, kw_only=True)
class PlatformObject:
    """One object that the scripts of the folder `platform` make."""

    kind: str
    name: str

    @property
    def state(self) -> str:
        """How it is there: `as hosted`, or `simplified` with what differs."""
        lack = SIMPLIFIED.get(self.name, "")
        return f"simplified: {lack}" if lack else "as hosted"


def list_objects() -> list[PlatformObject]:
    """Return every object of the platform's schemas that the scripts make, by schema and name."""
    statements = (one for part in PARTS for one in split_statements(read_script(part)))
    found = {(one.kind, one.name): one for statement in statements for one in made_by(statement)}
    return sorted(found.values(), key=lambda one: (one.name.partition(".")[0], KINDS.index(one.kind), one.name))


def made_by(statement: Statement) -> Iterator[PlatformObject]:
    """Yield what one statement makes; what only our own event triggers need is in pg_catalog, and is left out."""
    words = statement.text.replace("(", " (").split()
    if words[0].lower() != "create" or words[1].lower() not in KINDS:
        return
    kind, name = words[1].lower(), words[2]
    if kind == "trigger":
        place = words[[word.lower() for word in words].index("on") + 1]
        name = f"{place.partition('.')[0]}.{name} on {place}"
    elif kind == "extension":
        name = f"{words[-1]}.{name.strip(chr(34))}"
    if not name.startswith("pg_catalog."):
        yield PlatformObject(kind=kind, name=name)
