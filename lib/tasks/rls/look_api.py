"""The matrix over HTTP: every identity asks the project's API with a signed token, and the answers are compared with SQL's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

from lib.clients.postgres.rls.catalogue import ProbedTable, read_access, read_tables, resolve_tables
from lib.clients.postgres.rls.declared import Identity, Rls
from lib.clients.postgres.rls.samples import read_regions
from lib.clients.supabase.rest_api import RestApi, read_answer
from lib.clients.supabase.unpushed import refuse_unpushed
from lib.core.results import Findings, Provenance, look
from lib.tasks.rls.judge_api import Compared, Subject, Try, api_rows, judge_api, plan_tries, seen_classes
from lib.tasks.rls.show import MatrixCell
from lib.tasks.rls.task import API_AGREES_WITH_SQL, MATRIX_MATCHES_DECLARED
from lib.transport.context import Context
from lib.transport.web import ask

AT_ONCE = 4
"""Requests of one identity under way at once."""
NOT_NAMED = "The project's API is not named beside its database, so nothing was asked over HTTP."
HOW_TO_NAME = "Name `api`, `anon_key` and `jwt_secret` of targets.database in the params file, each by its variable."


@look(API_AGREES_WITH_SQL)
def look_at_api(context: Context[Rls], *, matrix: Sequence[MatrixCell] | None) -> Findings[None]:
    """What each identity can do over HTTP, with a token of its own, beside what it could do in SQL."""
    if refusal := refuse_unpushed(context):
        return look_at_api.not_allowed(refusal)
    api = api_of(context)
    if api is None:
        return look_at_api.not_due(f"{NOT_NAMED} {HOW_TO_NAME}")
    tables = exposed_tables(context)
    if not tables:
        return look_at_api.not_due("No declared table with row level security is in a schema that the API exposes.")
    is_live = "database" not in context.embedded
    tries = plan(context, tables, matrix or (), writes=not is_live)
    if not tries:
        return look_at_api.hidden_by(MATRIX_MATCHES_DECLARED.id, "Nothing was determined in SQL that it could be compared with.")
    compared = ask_all(api, context.settings, tries, is_exact=not is_live)
    judged = judge_api(compared, where="the live API" if is_live else "the stand-in of the API")
    provenance = Provenance.LIVE if is_live else Provenance.SIMULATED
    return Findings(results=[replace(judged, provenance=provenance)], rows=api_rows(compared))


def api_of(context: Context[Rls]) -> RestApi | None:
    """Return the project's API; None where nobody named it whole."""
    service = context.services.get("api")
    parts: Mapping[str, str] = service.parts if service is not None else {}
    if not all(parts.get(name) for name in ("url", "anon_key", "jwt_secret")):
        return None
    return RestApi(url=parts["url"], anon_key=parts["anon_key"], jwt_secret=parts["jwt_secret"])


def exposed_tables(context: Context[Rls]) -> dict[str, ProbedTable]:
    """Return the declared tables that have policies and are in an exposed schema, by their names as declared."""
    rls = context.settings
    tables = resolve_tables(rls.matrix, read_tables(context.target, rls.schemas, rls.matrix))
    return {name: table for name, table in tables.items() if table.schema in rls.schemas and table.rls_enabled}


def plan(
    context: Context[Rls], own: Mapping[str, ProbedTable], matrix: Sequence[MatrixCell], *, writes: bool
) -> list[tuple[str, Try]]:
    """Return every question with the schema that it is about. writes: whether more than reading is asked for."""
    rls, database = context.settings, context.target
    access = read_access(database, rls.schemas, [one.role for one in rls.identities.values()], rls.matrix)
    classes = seen_classes(matrix, rls, {table.display_name: name for name, table in own.items()})
    regions = read_regions(database, rls, own)
    found = []
    for (name, who), seen in classes.items():
        subject = Subject(
            who=who,
            name=name,
            table=own[name],
            access=access[rls.identities[who].role, own[name].display_name],
            regions=regions[name, who],
            scopes=tuple(rls.scopes.get(name, {})),
            classes=seen,
        )
        found += [(own[name].schema, one) for one in plan_tries(subject, writes=writes)]
    return found


def ask_all(api: RestApi, rls: Rls, tries: Sequence[tuple[str, Try]], *, is_exact: bool) -> list[Compared]:
    """Ask every question, each identity by its own token, and return the answers beside what SQL says."""
    groups: dict[tuple[str, str], list[Try]] = {}
    for schema, one in tries:
        groups.setdefault((one.who, schema), []).append(one)
    now = datetime.now(UTC)

    def ask_group(key: tuple[str, str]) -> list[Compared]:
        who, schema = key
        site = api.site(claims_for(rls.identities[who]), schema=schema, now=now, timeout_s=rls.statement_timeout_s)
        answers = ask(site, [one.question for one in groups[key]], concurrency=AT_ONCE)
        readings = [read_answer(answer) for answer in answers]
        return [Compared(tried=one, reading=seen, is_exact=is_exact) for one, seen in zip(groups[key], readings, strict=True)]

    with ThreadPoolExecutor(max_workers=AT_ONCE) as executor:
        return [one for several in executor.map(ask_group, groups) for one in several]


def claims_for(identity: Identity) -> dict[str, object]:
    """Return the claims of an identity's token."""
    sub = {"sub": identity.sub} if identity.sub is not None else {}
    return {**identity.claims, **sub, "role": identity.role}
