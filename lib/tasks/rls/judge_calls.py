"""Judges the functions that API roles may call: declared, and within what the matrix gives their callers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lib.clients.postgres.rls.answers import Seen
from lib.clients.postgres.rls.declared import Rls
from lib.clients.postgres.rls.functions import ExposedFunction, resolve_functions
from lib.core.left_out import LeftOut, judge_all
from lib.core.redact import redact
from lib.core.results import Json, Outcome, Result
from lib.core.wording import join_words, name_some, plain_text
from lib.tasks.rls.task import EVERY_TABLE_IS_DECLARED, EXPOSED_FUNCTIONS_ARE_DECLARED, FUNCTIONS_KEEP_TO_MATRIX

MOST_FIXES = 6


@dataclass(frozen=True, kw_only=True)
class CallCell:
    """What one role can do by one function. declared: '' when nobody said.

    observed: deny, own, any, refused (by the function itself), or unknown. note: why, as phrases. tries: calls made and done.
    """

    function: ExposedFunction
    role: str
    declared: str
    observed: str
    outcome: Outcome
    note: str = ""
    tries: str = ""

    @property
    def name(self) -> str:
        return f"{self.role} by {self.function.display_name}"

    @property
    def said(self) -> str:
        return f"declared {self.declared}" if self.declared else "not declared"


def judge_calls_declared(rls: Rls, functions: Sequence[ExposedFunction], held: Sequence[str]) -> Result:
    """Judge that every definer function is declared for each role that may call it, and that what is declared is there.

    held: the roles of the identities that policies hold for.
    """
    check = EXPOSED_FUNCTIONS_ARE_DECLARED
    known = declared_words(rls, functions)
    callable_ones = [(one, role) for one in functions if one.is_definer for role in held if role in one.roles]
    missing = [name for name in rls.functions if name not in resolve_functions(rls.functions, functions)]
    if not callable_ones and not rls.functions:
        return check.not_applicable("No role under policies may call a security-definer function of the exposed schemas.")
    undeclared = [f"{role} may call {one.display_name}" for one, role in callable_ones if (one.display_name, role) not in known]
    parts = [
        f"not declared: {name_some(undeclared)}" if undeclared else "",
        f"declared but not a function of {join_words(rls.schemas)}: {name_some(missing)}" if missing else "",
    ]
    said = "; ".join(part for part in parts if part)
    return check.judge(
        holds=not said,
        observed=len(callable_ones) - len(undeclared),
        expected=len(callable_ones),
        unit="pairs of a function and a role",
        detail=f"{said[:1].upper()}{said[1:]}." if said else "",
        objects=[*undeclared, *missing],
    )


def declared_words(rls: Rls, functions: Sequence[ExposedFunction]) -> dict[tuple[str, str], str]:
    """Return (function, role) -> the declared word, functions as the catalogue spells them."""
    found = resolve_functions(rls.functions, functions)
    return {(found[name].display_name, role): word for name in found for role, word in rls.functions[name].items()}


def call_cells(
    rls: Rls, functions: Sequence[ExposedFunction], held: Sequence[str], seen: Mapping[tuple[str, str], Seen]
) -> list[CallCell]:
    """Return one cell a function and role that may call it, or that is declared to."""
    known = declared_words(rls, functions)
    return [
        judge_call(rls, one, role, known.get((one.display_name, role), ""), seen)
        for one in functions
        for role in held
        if role in one.roles or (one.display_name, role) in known
    ]


def judge_call(rls: Rls, function: ExposedFunction, role: str, declared: str, seen: Mapping[tuple[str, str], Seen]) -> CallCell:
    """Judge what one role can do by one function."""
    mine = {
        who: seen[function.display_name, who]
        for who, identity in rls.identities.items()
        if identity.role == role and (function.display_name, who) in seen
    }
    tries = f"{sum(one.done for one in mine.values())} of {sum(one.calls for one in mine.values())} answered" if mine else ""

    def cell(observed: str, outcome: Outcome, note: str = "") -> CallCell:
        return CallCell(
            function=function, role=role, declared=declared, observed=observed, outcome=outcome, note=note, tries=tries
        )

    if role not in function.roles:
        is_meant = declared in ("", "deny")
        return cell("deny", Outcome.PASS if is_meant else Outcome.FAIL, "" if is_meant else "it may not execute it")
    beyond = [f"as {who} it {one.beyond[0]}" for who, one in mine.items() if one.beyond]
    unknown = list(find_unknown(function, mine, seen)) if function.is_definer else []
    observed = "any" if beyond else "unknown" if unknown else "own" if any(one.done for one in mine.values()) else "refused"
    if declared == "deny":
        return cell(observed, Outcome.FAIL, "; ".join(["it may execute it", *beyond]))
    if declared == "any":
        return cell(observed, Outcome.PASS, "; ".join(beyond or unknown))
    if beyond:
        return cell(observed, Outcome.FAIL, "; ".join(beyond))
    return cell(observed, Outcome.ERROR, "; ".join(unknown)) if unknown else cell(observed, Outcome.PASS)


def find_unknown(function: ExposedFunction, mine: Mapping[str, Seen], seen: Mapping[tuple[str, str], Seen]) -> Iterator[str]:
    """Yield why it is not known what a function does for a role: no call went through, or no row could have been shown.

    A function that always refuses a caller in the same words has answered, once it has let somebody else in.
    """
    lets_in = any(one.done for (name, _), one in seen.items() if name == function.display_name)
    if not any(one.done for one in mine.values()) and not (lets_in and all(one.is_refused for one in mine.values())):
        said = next((one.said for one in mine.values() if one.said), "it was not called")
        yield f"no call of it went through ({plain_text(redact(said), limit=120)})"
    blind = sorted({table for one in mine.values() for table in one.blind} if all(one.blind for one in mine.values()) else ())
    if blind:
        yield f"no row of {join_words(blind)} is out of its caller's reach, so it could show none"


def judge_calls(cells: Sequence[CallCell], *, has_matrix: bool, undeclared: Sequence[str]) -> Result:
    """Judge that no function goes beyond the matrix. undeclared: tables and verbs that the matrix lacks."""
    check = FUNCTIONS_KEEP_TO_MATRIX
    if not cells:
        return check.not_applicable("No role under policies may call a function of the exposed schemas.")
    if not has_matrix:
        return check.errored("The params file declares no `rls.matrix`, so nothing is expected.", fix="Declare rls.matrix.")
    wrong = [one for one in cells if one.outcome is Outcome.FAIL]
    unknown = [one for one in cells if one.outcome is Outcome.ERROR]
    silent = [one.name for one in cells if one.function.is_definer and not one.declared and one.outcome is not Outcome.FAIL]
    left_out = [
        LeftOut(
            reason=f"{one.name[:1].upper()}{one.name[1:]}: {one.note}.",
            fix=f"Give arguments in rls.function_arguments: {one.function.display_name}, and rows to the fixtures.",
        )
        for one in unknown[:MOST_FIXES]
    ]
    if silent:
        left_out.append(LeftOut(reason=f"Not declared: {name_some(silent)}.", cause=EXPOSED_FUNCTIONS_ARE_DECLARED.id))
    if undeclared:
        left_out.append(LeftOut(reason=f"The matrix lacks {name_some(undeclared)}.", cause=EVERY_TABLE_IS_DECLARED.id))
    named = [f"{one.name} is {one.observed}, {one.said} ({one.note})" for one in wrong]
    revokes = [f"revoke execute on {one.function.kind} {one.function.display_name} from {one.role}, public;" for one in wrong]
    return judge_all(
        check,
        holds=not wrong,
        left_out=left_out,
        observed=len(cells) - len(wrong) - len(unknown),
        expected=len(cells),
        unit="pairs of a function and a role",
        detail=f"{name_some(named)}." if named else "",
        fix=["Correct the function; or declare it as `any` in rls.functions if that is intended; or:", *revokes[:MOST_FIXES]],
        objects=[one.name for one in wrong],
    )


def call_rows(cells: Sequence[CallCell]) -> list[dict[str, Json]]:
    """Return one row a function and role, as the notebook shows it."""
    return [
        {
            "function": one.function.display_name,
            "rights": "its owner's" if one.function.is_definer else "the caller's",
            "role": one.role,
            "declared": one.declared or ("not declared" if one.function.is_definer else "need not be"),
            "observed": one.observed,
            "calls": one.tries,
            "note": one.note,
        }
        for one in cells
    ]
