"""The faults of this task: the declaration changed beside the targets as they are, and a copy of the vault changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lib.clients.vault.declared import Credential
from lib.core.errors import TargetError
from lib.tasks.credentials.looks import (
    VaultTimes,
    look_at_environments,
    look_at_fly,
    look_at_github,
    look_at_permissions,
    look_at_vault,
)
from lib.tasks.credentials.task import (
    ENVIRONMENTS_SHARE_NO_VALUE,
    EVERY_VALUE_IN_VAULT,
    FLY_AS_NEW_AS_VAULT,
    FLY_HAS_EVERY_CREDENTIAL,
    FLY_HAS_NOTHING_UNDECLARED,
    GITHUB_AS_NEW_AS_VAULT,
    GITHUB_HAS_EVERY_CREDENTIAL,
    GITHUB_HAS_NOTHING_UNDECLARED,
    NO_PLACEHOLDER_VALUES,
    VAULT_IS_PRIVATE,
    WITHIN_ROTATION_AGE,
)
from lib.tasks.faults import Change, Fault, Faults, Operator, Scene, with_arguments, with_settings

PLACEHOLDERS = ("changeme", "your_token_here", "<token>", "TODO", "xxxxxxxx", "${TOKEN}", "sk_live_xxxxxxxx", "insert-api-key")
ADDED = "LAUNCH_FAULT_TOKEN"
GITHUB = ("github_environment", "github_repository")


def with_vault(edit: Callable[[Path], None]) -> Change:
    """Return the change that is made to a copy of the vault's folder, which is its owner's alone, in the run's private folder.

    Raises TargetError for a vault that is a server.
    """

    @contextmanager
    def change(scene: Scene) -> Iterator[Scene]:
        context = scene.context
        vault = context.service("vault")
        folder = Path(vault.url)
        if "://" in vault.url or not folder.is_dir():
            raise TargetError("The vault is no folder of this machine, so no copy of it is changed.")
        if any(path.is_symlink() for path in (folder, *folder.rglob("*"))):
            raise TargetError("The vault holds a link, which may lead to what is not a copy.")
        copied = context.work / "faults" / "vault"
        try:
            shutil.copytree(folder, copied, symlinks=True)
            edit(copied / context.settings.vault_path)
            there = replace(vault, parts={**vault.parts, "url": str(copied)})
            yield replace(scene, context=replace(context, services={**context.services, "vault": there}))
        except (OSError, shutil.Error) as exc:
            raise TargetError(f"The vault could not be copied: {type(exc).__name__}.") from None
        finally:
            shutil.rmtree(copied, ignore_errors=True)

    return change


def files_of(scene: Scene) -> dict[str, list[str]]:
    """Return each file of the vault -> the declared credentials that are in it."""
    found: dict[str, list[str]] = {}
    for name, one in scene.context.settings.declared.items():
        found.setdefault(one.vault.partition("#")[0], []).append(name)
    return found


def remove_file(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def lose_values(scene: Scene) -> Iterator[Fault]:
    """Yield each file of the vault gone, and a credential that nobody put in."""
    declared = scene.context.settings.declared
    for file in files_of(scene):
        yield Fault(place=f"{file} is gone", make=with_vault(remove_file(file)))
    for file in [file for file in files_of(scene) if file.endswith(".txt")]:
        yield Fault(place=f"{file} is empty", make=with_vault(writing(file, "\n")))
    added = Credential(vault="launch_fault.txt", needed_by=["mcp"])
    yield Fault(place="a declared credential that is not there", make=with_settings(declared={**declared, ADDED: added}))


def writing(name: str, text: str) -> Callable[[Path], None]:
    """Return what gives a file of the vault another content; it stays its owner's alone."""

    def edit(folder: Path) -> None:
        (folder / name).write_text(text)

    return edit


def leave_placeholders(scene: Scene) -> Iterator[Fault]:
    """Yield each file of one value with each common placeholder in it."""
    for file in [file for file in files_of(scene) if file.endswith(".txt")]:
        for word in PLACEHOLDERS:
            yield Fault(place=f"{file} holds {word}", make=with_vault(writing(file, word)))
    for file, names in files_of(scene).items():
        if file.endswith(".env"):
            keys = [scene.context.settings.declared[name].vault.partition("#")[2] for name in names]
            for word in PLACEHOLDERS:
                text = "".join(f"{key}='{word}'\n" for key in keys)
                yield Fault(place=f"{file} holds {word}", make=with_vault(writing(file, text)))


def age_values(scene: Scene) -> Iterator[Fault]:
    """Yield each file of the vault unchanged for longer than its credentials may be."""
    settings = scene.context.settings
    for file, names in files_of(scene).items():
        days = max(settings.declared[name].max_age_days or settings.max_age_days for name in names)
        then = (datetime.now(UTC) - timedelta(days=days + 2)).timestamp()
        yield Fault(place=file, make=with_vault(lambda folder, file=file, then=then: os.utime(folder / file, (then, then))))  # type: ignore[misc]


def open_files(scene: Scene) -> Iterator[Fault]:
    """Yield each file of the vault, and its folder, open to others."""
    for file in files_of(scene):
        for mode in (0o640, 0o604, 0o660):
            edit = with_vault(lambda folder, file=file, mode=mode: (folder / file).chmod(mode))  # type: ignore[misc]
            yield Fault(place=f"{file} with mode {mode:o}", make=edit)


def share_values(scene: Scene) -> Iterator[Fault]:
    """Yield each file of one value that another environment has, too."""
    settings = scene.context.settings
    for file, names in files_of(scene).items():
        if any(settings.declared[name].may_be_shared for name in names):
            continue
        for other in settings.apart_from:
            edit = with_vault(lambda folder, file=file, other=other: copy_beside(folder, file, other))  # type: ignore[misc]
            yield Fault(place=f"{file} is that of {other}", make=edit)


def copy_beside(folder: Path, file: str, other: str) -> None:
    """Give another environment of the vault the same file. Raises OSError when it has none."""
    there = folder.parent / other / file
    there.stat()
    shutil.copy2(folder / file, there)


def touch_files(scene: Scene) -> Iterator[Fault]:
    """Yield each file of the vault with a comment or a line end more."""
    for file in files_of(scene):
        if file.endswith(".env"):
            yield Fault(place=file, make=with_vault(lambda folder, file=file: append(folder / file, "\n# rotated\n")))  # type: ignore[misc]


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def need_more(*targets: str) -> Callable[[Scene], Iterator[Fault]]:
    """Return what yields a credential that a target does not have."""

    def faults(scene: Scene) -> Iterator[Fault]:
        declared = scene.context.settings.declared
        for target in targets:
            added = Credential(vault="launch_fault.txt", needed_by=[target])  # type: ignore[list-item]
            yield Fault(place=f"{ADDED} for {target}", make=with_settings(declared={**declared, ADDED: added}))
            for name, one in declared.items():
                if target not in one.needed_by and not any(other in one.needed_by for other in targets):
                    more = one.model_copy(update={"needed_by": [*one.needed_by, target]})
                    yield Fault(place=f"{name} for {target}", make=with_settings(declared={**declared, name: more}))

    return faults


def need_less(*targets: str) -> Callable[[Scene], Iterator[Fault]]:
    """Return what yields each credential that a target has no longer declared for it."""

    def faults(scene: Scene) -> Iterator[Fault]:
        settings = scene.context.settings
        for target in targets:
            for name, one in settings.declared.items():
                if target in one.needed_by and name not in settings.undeclared_allowed:
                    left = [other for other in one.needed_by if other != target] or ["mcp"]
                    fewer = one.model_copy(update={"needed_by": left})
                    yield Fault(place=f"{name} for {target}", make=with_settings(declared={**settings.declared, name: fewer}))

    return faults


def rotate_since(*targets: str) -> Callable[[Scene], Iterator[Fault]]:
    """Return what yields each credential changed in the vault after the target's copy was set."""

    def faults(scene: Scene) -> Iterator[Fault]:
        vault: VaultTimes | None = scene.arguments.get("vault")
        if vault is None:
            return
        later = datetime.now(UTC) + timedelta(days=1)
        for name, one in scene.context.settings.declared.items():
            if set(one.needed_by) & set(targets) and name in vault.changed_at:
                times = replace(vault, changed_at={**vault.changed_at, name: later})
                yield Fault(place=name, make=with_arguments(vault=times))

    return faults


def declare_for_others(scene: Scene) -> Iterator[Fault]:
    """Yield a credential more that only the operator's own servers need."""
    declared = scene.context.settings.declared
    added = Credential(vault="launch_fault.txt", needed_by=["mcp"])
    yield Fault(place=ADDED, make=with_settings(declared={**declared, ADDED: added}))


FAULTS = Faults(
    operators=(
        Operator(name="a value is gone from the vault", check=EVERY_VALUE_IN_VAULT, look=look_at_vault, faults=lose_values),
        Operator(name="a placeholder in the vault", check=NO_PLACEHOLDER_VALUES, look=look_at_vault, faults=leave_placeholders),
        Operator(name="a value was never rotated", check=WITHIN_ROTATION_AGE, look=look_at_vault, faults=age_values),
        Operator(
            name="a comment in the vault", check=EVERY_VALUE_IN_VAULT, look=look_at_vault, faults=touch_files, is_harmless=True
        ),
        Operator(name="a file of the vault is open", check=VAULT_IS_PRIVATE, look=look_at_permissions, faults=open_files),
        Operator(
            name="two environments share a value",
            check=ENVIRONMENTS_SHARE_NO_VALUE,
            look=look_at_environments,
            faults=share_values,
        ),
        Operator(name="Fly.io lacks a credential", check=FLY_HAS_EVERY_CREDENTIAL, look=look_at_fly, faults=need_more("fly")),
        Operator(
            name="Fly.io has an undeclared one",
            check=FLY_HAS_NOTHING_UNDECLARED,
            look=look_at_fly,
            faults=need_less("fly"),
        ),
        Operator(name="Fly.io's copy is older", check=FLY_AS_NEW_AS_VAULT, look=look_at_fly, faults=rotate_since("fly")),
        Operator(
            name="a credential that others need",
            check=FLY_HAS_EVERY_CREDENTIAL,
            look=look_at_fly,
            faults=declare_for_others,
            is_harmless=True,
        ),
        Operator(
            name="GitHub lacks a credential", check=GITHUB_HAS_EVERY_CREDENTIAL, look=look_at_github, faults=need_more(*GITHUB)
        ),
        Operator(
            name="GitHub has an undeclared one",
            check=GITHUB_HAS_NOTHING_UNDECLARED,
            look=look_at_github,
            faults=need_less(*GITHUB),
        ),
        Operator(name="GitHub's copy is older", check=GITHUB_AS_NEW_AS_VAULT, look=look_at_github, faults=rotate_since(*GITHUB)),
        Operator(
            name="a credential that others need",
            check=GITHUB_HAS_EVERY_CREDENTIAL,
            look=look_at_github,
            faults=declare_for_others,
            is_harmless=True,
        ),
    )
)
