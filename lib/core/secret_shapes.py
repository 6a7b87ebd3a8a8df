"""What credentials look like, whoever they are of: the one list that striking and the last look both go by.

A shape is a vendor's own form, or a random value beside a name that tells what it is. Digests, commit ids, UUIDs and run ids
are no credentials unless they stand beside such a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

RUN_ID = r"\d{8}T\d{6}Z-[a-z]{4}"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One form of credential. hints: one of these is in every text that has it. The group `secret` is it, else the whole."""

    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the range of each such credential in a text that has one of the hints."""
        group = "secret" if "secret" in self.pattern.groupindex else 0
        for found in self.pattern.finditer(text):
            # Asked here and not by the pattern, which would be ten times as slow for it.
            if group or not found.start() or not text[found.start() - 1].isalnum():
                yield found.span(group)


TOKENS = (
    ("AWS key", "AKIA ASIA ABIA ACCA", r"[A-Z2-7]{16}(?![A-Za-z0-9])"),
    ("Google key", "AIza", r"[\w-]{35}"),
    ("Google key", "GOCSPX-", r"[\w-]{28}"),
    ("Google key", "ya29.", r"[\w-]{20,}"),
    ("Stripe key", "sk_live_ sk_test_ rk_live_ rk_test_", r"[A-Za-z0-9]{10,}"),
    ("Stripe key", "whsec_", r"[A-Za-z0-9+/=]{20,}"),
    ("Slack token", "xoxa- xoxb- xoxc- xoxd- xoxe- xoxo- xoxp- xoxr- xoxs- xoxe.xoxb- xoxe.xoxp- xapp-", r"[A-Za-z0-9%-]{10,}"),
    ("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", r"[A-Za-z0-9_]{16,}"),
    ("GitLab token", "glpat- gldt- glrt- glcbt- glptt- glft- glsoat- glagent-", r"[\w-]{16,}"),
    ("npm token", "npm_", r"[A-Za-z0-9]{36}"),
    ("PyPI token", "pypi-", r"[\w-]{50,}"),
    ("SendGrid key", "SG.", r"[\w-]{16,}\.[\w-]{16,}"),
    ("Mailgun key", "key-", r"[0-9a-f]{32}(?![A-Za-z0-9])"),
    ("Twilio key", "SK", r"[0-9a-f]{32}(?![A-Za-z0-9])"),
    ("Supabase key", "sbp_ sb_secret_", r"[A-Za-z0-9_-]{16,}"),
    ("Fly.io token", "fo1_ fm1a_ fm1r_ fm2_", r"[A-Za-z0-9_=+/-]{16,}"),
    ("model provider's key", "sk-", r"(?:ant-)?(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{20,}"),
    ("HashiCorp Vault token", "hvs. hvb. hvr.", r"[\w-]{20,}"),
    ("Sentry token", "sntrys_ sntryu_", r"[\w=+/-]{32,}"),
    ("DigitalOcean token", "dop_v1_ doo_v1_ dor_v1_", r"[0-9a-f]{64}"),
    ("Shopify token", "shpat_ shpca_ shppa_ shpss_", r"[0-9a-fA-F]{32}"),
    ("Docker token", "dckr_pat_", r"[\w-]{20,}"),
    ("Databricks token", "dapi", r"[0-9a-f]{32}"),
    ("Linear key", "lin_api_", r"\w{32,}"),
    ("Grafana token", "glsa_ glc_", r"[\w=+/-]{28,}"),
    ("Hugging Face token", "hf_", r"[A-Za-z0-9]{30,}"),
    ("New Relic key", "NRAK-", r"[A-Z0-9]{27}"),
    ("Postman key", "PMAK-", r"[0-9a-f-]{40,}"),
    ("Heroku key", "HRKU-", r"[\w-]{30,}"),
    ("PlanetScale token", "pscale_tkn_ pscale_pw_ pscale_oauth_", r"[\w.-]{30,}"),
    ("1Password token", "ops_eyJ", r"[\w-]{40,}"),
    ("Doppler token", "dp.pt. dp.st. dp.ct. dp.sa.", r"[\w.]{30,}"),
    ("Render key", "rnd_", r"[A-Za-z0-9]{28,}"),
    ("Resend key", "re_", r"[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}"),
    ("Atlassian token", "ATATT3", r"[\w=-]{60,}"),
    ("Square token", "EAAA", r"[\w-]{56,}"),
    ("age key", "AGE-SECRET-KEY-1", r"[0-9A-Z]{40,}"),
)
"""Kind, what such tokens start with, and what follows, as each vendor prints them. Source: the vendors' own pages, and
https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml."""

END = r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
FORMS = (
    (
        "address with a password",
        "://",
        r"://[^\s:/@'\"<>\\]*:(?!\d{1,5}[/?#])(?!(?:\[redacted\]|password|\.{3}|\*+|\$\{?\w+\}?|\{\w+\})@)(?P<secret>[^\s'\"<>,]+)@(?=[A-Za-z0-9_.\[{$-])",
    ),
    ("Sentry DSN", "://", r"://(?P<secret>[0-9a-f]{32}(?::[0-9a-f]{32})?)@"),
    ("JSON web token", "eyJ", r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    ("private key", "PRIVATE", rf"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:.*?{END}|[A-Za-z0-9+/=\s\\:,-]*)"),
    ("private key", "Private-Lines:", r"Private-Lines: \d+\s(?P<secret>[A-Za-z0-9+/=\s]{32,})"),
    ("Azure key", "AccountKey= SharedAccessKey=", r"(?:AccountKey|SharedAccessKey)=(?P<secret>[A-Za-z0-9+/]{40,}={0,2})"),
    ("Azure key", "sig=", r"[?&]sig=(?P<secret>[A-Za-z0-9%+/_-]{30,}={0,2})"),
    ("Azure key", "8Q~", r"[\w~.]{3}8Q~[\w~.-]{31,34}"),
    ("webhook", "hooks.slack.com/", r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[\w/-]{20,})"),
    ("webhook", "webhook.office.com/", r"webhook\.office\.com/webhookb2/(?P<secret>[\w@/-]{20,})"),
    ("webhook", "/api/webhooks/", r"/api/webhooks/\d+/(?P<secret>[\w-]{30,})"),
    ("Telegram token", ":AA", r"\d{8,10}:AA[\w-]{33}"),
    ("Mailchimp key", "-us", r"[0-9a-f]{32}-us\d{1,2}\b"),
    (
        "Authorization header",
        "uthorization UTHORIZATION",
        r"(?:[Aa]uthorization|AUTHORIZATION)\\*[\"']?\s*[:=]\s*\\*[\"']?(?:[A-Za-z][\w-]{3,11}\s+)?(?P<secret>(?=\S*\d|\S{16})[\w.~+/=,:-]{8,})",
    ),
    (
        "Authorization header",
        "earer EARER asic BASIC FlyV1 flyv1",
        r"(?:[Bb]earer(?:-API)?|BEARER|[Bb]asic|BASIC|FlyV1|flyv1)\s+(?P<secret>(?=[\w.~+/,-]*\d)[\w.~+/,-]{8,}={0,2})",
    ),
    ("cookie", "ookie COOKIE", r"(?:[Cc]ookie|COOKIE)\\*[\"']?\s*[:=]\s*\\*[\"']?(?P<secret>[\w.-]+=[^\r\n\"'<>\\]{8,})"),
    (
        "PGPASSWORD",
        "PGPASS",
        r"PGPASS(?:WORD|FILE)\s*=\s*(?!\\*[\"']?(?:\[redacted\]|\$))(?P<secret>\"[^\"]+\"|'[^']+'|[^\s\"']+)",
    ),
)
"""Kind, what stands in every text that has one, and the whole form."""

SHAPES: tuple[Shape, ...] = (
    *(
        Shape(kind=kind, hints=(start,), pattern=re.compile(re.escape(start) + rest))
        for kind, starts, rest in TOKENS
        for start in starts.split()
    ),
    *(Shape(kind=kind, hints=tuple(hints.split()), pattern=re.compile(form)) for kind, hints, form in FORMS),
)
"""Each form that is struck out wherever it stands."""
HINTED = tuple((hint, one) for one in SHAPES for hint in one.hints)
"""Hint -> the form that it hints at: most texts have none, and are asked about each of a hundred."""

STEMS = (
    "passw", "passphrase", "pwd", "secret", "token", "apikey", "api_key", "api-key", "access_key", "accesskey", "access-key",
    "private_key", "privatekey", "account_key", "accountkey", "signing_key", "encryption_key", "master_key", "role_key",
    "auth_key", "webhook", "_key", "_dsn",
)  # fmt: skip
"""What a name that tells has in it, in lower case."""
NOT_TELLING = re.compile(
    r"(?:^|[_-])(?:public|publishable|anon|primary|foreign|sort|partition|cache|idempotency|group|dedup\w*)_?key$"
    r"|[_-](?:ids?|type|names?|url|uri|files?|path|hash|digests?|sha\d*|fingerprint|len|length|count|size|age|days|expires?\w*"
    r"|version|at|scheme|format|prefix)$",
    re.I,
)
"""Names that have such a part in them, and are about a credential or no credential at all."""
NAME_SIGN = re.compile(r"[A-Za-z0-9_.-]")
BESIDE = re.compile(
    r"(?P<rest>[A-Za-z0-9_-]{0,40})(?:\\*[\"'])?\]?(?P<sep>\s{0,4}(?::=|=>|==?|:)\s{0,4}|\s{1,4})"
    r"(?:(?P<open>\\*[\"'`])(?:Bearer\s+)?(?P<quoted>[^\"'`\\\r\n]{8,300})(?=\\*[\"'`])|(?P<bare>[^\s\"'`\\<>(){}\[\],;|]{8,300})(?!\())"
)
"""What follows the telling part of a name: the rest of it, what parts it from its value, and the value."""

ORDINARY = re.compile(
    rf"\d{{4}}-?\d\d-?\d\dT[\d:.+Z-]*|{RUN_ID}|.*://.*|[/~$<{{%(].*|.*[$]\{{.*|\[redacted\].*|.*\[redacted\].*", re.S
)
"""Values that are none: moments, runs, addresses, paths, references, and what was struck out already."""
PLAIN_PIECE = re.compile(r"(?:[A-Z]+|[A-Z]?[a-z]+(?:[A-Z][a-z]*)*)?\d{0,3}|\d+")
"""A word, also with a small number after it, or a number."""


def looks_random(value: str) -> bool:
    """Return whether a value is a credential rather than a word, a name, a moment or a path."""
    if len(value) < 8 or ORDINARY.fullmatch(value) or " " in value or value[0] == "-":
        return False
    pieces = [piece for piece in re.split(r"[^A-Za-z0-9]+", value) if piece]
    odd = [piece for piece in pieces if not PLAIN_PIECE.fullmatch(piece)]
    if sum(map(len, odd)) >= 8:
        return any(char.isdigit() for char in value) or len(max(odd, key=len)) >= 16
    signs = sum(char in "!@#$^&*~?" for char in value)
    return signs > 0 and any(map(str.isdigit, value)) and any(map(str.isalpha, value))


@lru_cache(maxsize=4096)
def is_telling(name: str) -> bool:
    """Return whether a name says that its value is a credential."""
    low = name.lower().replace(" ", "_")
    if NOT_TELLING.search(name.replace(" ", "_")):
        return False
    return any(stem in low for stem in STEMS) or low in ("cookie", "set-cookie", "authorization", "proxy-authorization")


def find_named(text: str) -> Iterator[tuple[int, int]]:
    """Yield the range of each random value beside a telling name: `x_token: ...`, `"password": "..."`, `--access-token ...`."""
    low = text.lower()
    if len(low) != len(text):  # a capital whose small letter is two characters
        low = "".join(char.lower() if char.isascii() else char for char in text)
    stems = [stem for stem in STEMS if stem in low]
    for place in sorted({place for stem in stems for place in find_all(low, stem)}):
        found = BESIDE.match(text, place)
        if found is None:
            continue
        first = place
        while first and NAME_SIGN.match(text[first - 1]) and place - first < 60:
            first -= 1
        name = text[first : found.end("rest")]
        if found["sep"].isspace() and not name.startswith("-"):
            continue
        group = "quoted" if found["quoted"] is not None else "bare"
        if is_telling(name) and looks_random(found[group].rstrip(".:!")):
            yield found.span(group)


def find_all(text: str, part: str) -> Iterator[int]:
    """Yield each place where a part of the text starts."""
    place = text.find(part)
    while place >= 0:
        yield place
        place = text.find(part, place + len(part))


def find_shapes(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the range and the kind of everything in the text that has the shape of a credential; ranges may overlap."""
    # No hint has a blank in it, and pages say most words many times: each word is asked about once.
    words = " ".join(set(text.split()))
    for one in dict.fromkeys([shape for hint, shape in HINTED if hint in words]):
        for start, end in one.find(text):
            yield start, end, one.kind
    for start, end in find_named(text):
        yield start, end, "value beside a telling name"
