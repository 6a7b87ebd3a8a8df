"""No spelling of a known secret survives, and the shapes of credentials are struck unasked."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core import redact

SECRET = 'p@ss/w"ord&<1>+ü='


@pytest.fixture(autouse=True)
def only_known_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(redact, "_known", set())
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


@given(st.text(min_size=8, max_size=40), st.binary(max_size=7), st.binary(max_size=7))
def test_base64_is_struck_at_any_offset(value: str, before: bytes, after: bytes) -> None:
    known = redact.spellings(value)
    encoded = base64.b64encode(before + value.encode() + after).decode()
    assert any(form in encoded for form in known)


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
    assert not any(shape.search(shown.encode()) for shape in redact.UNMISTAKABLE)
