"""What the roles of the API are, what they can become, and what they will get on tables to come."""

from __future__ import annotations

from lib.clients.postgres.rls.catalogue import read_tables
from lib.clients.postgres.rls.declared import Rls
from lib.clients.supabase.project_config import read_exposes_tables
from lib.clients.supabase.unpushed import refuse_unpushed
from lib.core.results import Findings, look
from lib.tasks.rls.judge_defaults import default_rows, judge_defaults
from lib.tasks.rls.judge_roles import AUTHENTICATOR, judge_roles, role_rows, roles_under_policies
from lib.tasks.rls.task import NEW_TABLES_START_CLOSED, ROLES_STAY_APART
from lib.transport.context import Context
from lib.transport.database import read_query


@look(ROLES_STAY_APART)
def look_at_roles(context: Context[Rls]) -> Findings[None]:
    """Every role that policies are meant to hold for, with the roles that it is a member of."""
    if refusal := refuse_unpushed(context):
        return look_at_roles.not_allowed(refusal)
    rls = context.settings
    roles = roles_under_policies(rls)
    exposed = [one.display_name for one in read_tables(context.target, rls.schemas, rls.matrix)]
    rows = context.target.rows(
        read_query(__package__, "role_rights"), roles=[*roles, AUTHENTICATOR], schemas=rls.schemas, also=exposed
    )
    return Findings(results=[judge_roles(rows, roles)], rows=role_rows(rows, roles))


@look(NEW_TABLES_START_CLOSED)
def look_at_defaults(context: Context[Rls]) -> Findings[None]:
    """What default privileges will give the API's roles on the next table, sequence and function of each exposed schema."""
    if refusal := refuse_unpushed(context):
        return look_at_defaults.not_allowed(refusal)
    rls = context.settings
    roles = roles_under_policies(rls)
    rows = context.target.rows(read_query(__package__, "default_grants"), roles=roles, schemas=rls.schemas)
    exposes = read_exposes_tables(context.pack)
    return Findings(results=[judge_defaults(rows, exposes_tables=exposes)], rows=default_rows(rows, exposes_tables=exposes))
