"""Where roles are tried: on the database itself when it was started for the run, else on a twin filled with the fixtures.

A live database is only read: its rows are people's, and a trial that is rolled back still takes locks and fires triggers.
So the twin gets its schema, the fixtures fill it, and what decides access on both is compared object by object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from lib.clients.postgres.fidelity import measure_fidelity
from lib.clients.postgres.rls.catalogue import PLATFORM_SCHEMAS
from lib.clients.postgres.rls.declared import Rls
from lib.clients.postgres.rls.probe import Prepare
from lib.clients.postgres.schema import Difference, compare_schemas, kind_of, read_schema
from lib.clients.postgres.twin import make_twin, read_outside
from lib.clients.supabase.rehearsal_rows import rows_to_add
from lib.clients.supabase.seed_files import load_fixtures
from lib.core.errors import TargetError
from lib.core.results import TWIN, Provenance
from lib.tasks.rls.task import MIGRATION_TIMEOUT_S, PACK_SCHEMAS, REHEARSAL_ROWS
from lib.transport.context import Context
from lib.transport.database import Database

ASIDE = frozenset({"column_order", "comment", "extension", "index", "publication", "published_table", "statistics"})
"""Kinds of objects that do not decide who may do what."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where roles are tried. is_twin: on a twin of the live database; compared: how many objects decide access there.

    differences: those that the live database has otherwise. prepare: adds the rows that the fixtures lack, inside the
    trial's own transaction; None where the project names no such file.
    """

    database: Database
    is_twin: bool = False
    provenance: Provenance | None = None
    compared: int = 0
    differences: tuple[Difference, ...] = ()
    prepare: Prepare | None = None


@contextmanager
def open_place(context: Context[Rls]) -> Iterator[Place]:
    """Yield where this context's roles are tried.

    Raises TargetError when the live database can't be read, or the twin can't be made as it is or filled.
    """
    if "database" in context.embedded:
        yield Place(database=context.target, prepare=prepare_on(context, context.target))
        return
    schemas = sorted({*context.settings.schemas, *context.borrow(PACK_SCHEMAS)})
    timeout_s = context.borrow(MIGRATION_TIMEOUT_S)
    bin_dir = context.programs.postgres_bin
    with make_twin(
        context.target, context.scratch, schemas=schemas, postgres_bin=bin_dir, work=context.work, timeout_s=timeout_s
    ) as twin:
        likeness = measure_fidelity(context.target, twin, schemas=schemas, texts={})
        if not likeness.is_faithful:
            raise TargetError(likeness.account, fix="See migrations.twin_is_faithful.")
        live, copy = (deciding(read_schema(one, schemas)) | outside(one, schemas) for one in (context.target, twin.database))
        problem = load_fixtures(twin, context.pack, timeout_s=timeout_s, may_lack=bool(context.borrow(REHEARSAL_ROWS)))
        if problem:
            raise TargetError(f"The fixtures could not fill the twin: {problem}.", fix="Correct the seed, then run again.")
        yield Place(
            database=twin.launcher,
            is_twin=True,
            provenance=context.provenance_of(TWIN),
            compared=len(live),
            differences=tuple(compare_schemas(live, copy)),
            prepare=prepare_on(context, twin.launcher),
        )


def prepare_on(context: Context[Rls], database: Database) -> Prepare | None:
    """Return what adds the project's rehearsal rows on an embedded database or a twin. Raises TargetError for a bad file."""
    return rows_to_add(context.pack, context.borrow(REHEARSAL_ROWS), database, timeout_s=context.borrow(MIGRATION_TIMEOUT_S))


def outside(database: Database, schemas: Sequence[str]) -> dict[str, str]:
    """Return the policies and triggers on the platform's tables, such as those on the files of storage, by themselves."""
    kept = {text: place for text, place in read_outside(database, schemas).items() if place in PLATFORM_SCHEMAS}
    return {f"outside {text}": place for text, place in kept.items()}


def deciding(schema: dict[str, str]) -> dict[str, str]:
    """Return the objects of a schema that decide who may do what."""
    return {key: text for key, text in schema.items() if kind_of(key) not in ASIDE}
