"""The direction compared with the launch list, its template and the project's files."""

from __future__ import annotations

from lib.core.errors import TargetError
from lib.core.launch_items import FILE
from lib.core.pack_files import read_text_file
from lib.core.results import Findings, look
from lib.tasks.guardrails import judge_direction as judging
from lib.tasks.guardrails.direction import LARGEST_BYTES, open_direction
from lib.tasks.guardrails.references import Surroundings, follow
from lib.tasks.guardrails.task import (
    DIRECTION_FOLLOWS_TEMPLATE,
    DIRECTION_LINKS_RESOLVE,
    LAUNCH_LIST_MATCHES_DIRECTION,
    Guardrails,
)
from lib.transport.context import Context

NO_DOCUMENT = f"{FILE} names no document, so there is no direction to compare anything with."


@look(LAUNCH_LIST_MATCHES_DIRECTION, DIRECTION_FOLLOWS_TEMPLATE)
def look_at_direction(context: Context[Guardrails]) -> Findings[None]:
    """Each task of the direction beside its item of the launch list; direction.json has what was read of it."""
    found = open_direction(context.pack)
    if found is None:
        return look_at_direction.not_applicable(NO_DOCUMENT)
    direction = found.direction
    read = {
        "document": found.path,
        "template": found.template.path,
        "head": {one.label: one.value for one in direction.fields.values()},
        "sections": [one.title for one in direction.sections],
        "tasks": [{"number": one.number, "line": one.line, "words": one.words} for one in direction.tasks],
        "changes": [one.words for one in direction.changes],
    }
    return Findings(
        results=[judging.judge_match(found), judging.judge_template(found)],
        rows=judging.compare_rows(found),
        artifacts={"direction.json": read},
    )


@look(DIRECTION_LINKS_RESOLVE)
def look_at_links(context: Context[Guardrails]) -> Findings[None]:
    """Each link and path of the direction, and where it leads."""
    found = open_direction(context.pack)
    if found is None:
        return look_at_links.not_applicable(NO_DOCUMENT)

    def read(path: str) -> str:
        try:
            return read_text_file(context.pack / path, root=context.pack, limit_bytes=LARGEST_BYTES)
        except TargetError:
            return ""

    around = Surroundings(
        document=found.path, files=frozenset(found.files), made=tuple(found.launch_list.made_by_launch), read=read
    )
    led = follow(found.direction.references, around)
    rows = [{"line": one.line, "names": one.target, "leads to": one.problem or one.note or "a file or folder"} for one in led]
    return Findings(results=[judging.judge_links(found.path, led)], rows=rows)
