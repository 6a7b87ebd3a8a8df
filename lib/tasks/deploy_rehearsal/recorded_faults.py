"""What goes wrong in a rehearsal, as changes of one that went well: the same judges look at each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from lib.core.errors import CommandError
from lib.tasks.deploy_rehearsal.outages import within
from lib.tasks.deploy_rehearsal.rehearsal import Rehearsal, RehearsalPlan
from lib.tasks.deploy_rehearsal.rollback import ReleaseSnapshot
from lib.tasks.faults import Fault, Scene, with_arguments
from lib.transport.traffic import Sample

ADDED = "launch-fault"
Edit = Callable[[Rehearsal, RehearsalPlan], Mapping[str, Any]]
"""What is otherwise in a rehearsal, by the name of its field."""


def of_rehearsal(edits: Mapping[str, Edit], *, name: str = "recorded") -> Callable[[Scene], Iterable[Fault]]:
    """Return what yields each of these in the rehearsal that a look was given, by its words. name: of that argument."""

    def faults(scene: Scene) -> Iterator[Fault]:
        seen: Rehearsal = scene.arguments[name]
        plan = scene.arguments["deploy_plan"].plan
        for words, edit in edits.items():
            yield Fault(place=words, make=with_arguments(**{name: replace(seen, **edit(seen, plan))}))

    return faults


def sick(seen: Rehearsal, plan: RehearsalPlan) -> Mapping[str, Any]:
    """Return a candidate none of whose machines got healthy."""
    machines = tuple(replace(one, state="stopped", checks=dict.fromkeys(one.checks, "critical")) for one in seen.machines)
    return {"healthy_after_s": None, "machines": machines, "smoke_candidate": None}


NEVER_HEALTHY: Mapping[str, Edit] = {
    "no machine gets healthy": sick,
    "flyctl deploy fails": lambda seen, plan: {**sick(seen, plan), "deploy": replace(seen.deploy, exit_code=1)},  # type: ignore[type-var]
    "the release command fails": lambda seen, plan: {
        **sick(seen, plan),
        "deploy": replace(seen.deploy, exit_code=1, stdout="Error: release command failed"),  # type: ignore[type-var]
    },
    "flyctl is cut off": lambda seen, plan: {**sick(seen, plan), "deploy_failure": "flyctl deploy was cut off."},
}


def answered_otherwise(change: Callable[[Any], Any]) -> Edit:
    """Return the edit of what the candidate answered."""
    return lambda seen, plan: {"smoke_candidate": change(seen.smoke_candidate)}


def lose_field(smoke: Any) -> Any:
    """Take the first field of each body."""
    return replace(smoke, forms={path: dict(list(form.items())[1:]) for path, form in smoke.forms.items()})


def change_kind(smoke: Any) -> Any:
    """Let every field of each body hold another kind of value."""
    other = {"a number": "a text", "a text": "a number"}
    return replace(
        smoke, forms={path: {name: other.get(kind, kind) for name, kind in form.items()} for path, form in smoke.forms.items()}
    )


def add_field(smoke: Any) -> Any:
    """Give each body one field more."""
    return replace(smoke, forms={path: {**form, ADDED: "a number"} for path, form in smoke.forms.items()})


def watched(change: Callable[[Sample], Sample]) -> Edit:
    """Return the edit of each request that was sent while the candidate was watched."""

    def edit(seen: Rehearsal, plan: RehearsalPlan) -> Mapping[str, Any]:
        mine = set(within(seen.samples, seen.phase("watch")))
        return {"samples": [change(one) if one in mine else one for one in seen.samples]}

    return edit


UNSTEADY: Mapping[str, Edit] = {
    "a machine ends by itself": lambda seen, plan: {
        "fell_over": "machine 1 ended by itself",
        "ended_itself": True,
        "watched_s": 1.0,
    },
    "a machine is not healthy any more": lambda seen, plan: {"fell_over": "its check is critical", "watched_s": 1.0},
    "it is watched too shortly": lambda seen, plan: {"watched_s": plan.watch_s / 3},
    "the machines cannot be read": lambda seen, plan: {"watch_failure": CommandError("flyctl did not answer.")},
    "nobody asked it": lambda seen, plan: {"smoke_candidate": None},
    "it answers with the old version": lambda seen, plan: {
        "smoke_candidate": replace(seen.smoke_candidate, version=seen.smoke_before.version if seen.smoke_before else "")  # type: ignore[type-var]
    },
    "it loses a field": answered_otherwise(lose_field),
    "its fields are of another kind": answered_otherwise(change_kind),
    "it takes a second more": watched(lambda one: one._replace(took_ms=one.took_ms * 4 + 1000)),
}
STEADY: Mapping[str, Edit] = {
    "it has a field more": answered_otherwise(add_field),
    "it takes a little longer": watched(lambda one: one._replace(took_ms=one.took_ms * 1.1)),
    "it is watched for longer": lambda seen, plan: {"watched_s": seen.watched_s + 1},
}
NOT_BACK: Mapping[str, Edit] = {
    "it takes twice as long as agreed": lambda seen, plan: {
        "rollback": replace(seen.rollback, duration_s=plan.rollback_limit_s * 2)  # type: ignore[type-var]
    },
    "it takes a second too long": lambda seen, plan: {
        "rollback": replace(seen.rollback, duration_s=plan.rollback_limit_s + 1)  # type: ignore[type-var]
    },
    "its script fails": lambda seen, plan: {"rollback": replace(seen.rollback, exit_code=1)},  # type: ignore[type-var]
    "its script does not end": lambda seen, plan: {"rollback": None, "rollback_failure": "It took too long."},
}
JUST_BACK: Mapping[str, Edit] = {
    "it takes nearly as long as agreed": lambda seen, plan: {
        "rollback": replace(seen.rollback, duration_s=plan.rollback_limit_s * 0.9)  # type: ignore[type-var]
    },
}


def first_machine(**changed: Any) -> Edit:
    """Return the edit of one machine as it is after the rollback."""

    def edit(seen: Rehearsal, plan: RehearsalPlan) -> Mapping[str, Any]:
        assert seen.after is not None
        first, *others = seen.after.machines
        return {"after": replace(seen.after, machines=(replace(first, **changed), *others))}

    return edit


OTHER_VERSION: Mapping[str, Edit] = {
    "the new version answers": lambda seen, plan: {"smoke_after": seen.smoke_candidate},
    "another version answers": lambda seen, plan: {"smoke_after": replace(seen.smoke_after, version=ADDED)},  # type: ignore[type-var]
    "an endpoint fails": lambda seen, plan: {
        "smoke_after": replace(seen.smoke_after, failures=("/x: status 503",))  # type: ignore[type-var]
    },
    "the app cannot be read": lambda seen, plan: {"after": None},
    "a machine is on another image": first_machine(digest=f"sha256:{ADDED}"),
    "a machine is stopped": first_machine(state="failed", checks={"one": "critical"}),
}


def lose_requests(scene: Scene, stretch_s: float) -> list[Sample]:
    """Return the requests of a rehearsal, those of a stretch that begins with the deploy lost, by the app's own answer."""
    seen: Rehearsal = scene.arguments["rehearsal"]
    began_s = seen.phase("deploy").begin_s
    return [one._replace(status=500) if began_s <= one.sent_at < began_s + stretch_s else one for one in seen.samples]


def users_wait(scene: Scene) -> Iterator[Fault]:
    """Yield stretches without an answer that are longer than agreed, and longer than there are requests."""
    limit_s = scene.context.settings.max_downtime_s
    for words, stretch_s in {"a second more than agreed": limit_s + 1, "to the end": 1e9}.items():
        seen = replace(scene.arguments["rehearsal"], samples=lose_requests(scene, stretch_s))
        yield Fault(place=f"no answer for {words}", make=with_arguments(rehearsal=seen))


def users_lose(scene: Scene) -> Iterator[Fault]:
    """Yield one of so many requests lost here and there: three times and one and a half times what is agreed."""
    seen: Rehearsal = scene.arguments["rehearsal"]
    began_s = seen.phase("deploy").begin_s
    for times in (1.5, 3.0):
        part = scene.context.settings.max_error_ratio * times
        if 0 < part < 1:
            yield Fault(place=f"{part:.1%} are lost", make=with_arguments(rehearsal=lose_part(seen, began_s, part)))


def users_barely_lose(scene: Scene) -> Iterator[Fault]:
    """Yield fewer requests lost than agreed."""
    seen: Rehearsal = scene.arguments["rehearsal"]
    part = scene.context.settings.max_error_ratio / 3
    if part > 0:
        yield Fault(
            place=f"{part:.1%} are lost", make=with_arguments(rehearsal=lose_part(seen, seen.phase("deploy").begin_s, part))
        )


def lose_part(seen: Rehearsal, began_s: float, part: float) -> Rehearsal:
    """Return a rehearsal with this part of the requests since a moment lost, far from each other."""
    counted = [one for one in seen.samples if one.sent_at >= began_s]
    wanted = max(int(len(counted) * part), 0) if part * len(counted) >= 1 else 0
    lost = {counted[int(place * len(counted) / wanted)] for place in range(wanted)} if wanted else set()
    return replace(seen, samples=[one._replace(status=500) if one in lost else one for one in seen.samples])


def leave_parts(scene: Scene) -> Iterator[Fault]:
    """Yield each component of the release with a part that is not what it was, and one that came, or went."""
    plan = scene.arguments["deploy_plan"]
    for component, parts in plan.snapshot.components.items():
        first = next(iter(parts), None)
        others: dict[str, dict[str, str]] = {"has a part less": {**parts, ADDED: "1"}}
        if first is not None:
            others["has another part"] = {**parts, first: ADDED}
            others["has a part more"] = {name: digest for name, digest in parts.items() if name != first}
        for words, changed in others.items():
            snapshot = ReleaseSnapshot(components={**plan.snapshot.components, component: changed}, unread=plan.snapshot.unread)
            yield Fault(place=f"{component} {words}", make=with_arguments(deploy_plan=replace(plan, snapshot=snapshot)))


def break_cells(scene: Scene) -> Iterator[Fault]:
    """Yield each version on each schema that does not work, and was not tried."""
    tried = scene.arguments["tried"]
    for (app, schema), calls in tried.items():
        failed = replace(calls, failures=("/x: status 500",))
        for words, one in {"fails": failed, "was asked for nothing": replace(calls, calls=0)}.items():
            place = f"{app} app on {schema} schema {words}"
            yield Fault(place=place, make=with_arguments(tried={**tried, (app, schema): one}))
