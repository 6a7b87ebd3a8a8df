"""The extensions of hosted projects that no package has: the SQL face that stands in for each, and those that have none.

A stand-in has the schema, types, signatures, tables and rights of the real extension, and does the simplest honest
thing: it carries a call out for real, notes it, or refuses it with `0A000` and the word `simulated`. Where the
installation has the real extension, that one is used. What cannot be faked has no control file, so that
`create extension` fails as Postgres words it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from lib.transport.database import Database, Session

MARK = "stand-in for "
"""How the comment in a stand-in's control file begins, by which a server tells which of its extensions are simulated."""


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """One extension of which only the SQL face is here.

    version: what hosted has (2026), so that `create extension ... version` and a listing say the same.
    schema: where its control file puts it; None where whoever creates it says.
    relocatable: whether `alter extension ... set schema` is allowed.
    requires: the extensions that must be there first.
    simplified: for people: what it does not do as hosted does.
    newest: the last version of PostgreSQL in which hosted has the extension; None where it has it in all.
    """

    name: str
    version: str
    schema: str | None = None
    relocatable: bool = False
    requires: tuple[str, ...] = ()
    simplified: str
    newest: int | None = None

    def exists_for(self, major: int) -> bool:
        """Return whether hosted has the extension in this version of PostgreSQL."""
        return self.newest is None or major <= self.newest

    def control(self) -> str:
        """Return the text of its control file: trusted, as supautils lets `postgres` create it on hosted."""
        lines = [
            f"comment = '{MARK}{self.name}, of the embedded platform'",
            f"default_version = '{self.version}'",
            f"relocatable = {str(self.relocatable).lower()}",
            "trusted = true",
        ]
        if self.schema is not None:
            lines.append(f"schema = '{self.schema}'")
        if self.requires:
            lines.append(f"requires = '{', '.join(self.requires)}'")
        return "".join(f"{line}\n" for line in lines)

    def script(self) -> str:
        """Return the SQL that makes its objects, after a look at what the schema holds already."""
        return "".join(
            (resources.files(__package__) / "extensions" / f"{one}.sql").read_text("utf-8") for one in ("_guard", self.name)
        )


_ALL = (
    StandIn(
        name="http", version="1.6",
        simplified="It sends no request: a call is refused with 0A000. Addresses and headers are built for real.",
    ),
    StandIn(
        name="hypopg", version="1.4.1", relocatable=True,
        simplified="No hypothetical index can be created or hidden, and its lists are empty.",
    ),
    StandIn(
        name="index_advisor", version="0.2.0", relocatable=True, requires=("hypopg",),
        simplified="It gives a query's costs as they are and advises no index.",
    ),
    StandIn(
        name="pg_cron", version="1.6.4", schema="pg_catalog",
        simplified="Jobs are checked and kept, and none ever runs.",
    ),
    StandIn(
        name="pg_graphql", version="1.5.11", schema="graphql",
        simplified="It answers every query with an error that says it is simulated.",
    ),
    StandIn(
        name="pg_hashids", version="1.3",
        simplified="It encodes and decodes for real, and can't be moved to another schema.",
    ),
    StandIn(
        name="pg_jsonschema", version="0.3.3",
        simplified="A document is checked for real against the common keywords of JSON Schema; a schema with any other "
        "keyword is refused with 0A000, and messages are worded differently.",
    ),
    StandIn(
        name="pg_net", version="0.19.5",
        simplified="Requests are queued and never sent, so that no answer ever comes.",
    ),
    StandIn(
        name="pg_partman", version="5.3.1",
        simplified="Partitions by range of time or number are made, kept up and dropped for real; sub-partitions, moving "
        "data and undoing are refused with 0A000. Nothing runs by itself.",
    ),
    StandIn(
        name="pg_repack", version="1.5.2",
        simplified="Its schema and version functions are there; it reorganizes nothing.",
    ),
    StandIn(
        name="pg_stat_monitor", version="2.1", relocatable=True,
        simplified="Its view has the right columns and no row, because nothing is measured.",
    ),
    StandIn(
        name="pg_tle", version="1.4.0", schema="pgtle",
        simplified="No extension can be installed through it: its functions are refused with 0A000, and its lists are empty.",
    ),
    StandIn(
        name="pg_wait_sampling", version="1.1", relocatable=True,
        simplified="Its views have the right columns and no row, because nothing is sampled.",
    ),
    StandIn(
        name="pgaudit", version="17.0", relocatable=True,
        simplified="Nothing is written to an audit log; its settings are accepted.",
    ),
    StandIn(
        name="pgjwt", version="0.2.0", requires=("pgcrypto",),
        simplified="Nothing is missing: tokens are signed and verified for real.",
    ),
    StandIn(
        name="pgmq", version="1.5.1", schema="pgmq",
        simplified="Queues work for real; a partitioned queue is refused with 0A000.",
    ),
    StandIn(
        name="pgroonga", version="3.2.5",
        simplified="Its operators search word by word without a language's rules, and its indexes keep a definition "
        "without answering a search.",
    ),
    StandIn(
        name="pgroonga_database", version="3.2.5",
        simplified="There is no Groonga database, so that removing one does nothing.",
    ),
    StandIn(
        name="pgsodium", version="3.1.8", schema="pgsodium",
        simplified="Random numbers, SHA-2, HMAC and keys are real, and deterministic encryption is by AES and a key of this "
        "server; other ciphers are refused with 0A000, and so are security labels on columns.",
    ),
    StandIn(
        name="plpgsql_check", version="2.7", requires=("plpgsql",),
        simplified="It checks no function: a call is refused with 0A000.",
    ),
    StandIn(
        name="rum", version="1.3", relocatable=True,
        simplified="Its indexes are GIN's under another name: they find rows and do not sort them by rank.",
    ),
    StandIn(
        name="supabase_vault", version="0.3.1", schema="vault",
        simplified="Secrets are encrypted for real, by AES and a key of this server, and can't be read on another one.",
    ),
    StandIn(
        name="timescaledb", version="2.16.1", newest=15,
        simplified="A hypertable stays a plain table, and time_bucket is computed for real; chunks, compression, policies and "
        "continuous aggregates are refused with 0A000.",
    ),
    StandIn(
        name="vector", version="0.8.0", relocatable=True,
        simplified="Distances are computed for real, and slowly: an index keeps its definition and settings without "
        "answering a search. Text that is no list is refused; a wrong number of dimensions is refused on insert and "
        "update, not by `copy`.",
    ),
    StandIn(
        name="wrappers", version="0.5.3", relocatable=True,
        simplified="Its tables and validators are there and no handler, so that no foreign data wrapper can be created.",
    ),
)  # fmt: skip

STAND_INS = {one.name: one for one in _ALL}
"""Name -> its stand-in. An extension of this name is simulated unless the installation has the real one."""

_GEO = "its types and thousands of functions are a library of geometry of their own"
_LANGUAGE = "it runs functions in another language's engine"

ABSENT = {
    "address_standardizer": "its parser of addresses is a program of its own",
    "address_standardizer_data_us": "it is data for address_standardizer, which is absent",
    "orioledb": "it stores tables in a way of its own, which only its patched server can",
    "pgrouting": "it searches routes on PostGIS's types, which are absent",
    "pljava": _LANGUAGE,
    "plcoffee": _LANGUAGE,
    "plls": _LANGUAGE,
    "plv8": _LANGUAGE,
    "postgis": _GEO,
    "postgis_raster": _GEO,
    "postgis_sfcgal": _GEO,
    "postgis_tiger_geocoder": "it searches addresses by PostGIS's types, which are absent",
    "postgis_topology": _GEO,
}
"""Name -> why it cannot be faked. `create extension` fails with 0A000, as Postgres words it."""

GRANTS = {
    "amcheck": "do $$ declare one regprocedure; begin for one in select objid from pg_catalog.pg_depend d join "
    "pg_catalog.pg_extension e on e.oid = d.refobjid where e.extname = 'amcheck' and d.classid = 'pg_proc'::regclass "
    "loop execute format('grant execute on function %s to postgres', one); end loop; end $$;\n",
    "postgres_fdw": "grant usage on foreign data wrapper postgres_fdw to postgres with grant option;\n",
}
"""Real extension -> the rights that hosted gives `postgres` after creating it, as SQL."""


_offered: dict[tuple[str, int, str], frozenset[str]] = {}
"""Server, by address and start -> the stand-ins that it offers. To list them it reads a hundred files, and they never change."""


def simulated_in(database: Database) -> list[str]:
    """Return the extensions created in a database that are stand-ins, sorted; none where the server has real ones only."""
    with database.connect() as connection:
        return simulated_by(connection)


def simulated_by(connection: Session) -> list[str]:
    """Return what `simulated_in` does, of the database that a connection is to."""
    rows = connection.execute(
        "select extname::text as name, pg_catalog.pg_postmaster_start_time()::text as started from pg_catalog.pg_extension"
    ).fetchall()
    if not rows:
        return []
    server = (connection.info.host, connection.info.port, rows[0]["started"])
    if server not in _offered:
        offered = connection.execute(
            "select name::text from pg_catalog.pg_available_extensions where pg_catalog.starts_with(comment, %s)", [MARK]
        ).fetchall()
        _offered[server] = frozenset(one["name"] for one in offered)
    return sorted(row["name"] for row in rows if row["name"] in _offered[server])


def write_stand_ins(folder: Path, *installed: Path, major: int) -> tuple[str, ...]:
    """Write the control file and script of each stand-in that is needed, and return their names.

    folder: where the server looks for extensions; it may have real ones already.
    installed: further folders with real ones.
    """
    real = {path.stem for home in (folder, *installed) for path in home.glob("*.control")}
    missing = [one for one in _ALL if one.name not in real and one.exists_for(major)]
    for one in missing:
        (folder / f"{one.name}.control").write_text(one.control(), encoding="utf-8")
        (folder / f"{one.name}--{one.version}.sql").write_text(one.script(), encoding="utf-8")
    return tuple(one.name for one in missing)


def write_grants(installed: Path, folder: Path) -> None:
    """Write a copy of the last install step of each real extension in GRANTS, with hosted's rights after it."""
    for name, grants in GRANTS.items():
        control = folder / f"{name}.control"
        if control.is_file():
            version = control.read_text(encoding="utf-8").partition("default_version")[2].partition("'")[2].partition("'")[0]
            for step in installed.glob(f"{name}--*{version}.sql"):
                if step.name.endswith(f"--{version}.sql"):
                    (folder / step.name).write_text(step.read_text(encoding="utf-8") + grants, encoding="utf-8")
