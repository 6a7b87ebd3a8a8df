"""Credentials in what a branch adds: by detect-secrets, by the list that a run is struck by, and .env files.

Only place and kind are ever reported, never the value. Nothing is verified with a vendor: no value leaves here.
Source: https://github.com/Yelp/detect-secrets.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path, PurePosixPath

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings

from lib.clients.git_added import AddedLine
from lib.core.plain_json import PlainJsonError, load_json
from lib.core.plain_yaml import PlainYamlError, load_yaml
from lib.core.secret_shapes import find_shapes
from lib.tasks.guardrails.policy import SecretRules, matches
from lib.tasks.guardrails.secret_near import find_encoded, find_near

PLUGINS = (
    "ArtifactoryDetector", "AWSKeyDetector", "AzureStorageKeyDetector", "BasicAuthDetector", "CloudantDetector",
    "DiscordBotTokenDetector", "GitHubTokenDetector", "GitLabTokenDetector", "IbmCloudIamDetector", "IbmCosHmacDetector",
    "JwtTokenDetector", "MailchimpDetector", "NpmDetector", "OpenAIDetector", "PrivateKeyDetector", "PypiTokenDetector",
    "SendGridDetector", "SlackDetector", "SoftlayerDetector", "SquareOAuthDetector", "StripeDetector",
    "TelegramBotTokenDetector", "TwilioKeyDetector",
)  # fmt: skip
"""All of detect-secrets but public addresses, which are not secrets; the two by entropy have their own limits."""
SETTINGS = {
    "plugins_used": [
        *({"name": name} for name in PLUGINS),
        {"name": "Base64HighEntropyString", "limit": 4.5},
        {"name": "HexHighEntropyString", "limit": 3.0},
        {"name": "KeywordDetector"},
    ],
    "filters_used": [
        {"path": f"detect_secrets.filters.{name}"}
        for name in (
            "allowlist.is_line_allowlisted",
            "heuristic.is_indirect_reference",
            "heuristic.is_likely_id_string",
            "heuristic.is_lock_file",
            "heuristic.is_not_alphanumeric_string",
            "heuristic.is_potential_uuid",
            "heuristic.is_prefixed_with_dollar_sign",
            "heuristic.is_sequential_string",
            "heuristic.is_templated_secret",
        )
    ],
}
"""detect-secrets' own defaults, written out: its entropy limits and filters may change with a release."""
SETTING = re.compile(r"""^\s*(?:export\s+)?(?P<key>[A-Z][A-Z0-9_]{2,})\s*[=:]\s*(?P<value>\S.*?)\s*$""")
YAML_SUFFIXES = (".yml", ".yaml", ".eyaml")
MOST_NAME = 120
"""Characters of a file's name, its end, that its copy is called by."""
NO_VALUE = re.compile(
    r"""^["']?(?:$|\$|<|[\[{(]|\d{1,6}$|[A-Za-z_][\w.]*[\[(]|%|x{3,}|\*{3,}|\.{3}|changeme|change-me|example|placeholder|your[-_ ]|todo|env\(|process\.env|import\.meta|os\.environ|Deno\.env|none\b|null\b|true\b|false\b|embedded\b|postgres(?:ql)?://[^:@/]*@?(?:localhost|127\.0\.0\.1))""",
    re.IGNORECASE,
)
"""What stands where a value would: a reference, a number, a placeholder, an address of this machine without a password."""
NO_PASSWORD = re.compile(
    r"://[^:/@\s]*:(?:password|pass|secret|\.{3}|\*+|x+|<[^>]*>|\$[^@]*|\{[^}]*\}|%s)@"
    r"|://(postgres|root|user|admin|test):\1@(?:localhost|127\.0\.0\.1|\[::1\]|host\.docker\.internal|db|postgres)\b",
    re.IGNORECASE,
)
"""An address as documentation writes it, a word where the password would be; or that of a server on one's own machine."""


ACCEPTED = re.compile(r"pragma:\s*(?:allow|white)list\s+(nextline\s+)?secret", re.IGNORECASE)
"""A comment by which a line is accepted. Source: https://github.com/Yelp/detect-secrets, inline allowlisting."""
CELL_LINE = re.compile(r'\s*("(?:[^"\\]|\\.)*"),?\s*')
KEY_FILES = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*.p12", "*.pfx", ".pgpass", ".netrc", ".git-credentials")
"""Files that hold nothing but credentials, whatever a policy names."""
BY_ENTROPY = ("Base64 High Entropy String", "Hex High Entropy String")
SHORTEST_ALPHABET = 16
IN_ORDER = 0.8
"""Part of a list of characters that stands in its order; of random ones about a half does."""
LOCK_FILES = frozenset(
    {"package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "deno.lock", "Cargo.lock", "go.sum",
     "poetry.lock", "uv.lock", "Pipfile.lock", "composer.lock", "Gemfile.lock", "mix.lock", "flake.lock", "pubspec.lock",
     "Podfile.lock", "Package.resolved", "gradle.lockfile"}
)  # fmt: skip
"""Files that package managers write, full of checksums; every other detector still reads them."""
REFERENCE = re.compile(r"(?:env\(|process\.env|import\.meta\.env|os\.environ|Deno\.env|\$\{?[A-Z_])")
"""How a setting is read from somewhere else."""
DIGEST = re.compile(r"[0-9a-fA-F]{32,128}")
OF_CONTENT = re.compile(
    r"(?:^|[^a-z])(?:sha\d*|md5|digest|hash|checksum|integrity|commit|rev|revision|ref|etag|fingerprint|tree|blob)(?:sum)?\W{1,5}$",
    re.IGNORECASE,
)
"""What stands before a digest that says which content it is of."""
STANDS_FOR = re.compile(
    r"[\"']?(?:change[-_]?me|replace[-_]?me|todo|placeholder|postgres(?:ql)?|x{3,}|\*{3,}|<[^>]*>)[\"']?", re.IGNORECASE
)
"""All of a value that stands for another, or that every local database has."""
IS_NAME = re.compile(r"(?:[a-z](?:Name|Ref|Id|Path|File|Type)|_(?:name|ref|id|path|file|type))[\"']?\s*[:=]\s*[\"']?$")
"""A setting that says where a credential is, or how it is called."""
CHECKSUM = re.compile(r"\bsha(?:1|256|384|512)-[A-Za-z0-9+/]{27,}={0,2}")
"""A checksum as subresource integrity writes it. Source: https://www.w3.org/TR/sri-2/"""


@dataclass(frozen=True, kw_only=True)
class SecretFinding:
    """One place where a credential seems to be."""

    path: str
    line: int
    kind: str


def find_env_files(changes: Mapping[str, str], rules: SecretRules) -> list[SecretFinding]:
    """Return each file that holds credentials by its name, and is there after the branch."""
    return [
        SecretFinding(path=path, line=1, kind="a file of credentials")
        for path, kind in changes.items()
        if kind != "D"
        and matches(PurePosixPath(path).name, [*rules.env_files, *KEY_FILES])
        and not matches(path, rules.allowed_files)
    ]


def find_in_words(messages: Sequence[str], paths: Collection[str]) -> list[SecretFinding]:
    """Return the credentials in a branch's messages and in its files' names, which are as public as its lines."""
    found = [
        SecretFinding(path="a commit's message", line=number, kind=kind)
        for message in messages
        for number, text in enumerate(message.split("\n"), start=1)
        for kind in vendor_kinds(text)
    ]
    return found + [SecretFinding(path="a file's name", line=1, kind=kind) for path in paths for kind in vendor_kinds(path)]


def vendor_kinds(text: str) -> Iterator[str]:
    """Yield the kinds of credentials that are there by their own form."""
    for start, end, kind in find_shapes(text):
        if kind != "value beside a telling name" and not NO_PASSWORD.search(text, max(0, start - 80), end + 80):
            yield kind


def find_secrets(added: Sequence[AddedLine], rules: SecretRules, *, folder: Path) -> list[SecretFinding]:
    """Return each place in the added lines where a credential seems to be, by path and line.

    folder: an empty one, for what the scanner reads: it looks at files, and its rules differ by their names.
    """
    by_path: dict[str, list[AddedLine]] = {}
    for one in added:
        if not matches(one.path, rules.allowed_files):
            by_path.setdefault(one.path, []).append(one)
    texts = {path: [unfold(one) for one in lines if not one.is_raw] for path, lines in by_path.items()}
    found = {*scan_lines({path: lines for path, lines in texts.items() if lines}, folder)}
    for path, lines in by_path.items():
        accepted = find_accepted(lines)
        for one in (one for one in lines if one.line not in accepted):
            kinds = vendor_kinds(one.text) if one.is_raw else (*own_kinds(one.text, rules.keys), *find_encoded(one.text))
            found |= {SecretFinding(path=path, line=one.line, kind=kind) for kind in kinds}
        if PurePosixPath(path).name not in LOCK_FILES:
            near = [SecretFinding(path=path, line=one.line, kind=kind) for one, kind in find_near(texts[path])]
            known = accepted | {one.line for one in found if one.path == path}
            found |= {one for one in near if one.line not in known}
    return sorted(found, key=lambda one: (one.path, one.line, one.kind))


def unfold(one: AddedLine) -> AddedLine:
    """Return a line of a notebook's cell as its author sees it: the file has it in quotes, and its own quotes behind strokes."""
    quoted = CELL_LINE.fullmatch(one.text) if one.path.endswith(".ipynb") else None
    try:
        text = str(load_json(quoted[1])) if quoted else one.text
    except PlainJsonError:
        return one
    return replace(one, text=" ".join(text.splitlines()))


def find_accepted(lines: Sequence[AddedLine]) -> set[int]:
    """Return the lines of a file that a comment accepts, on the line itself or on the one before."""
    marks = [(one.line, mark[1] is not None) for one in lines if (mark := ACCEPTED.search(one.text))]
    return {line + 1 if is_before else line for line, is_before in marks}


def scan_lines(by_path: Mapping[str, Sequence[AddedLine]], folder: Path) -> Iterator[SecretFinding]:
    """Yield what detect-secrets finds in the added lines of each file."""
    with transient_settings(SETTINGS):
        for number, (path, lines) in enumerate(by_path.items()):
            text = "\n".join(one.text for one in lines) + "\n"
            copy = folder / str(number) / scanned_name(path, text)
            copy.parent.mkdir(parents=True)
            copy.write_text(text, encoding="utf-8", errors="replace")
            for secret in scan_file(str(copy)):
                place = lines[min(max(secret.line_number, 1), len(lines)) - 1]
                if is_harmless(secret.type, secret.secret_value or "", path, place.text):
                    continue
                yield SecretFinding(path=path, line=place.line, kind=secret.type)


def is_harmless(kind: str, value: str, path: str, line: str) -> bool:
    """Return whether a finding can't be a credential: by what it is, by its file, or by its line."""
    if kind == "Basic Auth Credentials":
        return bool(NO_PASSWORD.search(line))
    if kind in BY_ENTROPY:
        is_checksum = any(value in match.group(0) for match in CHECKSUM.finditer(line))
        is_named = bool(DIGEST.fullmatch(value)) and bool(OF_CONTENT.search(line.partition(value)[0]))
        return is_alphabet(value) or PurePosixPath(path).name in LOCK_FILES or is_checksum or is_named
    if kind != "Secret Keyword":
        return False
    about = line.partition(value)[0]
    return bool(REFERENCE.match(value) or STANDS_FOR.fullmatch(value) or IS_NAME.search(about)) or names_itself(value, line)


def is_alphabet(value: str) -> bool:
    """Return whether a value is a list of characters to choose from: none twice, and nearly all in their order."""
    rising = sum(first < second for first, second in pairwise(value))
    return len(value) >= SHORTEST_ALPHABET and len(set(value)) == len(value) and rising >= IN_ORDER * (len(value) - 1)


def names_itself(value: str, line: str) -> bool:
    """Return whether a value is the name of its own setting and no credential: `OPENAI_API_KEY: "openai_api_key"`."""
    name, rest = (re.sub(r"[^a-z]+", "", text.lower()) for text in (value, line.replace(value, "", 1)))
    return bool(name) and not any(char.isdigit() for char in value) and name in rest


def scanned_name(path: str, text: str) -> str:
    """Return the name under which lines are scanned: the scanner would load as YAML what is called so, whatever it grows to."""
    name = PurePosixPath(path).name[-MOST_NAME:]
    if not name.lower().endswith(YAML_SUFFIXES):
        return name or "unnamed"
    try:
        load_yaml(text, as_text=True)
    except PlainYamlError:
        return f"{name}.txt"
    return name


def own_kinds(text: str, keys: Sequence[str]) -> Iterator[str]:
    """Yield the kinds of credentials on one line: by the list that a run is struck by, and by the names of the policy."""
    for start, end, kind in find_shapes(text):
        if not NO_PASSWORD.search(text, max(0, start - 80), end + 80):
            yield kind
    setting = SETTING.match(text)
    if setting is None or not any(fnmatchcase(setting["key"], key) for key in keys):
        return
    if not NO_VALUE.match(setting["value"]) and not names_itself(setting["value"], text):
        yield f"a value for {setting['key']}"
