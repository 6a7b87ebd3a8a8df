"""For any policies of a small grammar, what the probe observes is what the policies mean, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.clients.postgres.rls.probe import observe_matrix
from lib.core.results import Outcome
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.transport.database import Database
from tests.support.rls_samples import ANA, BEN, CAT, VERBS, apply, every_verb, section

USERS = {"ana": ANA, "ben": BEN}
TEAMS = {ANA: 1, BEN: 2}
SCOPES = {
    "own": "owner = :uid",
    "team": f"team = case :uid when '{ANA}' then 1 when '{BEN}' then 2 end",
    "open": "shared",
}
IDENTITIES = {name: {"role": "authenticated", "sub": sub} for name, sub in USERS.items()}


@dataclass(frozen=True)
class Row:
    owner: str
    team: int
    shared: bool


Rule = tuple[str, Callable[[Row, str], bool]]
ROWS = [Row(*one) for one in product((ANA, BEN, CAT), (1, 2), (True, False)) for _ in range(2)]
ATOMS: list[Rule] = [
    ("owner = auth.uid()", lambda row, uid: row.owner == uid),
    (f"team = case auth.uid() when '{ANA}' then 1 when '{BEN}' then 2 end", lambda row, uid: row.team == TEAMS[uid]),
    ("shared", lambda row, uid: row.shared),
    ("true", lambda row, uid: True),
    ("false", lambda row, uid: False),
]


def both(left: Rule, right: Rule) -> Rule:
    return f"({left[0]} and {right[0]})", lambda row, uid: left[1](row, uid) and right[1](row, uid)


def either(left: Rule, right: Rule) -> Rule:
    return f"({left[0]} or {right[0]})", lambda row, uid: left[1](row, uid) or right[1](row, uid)


def inverse(rule: Rule) -> Rule:
    return f"(not {rule[0]})", lambda row, uid: not rule[1](row, uid)


RULES = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(st.builds(both, inner, inner), st.builds(either, inner, inner), st.builds(inverse, inner)),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def table(postgres_server: EmbeddedPostgres) -> Iterator[Database]:
    database = postgres_server.create_hosted_database("test_rls_property")
    values = ", ".join(f"('{row.owner}'::uuid, {row.team}, {row.shared}, 'x')" for row in ROWS)
    apply(
        database,
        "create table public.t (id int generated always as identity primary key, owner uuid, team int, shared bool, note text)",
        f"insert into public.t (owner, team, shared, note) values {values}",
        "alter table public.t enable row level security",
        "grant select, insert, update, delete on public.t to authenticated",
    )
    yield database
    postgres_server.drop_database("test_rls_property")


def classes(uid: str) -> dict[str, set[int]]:
    """Return the rows, by their place in ROWS, that each class means for one user."""
    every = range(len(ROWS))
    return {
        "allow": set(every),
        "own": {at for at in every if ROWS[at].owner == uid},
        "team": {at for at in every if ROWS[at].team == TEAMS[uid]},
        "open": {at for at in every if ROWS[at].shared},
        "deny": set(),
    }


def meant(rule: Rule, uid: str) -> str:
    """Return the class whose rows are those that the rule lets the user reach, else `other`."""
    reached = {at for at, row in enumerate(ROWS) if rule[1](row, uid)}
    return next((name for name, rows in classes(uid).items() if rows == reached), "other")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rules=st.tuples(RULES, RULES, RULES, RULES), declared=st.sampled_from(["allow", "own", "team", "open", "deny"]))
def test_what_is_observed_is_what_the_policies_mean(table: Database, rules: tuple[Rule, ...], declared: str) -> None:
    with table.connect() as connection:
        for verb, (sql, _) in zip(VERBS, rules, strict=True):
            clause = f"with check ({sql})" if verb == "insert" else f"using ({sql})"
            connection.execute(f"drop policy if exists p_{verb} on public.t")  # type: ignore[call-overload]
            connection.execute(f"create policy p_{verb} on public.t for {verb} to authenticated {clause}")  # type: ignore[call-overload]
    matrix = {"public.t": {"authenticated": every_verb(declared)}}
    cells = {
        cell.verb: cell
        for cell in observe_matrix(table, section(identities=IDENTITIES, scopes={"public.t": SCOPES}, matrix=matrix))
    }
    for verb, rule in zip(VERBS, rules, strict=True):
        expected = {name: meant(rule, sub) for name, sub in USERS.items()}
        assert dict(cells[verb].by_identity) == expected, (verb, rule[0])
        is_met = set(expected.values()) == {declared}
        assert (cells[verb].outcome is Outcome.PASS) == is_met, (verb, rule[0], cells[verb])
        assert cells[verb].outcome in (Outcome.PASS, Outcome.FAIL)
