"""What goes wrong in a drill, as changes of one that went well: the same judge looks at each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lib.tasks.deploy_rehearsal.drill import Drill
from lib.tasks.deploy_rehearsal.rollback import ReleaseSnapshot
from lib.tasks.faults import Fault, Scene, with_arguments

ADDED = "launch-fault"


def of_drill(scene: Scene, ends: dict[str, dict[str, Any]]) -> Iterator[Fault]:
    """Yield the recorded drill with each of these changes, by its words."""
    for words, changed in ends.items():
        yield Fault(place=words, make=with_arguments(drilled=replace(scene.arguments["drilled"], **changed)))


def go_wrong(scene: Scene) -> Iterator[Fault]:
    """Yield a script that fails or is slow, an app that answers otherwise, and each component with a part that did not return."""
    drill: Drill = scene.arguments["drilled"]
    limit_s = scene.context.settings.drill_limit_s
    assert drill.rollback is not None and drill.smoke_after is not None and drill.after is not None
    yield from of_drill(
        scene,
        {
            "the script fails": {"rollback": replace(drill.rollback, exit_code=11)},
            "the script does not end": {"rollback": None, "rollback_failure": "It took too long."},
            "it takes twice as long as agreed": {"took_s": 2 * limit_s},
            "it takes a second too long": {"took_s": limit_s + 1},
            "another version answers": {"smoke_after": replace(drill.smoke_after, version=ADDED)},
            "an endpoint fails": {"smoke_after": replace(drill.smoke_after, failures=("/x: status 503",))},
            "nothing can be read": {"after": None},
            "nothing was damaged": {"damaged": drill.before},
            "a table cannot be read": {"after": replace(drill.after, unread=(ADDED,))},
        },
    )
    for component, parts in drill.after.components.items():
        for words, changed in spoil(parts).items():
            after = ReleaseSnapshot(components={**drill.after.components, component: changed})
            yield Fault(place=f"{component} {words}", make=with_arguments(drilled=replace(drill, after=after)))


def spoil(parts: Any) -> dict[str, dict[str, str]]:
    """Return the parts of a component with one more, one other and one less."""
    first = next(iter(parts), None)
    more = {"has a part more": {**parts, ADDED: "1"}}
    if first is None:
        return more
    return {
        **more,
        "has another part": {**parts, first: ADDED},
        "has a part less": {name: digest for name, digest in parts.items() if name != first},
    }


def take_time(scene: Scene) -> Iterator[Fault]:
    """Yield a drill that is slower, and within what is agreed."""
    yield from of_drill(scene, {"it takes nearly as long as agreed": {"took_s": scene.context.settings.drill_limit_s * 0.9}})
