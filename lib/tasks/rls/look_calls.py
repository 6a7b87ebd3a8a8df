"""The functions that API roles may call: declared, and really called."""

from __future__ import annotations

from dataclasses import replace

from lib.clients.postgres.rls.calls import observe_functions
from lib.clients.postgres.rls.catalogue import read_tables
from lib.clients.postgres.rls.declared import Rls
from lib.clients.postgres.rls.functions import read_functions, read_held_roles
from lib.clients.supabase.unpushed import refuse_unpushed
from lib.core.results import Findings, look
from lib.tasks.rls.judge import find_undeclared
from lib.tasks.rls.judge_calls import call_cells, call_rows, judge_calls, judge_calls_declared
from lib.tasks.rls.place import open_place
from lib.tasks.rls.task import EXPOSED_FUNCTIONS_ARE_DECLARED, FUNCTIONS_KEEP_TO_MATRIX
from lib.transport.context import Context


@look(EXPOSED_FUNCTIONS_ARE_DECLARED, FUNCTIONS_KEEP_TO_MATRIX)
def look_at_calls(context: Context[Rls]) -> Findings[None]:
    """Every function that a role under policies may call, called as each identity and undone."""
    if refusal := refuse_unpushed(context):
        return look_at_calls.not_allowed(refusal)
    rls = context.settings
    held = read_held_roles(context.target, [one.role for one in rls.identities.values()])
    functions = read_functions(context.target, rls.schemas, held)
    seen, provenance = {}, None
    if rls.matrix and any(one.roles for one in functions):
        with open_place(context) as place:
            seen, provenance = observe_functions(place.database, rls, prepare=place.prepare), place.provenance
    cells = call_cells(rls, functions, held, seen)
    undeclared = find_undeclared(rls, read_tables(context.target, rls.schemas, rls.matrix)) if rls.matrix else []
    tried = judge_calls(cells, has_matrix=bool(rls.matrix), undeclared=undeclared)
    return Findings(
        results=[judge_calls_declared(rls, functions, held), replace(tried, provenance=provenance)], rows=call_rows(cells)
    )
