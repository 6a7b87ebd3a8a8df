"""Turns the answers of an RLS probe into observations, one verb at a time. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lib.clients.postgres.rls.classify import GRANT, OTHER, POLICY, TRIGGER, Observation, is_member
from lib.clients.postgres.rls.trial import Answer, Step, Trial

Regions = dict[str, tuple[int, int]]


def read_observation(trial: Trial, verb: str) -> Observation:
    """Return what one identity can do with one verb on one table."""
    counted = trial.answers["regions",]
    if counted["phase"] != "done":
        return Observation(identity=trial.who, problem=f"the scopes can't be counted: {counted['message']}")
    readers = {"select": read_select, "insert": read_insert, "update": read_write, "delete": read_write}
    return fix_by_catalogue(trial, verb, readers[verb](trial, verb))


def read_select(trial: Trial, verb: str) -> Observation:
    """Read a SELECT of the whole table."""
    answer = trial.answers["select",]
    return counted_regions(trial.who, [answer]) if answer["phase"] == "done" else refusal(trial, verb, answer)


def read_write(trial: Trial, verb: str) -> Observation:
    """Read an UPDATE or DELETE: on the whole table where that succeeded, else row by row."""
    whole, unread = trial.answers.get((verb,)), trial.answers.get((verb, "unread"))
    if not trial.may(verb):
        return refusal(trial, verb, whole) if whole else Observation(identity=trial.who, problem="no column can be assigned")
    done = [answer for answer in (whole, unread) if answer is not None and answer["phase"] == "done"]
    seen = counted_regions(trial.who, done) if whole in done else read_rows(trial, verb, done)
    if verb == "delete":
        return count_single(trial, seen)
    return replace(add_pulled(trial, widen(trial, seen)), moved=moved_columns(trial))


def add_pulled(trial: Trial, seen: Observation) -> Observation:
    """Add the rows outside that could be taken over: given what a row inside has, they were changed, or but for a key."""
    regions, example = dict(seen.regions), dict(seen.example)
    whole = trial.answers.get(("pulled",))
    counted = whole["measured"] if whole is not None and whole["phase"] == "done" else {}
    for spot in [spot for spot in trial.regions if spot not in trial.inside]:
        one = trial.answers.get(("pulled", spot))
        alone = one is not None and (trial.broke_own(one) or (one["phase"] == "done" and bool(one["touched"])))
        taken = max(int(alone), counted[spot][1] if spot in counted else 0)
        if taken and taken > regions.get(spot, (0, 0))[1]:
            regions[spot] = (trial.regions[spot][0], taken)
            example.setdefault(spot, f"the row at {trial.regions[spot][1]}, which could be taken over")
    return replace(seen, regions=regions, example=example)


def count_single(trial: Trial, seen: Observation) -> Observation:
    """Count the rows that a delete of all did not reach by what a delete of each alone did."""
    regions = dict(seen.regions)
    for spot in trial.cut_short:
        tries = [answer for step, answer in trial.answers.items() if step[:2] == ("one", spot)]
        if tries and len(tries) == regions[spot][0]:
            regions[spot] = (len(tries), sum(answer["phase"] == "done" and bool(answer["touched"]) for answer in tries))
    return replace(seen, regions=regions)


def widen(trial: Trial, seen: Observation) -> Observation:
    """Add the rows that an update reached once they were alone in the table: policies for SELECT had hidden them."""
    regions = dict(seen.regions)
    for spot in {spot for spot, _ in trial.unreached}:
        tries = [trial.answers.get(("alone", place)) for region, place in trial.samples if region == spot]
        reached = [bool(one["touched"]) for one in tries if one is not None and one["phase"] == "done"]
        if any(reached):
            rows = regions.get(spot, (len(tries), 0))[0]
            regions[spot] = (rows, rows if all(reached) else max(1, regions.get(spot, (0, 0))[1]))
    return replace(seen, regions=regions)


def read_rows(trial: Trial, verb: str, also: Sequence[Answer]) -> Observation:
    """Read writes tried on single rows, whose whole-table form failed; also: forms that succeeded."""
    regions: Regions = {}
    problem, refused_by, said = None, None, ""
    for spot, place in trial.samples:
        tries = [trial.answers.get((verb, place, str(quiet))) for quiet in trial.subject.modes(verb)]
        answer = first_conclusive([one for one in tries if one is not None])
        if answer is None or not (answer["phase"] == "done" or is_refusal(answer)):
            problem = f"{verb} can't be tried: {answer['message'] if answer else 'no column can be assigned'}"
        elif answer["phase"] == "done":
            count(regions, spot, bool(answer["touched"]))
        else:
            count(regions, spot, False)
            refused_by, said = refused_by_whom(trial, verb, answer), answer["message"]
    for answer in also:
        for spot, (rows, touched, _) in answer["measured"].items():
            regions[spot] = (rows, touched) if touched else regions.get(spot, (rows, 0))
    accepted = any(touched for _, touched in regions.values())
    return Observation(
        identity=trial.who, regions=regions, refused_by=None if accepted else refused_by, said=said, problem=problem
    )


def read_insert(trial: Trial, verb: str) -> Observation:
    """Read inserts: rows inserted again one by one, each in the region it has as a new row."""
    blank = trial.answers["insert", "blank"]
    if not trial.may(verb):
        return refusal(trial, verb, blank)
    regions: Regions = {}
    example: dict[str, str] = {}
    problems, refused_by, said = [], None, ""
    for spot, place in trial.insert_samples:
        answer = trial.answers.get(("insert", place))
        if answer is None:
            proof = trial.answers["proof", place, str(trial.subject.modes("insert")[-1])]
            problems.append(f"no valid row could be built: {proof['message']}")
        elif answer["phase"] != "done" and not is_refusal(answer):
            problems.append(f"insert can't be tried: {answer['message']}")
        else:
            sent_to, arrived_in = arrival(trial, spot, place, answer)
            if arrived_in != sent_to:
                count(regions, sent_to, False)
            if arrived_in is None:
                refused_by, said = refused_by_whom(trial, verb, answer), answer["message"] or ""
            else:
                count(regions, arrived_in, True)
                example.setdefault(arrived_in, f"a copy of the row at {place}")
    is_closed = is_refusal(blank) and verb not in trial.subject.access.permitted_verbs
    if not regions and not problems and not is_closed:
        problems.append("the table has no row to build a valid one from")
    accepted = any(touched for _, touched in regions.values())
    return Observation(
        identity=trial.who,
        regions=regions,
        refused_by=None if accepted else refused_by,
        said=said,
        problem=problems[0] if problems and not regions else None,
        example=example,
    )


def arrival(trial: Trial, spot: str, place: str, answer: Answer) -> tuple[str, str | None]:
    """Return the region a row was sent to while it was missing, and the one it arrived in, if any.

    A row that arrived as sent arrived in that region; one that a trigger or a default changed arrived where
    it then is.
    """
    quiet = trial.proven_mode(place)
    without = trial.answers.get(("without", place, str(quiet)))
    sent_to = (without["witnessed"] or [spot])[0] if without is not None else spot
    if answer["phase"] != "done" or not answer["touched"]:
        return sent_to, None
    is_same = (answer["witnessed"] or ["true"])[0] == "true"
    return sent_to, sent_to if is_same else answer["measured"]


def moved_columns(trial: Trial) -> tuple[str, ...]:
    """Return the columns by which an update moved a row out of the class it was declared to stay in."""
    scopes = list(trial.subject.scopes)
    moved = {
        step[1]
        for step, answer in trial.answers.items()
        if step[0] == "moved" and answer["phase"] == "done" and answer["touched"]
        and any(not is_member(spot, trial.kept_in, scopes) for spot in answer["measured"])
    }  # fmt: skip
    return tuple(sorted(moved | but_for_a_key(trial)))


def but_for_a_key(trial: Trial) -> set[str]:
    """Return the columns by which a row would have been moved, had not a key or check of the table refused it after the policies.

    An update of all rows does not say which one was refused: then each of them must have been one that was moved.
    """
    scopes = list(trial.subject.scopes)
    left: dict[Step, list[bool]] = {}
    for step, answer in trial.answers.items():
        if step[0] == "would" and answer["phase"] == "done":
            place = trial.regions[step[4]][1]
            found = [not is_member(region, trial.kept_in, scopes) for base, _, _, region in answer["measured"] if base == place]
            left.setdefault(step[1:4], []).extend(found)
    return {column for (column, *_), found in left.items() if found and all(found)}


def count(regions: Regions, spot: str, is_touched: bool) -> None:
    """Add one tried row to its region."""
    rows, touched = regions.get(spot, (0, 0))
    regions[spot] = (rows + 1, touched + is_touched)


def counted_regions(who: str, answers: Sequence[Answer]) -> Observation:
    """Return the observation of whole-table attempts: in each region the largest number of rows counts."""
    regions: Regions = {}
    example: dict[str, str] = {}
    for answer in answers:
        for spot, (rows, touched, shown) in answer["measured"].items():
            regions[spot] = (rows, max(touched, regions.get(spot, (0, 0))[1]))
            if shown is not None:
                example[spot] = shown
    return Observation(identity=who, regions=regions, example=example)


def is_refusal(answer: Answer) -> bool:
    """Whether a statement was refused by a privilege, a policy or a trigger's own rule, not for its values."""
    return answer["phase"] == "act" and answer["code"] in ("42501", "P0001")


def refused_by_whom(trial: Trial, verb: str, answer: Answer) -> str | None:
    """Return what refused a statement; PostgreSQL gives grants and policies the same SQLSTATE."""
    if not is_refusal(answer):
        return None
    if not trial.may(verb):
        return GRANT
    said = answer["message"] or ""
    if "row-level security" in said:
        return POLICY
    return OTHER if answer["code"] == "42501" and said.startswith("permission denied") else TRIGGER


def refusal(trial: Trial, verb: str, answer: Answer) -> Observation:
    """Return the observation of a statement that was refused as a whole."""
    whom = refused_by_whom(trial, verb, answer)
    said = answer["message"] or "it was allowed without a grant"
    if whom is None:
        return Observation(identity=trial.who, problem=f"{verb} can't be tried: {said}")
    return Observation(identity=trial.who, regions=untouched(trial.regions), refused_by=whom, said=said)


def untouched(regions: Mapping[str, Any]) -> Regions:
    """Return the regions with none of their rows touched."""
    return {spot: (counted[0], 0) for spot, counted in regions.items()}


def first_conclusive(answers: Sequence[Answer]) -> Answer | None:
    """Return the first answer that depends on rights, else the last."""
    return next((one for one in answers if one["phase"] == "done" or is_refusal(one)), answers[-1] if answers else None)


def fix_by_catalogue(trial: Trial, verb: str, seen: Observation) -> Observation:
    """Add the class that the catalogue determines, for tables whose rows do not.

    Without a permissive policy nothing is allowed; where policies do not apply, everything is.
    """
    access = trial.subject.access
    if seen.problem is not None or seen.refused_by == GRANT:
        return seen
    if not access.held_by_policies:
        return replace(seen, fixed="allow") if seen.refused_by is None else seen
    return replace(seen, fixed="deny") if verb not in access.permitted_verbs else seen
