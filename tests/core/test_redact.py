"""No spelling of a known secret survives, and the shapes of credentials are struck unasked."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lib.core import redact
from lib.core.known_secrets import LOOSE, Needles, firm_bytes
from lib.core.secret_shapes import HINTED, MANY_WORDS, STEMS
from tests.support.spellings import SPELLINGS

SECRETS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp", "Cf")), min_size=8, max_size=60).filter(
    lambda text: sum(map(str.isalnum, text)) >= 4
)
SECRET = 'p@ss/w"ord&<1>+ü='


@pytest.fixture(autouse=True)
def only_known_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(redact, "_known", Needles())
    redact.register_secrets([SECRET])
    yield


@pytest.mark.parametrize(
    "spelled",
    [
        SECRET,
        quote(SECRET, safe=""),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        SECRET.encode().hex(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(b"user:" + SECRET.encode()).decode(),
        SECRET.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;"),
    ],
)
def test_every_spelling_is_struck(spelled: str) -> None:
    struck = redact.redact(f"before {spelled} after")
    assert spelled not in struck
    assert redact.REDACTED in struck
    assert struck.startswith("before ")
    assert struck.endswith(" after")


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://user:hunter2@host:5432/db",
        "Authorization: Bearer abcdefgh12345678",
        "Authorization: Bearer-API abcdefgh12345678",
        "export PGPASSWORD=hunter2",
        'export PGPASSWORD="hunter2 and more"',
        "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.abcdefghijkl",
    ],
)
def test_shapes_of_credentials_are_struck_unasked(text: str) -> None:
    struck = redact.redact(text)
    assert redact.REDACTED in struck
    assert "hunter2" not in struck
    assert "abcdefgh" not in struck


def test_ordinary_text_is_left_alone() -> None:
    text = "select * from public.ideas where id = 'a:b@c' -- postgresql://host/db"
    assert redact.redact(text) == text


def test_a_value_too_short_to_be_a_secret_strikes_nothing() -> None:
    redact.register_secrets(["abc"])
    assert redact.redact("abc of it") == "abc of it"


def test_nested_values_and_keys_are_struck() -> None:
    assert redact.redact_all({SECRET: [SECRET, 1, None, {"a": SECRET}]}) == {
        redact.REDACTED: [redact.REDACTED, 1, None, {"a": redact.REDACTED}]
    }


def test_a_file_with_a_secret_is_found() -> None:
    assert redact.find_secrets(b"x" + SECRET.encode() + b"y") == 1
    assert redact.find_secrets(b"nothing here") == 0


def test_what_was_redacted_is_no_credential_any_more() -> None:
    """A page that shows an address without its password is no leak."""
    shown = redact.redact("postgresql://postgres:hunter2hunter2@127.0.0.1:5432/postgres")
    assert shown == f"postgresql://postgres:{redact.REDACTED}@127.0.0.1:5432/postgres"
    assert redact.redact(shown) == shown
    assert redact.find_secrets(shown.encode()) == 0


@given(st.text(max_size=300), st.lists(st.text(min_size=6, max_size=30), max_size=4))
def test_redacting_never_raises_and_changes_nothing_the_second_time(text: str, secrets: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redact, "_known", Needles())
        redact.register_secrets(secrets)
        once = redact.redact(text + "".join(secrets))
        assert redact.redact(once) == once
        assert redact.find_credentials(once) == []


@given(SECRETS, st.sampled_from(sorted(SPELLINGS)), st.text(max_size=20), st.text(max_size=20))
@example("000000¡¡¡¡¡ĀĀĀĀĀ¡ĀĀ𐀀𐀀𐀀𐀀¡Â¡", "YAML, double quotes", "", "")  # its last escapes are UTF-8 of another sign
@example("Ã©Ã©Ã©Ã©Ã©", "Python, ASCII", "", "")
@settings(max_examples=400, deadline=None)
def test_no_spelling_of_a_secret_survives(value: str, spelling: str, before: str, after: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redact, "_known", Needles())
        redact.register_secrets([value])
        spelled = SPELLINGS[spelling](value)
        assert redact.REDACTED in redact.redact(f"{before} {spelled} {after}")
        assert redact.find_credentials(f"{before} {spelled} {after}")


@pytest.mark.parametrize(
    "text",
    [
        "The secret is kept in the vault; see docs/credentials.md",
        "token: expired_at",
        "password=None",
        "api_key: ${{ secrets.PUBLER_API_KEY }}",
        "commit 14f81b0c9f0f3a4d5e6f708192a3b4c5d6e7f809",
        "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "run 20261123T114500Z-abcd of 2026-11-23T11:45:00Z",
        "id 123e4567-e89b-12d3-a456-426614174000",
        "public_key: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "secret_name: CHATWOOT_API_TOKEN_2",
        "Basic authentication and a Bearer credential",
        "https://host:8080/path?mail=a@b.example",
        "set it to smtp://user:password@host:587",
        "primary_key: idea_id_v2 secret_id=ab12cd34ef56",
        "token = read_token(path1)",
        'ETag: W/"33a64df551425fcc55e4d42a148795d9f25f89d4"',
        "https://hooks.slack.com/services/",
        "task-runner-with-a-long-name-2-Xy",
    ],
)
def test_ordinary_words_digests_and_ids_are_left_alone(text: str) -> None:
    assert redact.redact(text) == text


KEY = "9f1c7e0b5a3d"  # no vendor's: what follows is put together here, so that no scanner of a repository takes it for real


CREDENTIALS = [
    f"AKIA{'ABCDEFGH23456777'}",
    f"AIza{'Sy' + KEY * 3}"[:39],
    f"sk_live_{KEY}{KEY}",
    f"xoxb-{KEY}-{KEY}",
    f"https://hooks.slack.com/services/T{KEY}/B{KEY}/{KEY}{KEY}",
    f"https://acme.webhook.office.com/webhookb2/{KEY}-{KEY}@{KEY}/IncomingWebhook/{KEY}",
    f"https://discord.com/api/webhooks/123456789012345678/{KEY}{KEY}{KEY}",
    f"npm_{KEY}{KEY}{KEY}",
    f"pypi-AgEIcHlwaS5vcmc{KEY * 4}",
    f"SG.{KEY}{KEY}.{KEY}{KEY}",
    f"key-{KEY}{KEY}{KEY[:8]}",
    f"SK{KEY}{KEY}{KEY[:8]}",
    f"ghp_{KEY}{KEY}",
    f"github_pat_{KEY}_{KEY}",
    f"ghs_{KEY}{KEY}",
    f"glpat-{KEY}{KEY}",
    f"sbp_{KEY}{KEY}",
    f"sb_secret_{KEY}{KEY}",
    f"FlyV1 fm2_{KEY}{KEY}",
    f"fo1_{KEY}{KEY}",
    f"sk-proj-A{KEY}{KEY}",
    f"sk-ant-api03-A{KEY}{KEY}",
    f"hvs.{KEY}{KEY}",
    f"https://{KEY}{KEY}{KEY[:8]}@o1234.ingest.sentry.io/42",
    f"chatwoot_api_token: {KEY}{KEY}",
    f'{{"api_key": "{KEY}{KEY}"}}',
    f"export PUBLER_SECRET={KEY}",
    f"fly secrets set --access-token {KEY}",
    "DB_PASSWORD: Tr0ub4dor&3!",
    f'{{\\"token\\": \\"{KEY}\\"}}',
    f"Set-Cookie: session={KEY}{KEY}; HttpOnly",
    f"Authorization: Basic {KEY}{KEY}",
    f"AccountKey={KEY * 5}==",
    f"https://x.blob.core.windows.net/a?sv=1&sig={KEY}{KEY}{KEY}%3D",
    f"-----BEGIN OPENSSH PRIVATE KEY-----\\n{KEY}\\n-----END OPENSSH PRIVATE KEY-----\\n",
    f"-----BEGIN EC PRIVATE KEY-----\n{KEY}\n{KEY}",
    f"postgresql://app:p@ss{KEY}@db.example.com/app",
]


@pytest.mark.parametrize("text", CREDENTIALS)
def test_each_shape_is_struck_and_found(text: str) -> None:
    struck = redact.redact(f"before it {text} after it")
    assert redact.REDACTED in struck and KEY not in struck.replace("smtp", "")
    assert struck.startswith("before it ") and redact.find_secrets(text.encode()) >= 1
    assert redact.find_secrets(struck.encode()) == 0


@pytest.mark.parametrize("text", CREDENTIALS)
@pytest.mark.parametrize("blank", [" ", "\n", "\u2003"])
def test_each_shape_is_struck_in_a_long_text_of_words_that_come_again(text: str, blank: str) -> None:
    filled = f"{'a word of a page ' * 500}{blank}{text}{blank}{'another word ' * 500}"
    assert len(filled) > 2 * MANY_WORDS
    struck = redact.redact(filled)
    assert redact.REDACTED in struck and KEY not in struck.replace("smtp", "") and "Tr0ub4dor" not in struck


def test_what_tells_of_a_shape_is_part_of_one_word() -> None:
    assert [part for part in (*STEMS, *(hint for hint, _ in HINTED)) if len(part.split()) != 1] == []


def test_a_random_value_is_struck_by_the_key_that_it_stands_under() -> None:
    assert redact.redact_all({"api_token": "9f1c7e0b5a3d", "sha256": "9f1c7e0b5a3d"}) == {
        "api_token": redact.REDACTED,
        "sha256": "9f1c7e0b5a3d",
    }


def test_a_text_that_a_notebook_keeps_in_lines_is_struck_over_their_ends() -> None:
    lines = ["-----BEGIN PRIVATE KEY-----\n", "abc\n", "-----END PRIVATE KEY-----\n", "and more"]
    assert redact.redact_all(lines) == [f"{redact.REDACTED}\n", "and more"]


def test_the_parts_that_give_an_address_away_are_struck_alone() -> None:
    redact.register_secrets(["https://hooks.example.com/T024f/xK9fLq27bZ"])
    assert redact.redact("posted to xK9fLq27bZ") == f"posted to {redact.REDACTED}"


def test_a_text_seen_before_is_struck_once_its_secret_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "_known", Needles())
    text = "the word is gingerbread-castle"
    assert redact.redact(text) == text
    redact.register_secrets(["gingerbread-castle"])
    assert redact.redact(text) == "the word is [redacted]"
    monkeypatch.setattr(redact, "_known", Needles())
    assert redact.redact(text) == text


@given(
    st.text(alphabet=st.sampled_from("ab'\\ \x85\xa0\xad\u061c\u180e\u200b\u2013\u2028\u2060\u2070\ufeff\ufffdé✓"), max_size=40)
    | st.text(alphabet=st.characters(max_codepoint=0xFF), max_size=40)
)
def test_firm_bytes_are_the_text_without_its_loose_signs(text: str) -> None:
    assert firm_bytes(text) == "".join(sign for sign in text if sign not in LOOSE).encode()
