"""Which credentials a project needs, by name alone: no value is kept, shown or written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from lib.clients.vault.declared import SECRET_NAME
from lib.clients.vault.folder import VaultFolder
from lib.core.errors import TargetError
from lib.core.pack_files import is_folder, read_text_file, resolve_inside
from lib.core.redact import SHORTEST_SECRET, register_secrets
from lib.onboarding.tree import Tree

LARGEST_BYTES = 1024 * 1024
EXAMPLES = (
    ".env.example",
    ".env.sample",
    ".env.template",
    ".env.dist",
    ".env*.example",
    ".env*.sample",
    "env.example",
    "*.env.example",
)
ASSIGNMENT = re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]{1,127})[ \t]*=", re.MULTILINE)
WORKFLOW_SECRET = re.compile(r"\bsecrets\s*(?:\.\s*([A-Za-z_][A-Za-z0-9_]*)|\[\s*['\"]([A-Za-z_][A-Za-z0-9_]*)['\"]\s*\])")
TELLING = re.compile(
    r"(?:^|_)(?:KEY|KEYS|TOKEN|SECRET|SECRETS|PASSWORD|PASSWD|PASS|PWD|CREDENTIAL|CREDENTIALS|DSN|SALT|PRIVATE|WEBHOOK|APIKEY|PAT)(?:_|$)"
    r"|^DATABASE_URL$|_DATABASE_URL$|^DB_URL$|_DB_URL$|^REDIS_URL$|^SMTP_URL$"
)
"""What the name of a credential has in it; other names of an example file are plain settings."""
PUBLIC = re.compile(
    r"^(?:NEXT_PUBLIC|VITE|PUBLIC|EXPO_PUBLIC|REACT_APP|NUXT_PUBLIC|GATSBY)_|_PUBLIC_KEY$|_PUBLISHABLE_KEY$|_ANON_KEY$|_SITE_KEY$"
)
"""Names whose values are in every visitor's browser."""
VAULTS = ("vault/occ", "vault", "secrets/vault", ".vault")
GIVEN = frozenset(("GITHUB_TOKEN", "ACTIONS_STEP_DEBUG", "ACTIONS_RUNNER_DEBUG"))
"""Secrets that GitHub itself gives."""
MARKER = re.compile(r"chatwoot|publer", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class CredentialFiles:
    """Names of credentials -> the files that name them, and the vault folder with its places.

    examples, workflows: names that example files and workflows give. environments: folders of the vault; places: of its
    first one, `file.env#NAME`. vendors: those of Chatwoot and Publer whose names are seen.
    """

    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    workflows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    vault: str = ""
    environments: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    vendors: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.examples, *self.workflows)))


def read_credentials(tree: Tree, problems: list[str]) -> CredentialFiles:
    """Return what is named; adds a sentence to problems for each file that can't be read."""
    files = {name: read_or_say(tree, name, problems) for name in tree.called(*EXAMPLES) if "/launch/" not in f"/{name}"}
    named = {name: ASSIGNMENT.findall(text) for name, text in files.items()}
    workflows = {
        name: [first or second for first, second in WORKFLOW_SECRET.findall(read_or_say(tree, name, problems))]
        for name in find_workflows(tree)
    }
    vault = next((one for one in VAULTS if is_folder(tree.root / one)), "")
    environments, places = read_vault(tree, vault, problems) if vault else ((), ())
    every = [
        *(word for words in named.values() for word in words),
        *(word for words in workflows.values() for word in words),
        *places,
    ]
    return CredentialFiles(
        examples=by_name(named, lambda name: bool(TELLING.search(name.upper())) and not PUBLIC.search(name.upper())),
        workflows=by_name(workflows, lambda name: True),
        vault=vault,
        environments=environments,
        places=places,
        vendors=frozenset(found[0].lower() for one in every for found in [MARKER.search(one)] if found),
    )


def find_workflows(tree: Tree) -> list[str]:
    """Return the files of GitHub's workflows."""
    return tree.where(lambda name: name.startswith(".github/workflows/") and name.endswith((".yml", ".yaml")))


def read_or_say(tree: Tree, name: str, problems: list[str]) -> str:
    """Return a file's text, '' and a sentence in problems when it can't be read."""
    try:
        return read_text_file(tree.root / name, root=tree.root, limit_bytes=LARGEST_BYTES)
    except TargetError as exc:
        problems.append(exc.message)
        return ""


def by_name(named: Mapping[str, list[str]], holds: Callable[[str], bool]) -> dict[str, tuple[str, ...]]:
    """Return each name that a secret can have and that counts, with the files that give it."""
    found: dict[str, list[str]] = {}
    for file, names in named.items():
        for name in dict.fromkeys(names):
            if SECRET_NAME.fullmatch(name) and name.upper() not in GIVEN and holds(name):
                found.setdefault(name, []).append(file)
    return {name: tuple(files) for name, files in found.items()}


def read_vault(tree: Tree, vault: str, problems: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a vault's folders, one an environment, and the places of the first one's values. Every value is a secret."""
    folder = tree.root / vault
    try:
        resolve_inside(folder, tree.root)
        environments = tuple(sorted(one.name for one in folder.iterdir() if one.is_dir() and not one.is_symlink()))
        values = {one: VaultFolder(path=folder / one, name=f"{vault}/{one}").read_all() for one in environments}
    except (TargetError, OSError) as exc:
        problems.append(exc.message if isinstance(exc, TargetError) else f"{vault} could not be read: {exc.strerror}.")
        return (), ()
    register_secrets(value for one in values.values() for value in one.values() if len(value.strip()) >= SHORTEST_SECRET)
    first = "local" if "local" in environments else next(iter(environments), "")
    return environments, tuple(place.removesuffix("#") for place in values.get(first, {}))


def name_of(place: str) -> str:
    """Return what a value of a vault is called in the targets: `app.env#KEY` KEY, `publer.json#api_key` PUBLER_API_KEY."""
    file, _, key = place.partition("#")
    path = PurePosixPath(file)
    if path.suffix == ".env" or path.name == ".env":
        return key
    words = [path.stem, *([key] if key else [])]
    return re.sub(r"[^A-Za-z0-9]+", "_", "_".join(words)).strip("_").upper()
