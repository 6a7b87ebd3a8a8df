"""The direction that a project's launch list comes from, its template, and the files that both may name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from lib.clients.git import list_files, read_policy
from lib.core.direction import Direction, name_key, read_direction
from lib.core.direction_fields import Field
from lib.core.errors import TargetError
from lib.core.launch_items import FILE, LaunchList
from lib.core.pack_files import read_text_file
from lib.core.plain_yaml import PlainYamlError, load_yaml
from lib.core.wording import name_some, plain_text
from lib.tasks.guardrails.references import place_of

LARGEST_BYTES = 256 * 1024
"""Of a direction or its template: people write a few pages."""
TEMPLATE = "Template"
"""The label under which a direction says what it is written by."""


@dataclass(frozen=True, kw_only=True)
class Template:
    """What a direction is written by. path: '' where it says none. problem: why it could not be read, as a sentence."""

    path: str = ""
    direction: Direction | None = None
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class DirectionFile:
    """A direction, and what it is compared with. path: from the project's root. files: all of the project's."""

    path: str
    text: str
    direction: Direction
    launch_list: LaunchList
    template: Template
    files: tuple[str, ...]


def open_direction(pack: Path) -> DirectionFile | None:
    """Return the direction that the launch list names; None where the project has no list, or its list names none.

    Raises TargetError when either of them can't be read.
    """
    launch_list = read_list(pack)
    if launch_list is None or not launch_list.document:
        return None
    path = launch_list.document
    text = read_document(pack, path)
    direction = read_direction(text)
    return DirectionFile(
        path=path,
        text=text,
        direction=direction,
        launch_list=launch_list,
        template=read_template(pack, path, direction),
        files=tuple(list_files(pack)),
    )


def read_list(pack: Path) -> LaunchList | None:
    """Return the launch list, None without one. Raises TargetError when it is not one."""
    path = pack / FILE
    return parse_list(read_text_file(path, root=pack)) if path.exists() or path.is_symlink() else None


def parse_list(text: str) -> LaunchList:
    """Return the launch list that a text is. Raises TargetError when it is none."""
    try:
        return LaunchList.model_validate(load_yaml(text))
    except PlainYamlError as exc:
        raise TargetError(f"{FILE} is not valid YAML: {plain_text(str(exc), limit=300)}.", fix=f"Correct {FILE}.") from exc
    except ValidationError as exc:
        said = name_some([f"{'.'.join(map(str, one['loc'])) or 'file'}: {one['msg'].lower()}" for one in exc.errors()])
        raise TargetError(f"{FILE} is not a valid launch list: {said}.", fix=f"Correct {FILE}.") from exc


def read_base_direction(root: Path, base: str) -> tuple[str, Direction] | None:
    """Return the path and content of the direction that bounds a branch, as its base has both it and the launch list.

    As the branch has them where the base has none: a branch can't relax the bounds that it is judged by. None where neither
    names a document. Raises TargetError when one of them can't be read.
    """
    text = read_policy(root, base, FILE)
    path = parse_list(text).document if text else ""
    if not path:
        return None
    require_inside(path)
    found = read_policy(root, base, path)
    return path, read_direction(found or read_document(root, path))


def read_document(pack: Path, path: str) -> str:
    """Return the text of a document of the project. Raises TargetError when there is none that can be read."""
    require_inside(path)
    if not (pack / path).exists() and not (pack / path).is_symlink():
        raise TargetError(
            f"There is no {plain_text(path, limit=200)}, which {FILE} names as its document.", fix=f"Correct document in {FILE}."
        )
    return read_text_file(pack / path, root=pack, limit_bytes=LARGEST_BYTES)


def require_inside(path: str) -> None:
    """Raise TargetError unless a path stays within the project."""
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise TargetError(
            f"{FILE} names {plain_text(path, limit=200)} as its document, which is not in the project.",
            fix="Name it from the project's root, such as document: docs/directions/devops.md",
        )


def read_template(pack: Path, document: str, direction: Direction) -> Template:
    """Return what a direction says that it is written by."""
    path = template_path(document, direction)
    if not path:
        return Template()
    try:
        return Template(path=path, direction=read_direction(read_document(pack, path)))
    except TargetError as exc:
        return Template(path=path, problem=f"Its template could not be read: {exc.message}")


def template_path(document: str, direction: Direction) -> str:
    """Return the path of the template that a direction names, '' for none."""
    field = template_field(direction)
    if field is None:
        return ""
    if field.links:
        return place_of(field.links[0], document, is_link=True)
    return place_of((field.codes or (field.value,))[0], document, is_link=False)


def template_field(direction: Direction) -> Field | None:
    """Return the line that names the template, in the head or in any section; None without one."""
    sections = [one for section in direction.sections for one in direction.fields_of(section.title)]
    return next((one for one in (*direction.fields.values(), *sections) if name_key(one.label) == name_key(TEMPLATE)), None)
