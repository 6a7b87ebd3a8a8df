"""Judges that the roles of the API stay what policies hold for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lib.clients.postgres.rls.declared import Rls
from lib.core.results import Json, Result
from lib.core.wording import join_words, name_some
from lib.tasks.rls.task import ROLES_STAY_APART

AUTHENTICATOR = "authenticator"
"""The role that the API logs in as: it becomes whatever role a request's token names, of those it is a member of."""

SERVICE = "service_role"
"""The platform's role that bypasses policies: authenticator is a member of it on every hosted project."""

ALWAYS = ("anon", "authenticated")


def roles_under_policies(rls: Rls) -> list[str]:
    """Return the roles that policies are meant to hold for: the API's own, and those of identities that may not do everything."""
    named = dict.fromkeys(identity.role for identity in rls.identities.values())
    return list(dict.fromkeys([*ALWAYS, *(role for role in named if role != SERVICE and not may_do_all(rls, role))]))


def may_do_all(rls: Rls, role: str) -> bool:
    """Whether the matrix allows a role everything it says of it."""
    words = [word for roles in rls.matrix.values() for word in roles.get(role, {}).values()]
    return bool(words) and set(words) == {"allow"}


def role_problems(row: Mapping[str, Any], roles: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with what one role is, or is a member of. roles: those that policies are meant to hold for."""
    role, becomes = row["role"], row["becomes"]
    is_itself = role == becomes
    if role == AUTHENTICATOR and (is_itself or becomes == SERVICE or becomes in roles):
        return
    rights = [
        "a superuser" if row["is_superuser"] else "",
        "past every policy (bypassrls)" if row["bypasses"] else "",
        "able to make and grant roles (createrole)" if row["makes_roles"] else "",
        "able to use every table or file" if row["reads_all"] else "",
        f"the owner of {name_some(row['owns'])}" if row["owns"] and role != AUTHENTICATOR else "",
        "signed in" if (role, becomes) == ("anon", "authenticated") else "",
    ]
    said = [one for one in rights if one]
    if not said:
        return
    way = f" through {join_words(row['through'])}" if row["through"] else ""
    yield f"{role} is {join_words(said)}" if is_itself else f"{role} is a member of {becomes}{way}, which is {join_words(said)}"


def role_fix(row: Mapping[str, Any]) -> str:
    """Return the statement that takes from a role what it should not have."""
    first = [*row["through"], row["becomes"]][0]
    if row["role"] != row["becomes"]:
        return f"revoke {first} from {row['role']};"
    if row["owns"]:
        return "; ".join(f"alter table {name} owner to postgres" for name in row["owns"][:3]) + ";"
    return f"alter role {row['role']} nosuperuser nobypassrls nocreaterole;"


def judge_roles(rows: Sequence[Mapping[str, Any]], roles: Sequence[str]) -> Result:
    """Judge that no role that policies hold for is, or can become, one that they do not hold for."""
    check = ROLES_STAY_APART
    absent = [role for role in roles if role not in {row["role"] for row in rows}]
    if absent:
        return check.errored(
            f"The database has no role {join_words(absent)}.", fix="Correct rls.identities in the params file, or make the role."
        )
    wrong = [(row, said) for row in rows for said in role_problems(row, roles)]
    apart = {row["role"] for row, _ in wrong}
    looked_at = {row["role"] for row in rows}
    return check.judge(
        holds=not wrong,
        observed=len(looked_at - apart),
        expected=len(looked_at),
        unit="roles",
        detail=f"{name_some([said for _, said in wrong])}." if wrong else "",
        fix=list(dict.fromkeys(role_fix(row) for row, _ in wrong)),
        objects=[said for _, said in wrong],
    )


def role_rows(rows: Sequence[Mapping[str, Any]], roles: Sequence[str]) -> list[dict[str, Json]]:
    """Return one row a role, as the notebook shows it."""
    shown: list[dict[str, Json]] = []
    for role in dict.fromkeys(row["role"] for row in rows):
        mine = [row for row in rows if row["role"] == role]
        member = [row["becomes"] for row in mine if row["becomes"] != role]
        wrong = [said for row in mine for said in role_problems(row, roles)]
        shown.append({"role": role, "member of": ", ".join(member) or "no role", "note": "; ".join(wrong)})
    return shown
