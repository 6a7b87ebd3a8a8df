"""A dry run really delivers, says where the message is, and changes no incident."""

from __future__ import annotations

import email
import email.policy
import json
from pathlib import Path

import pytest

from lib.cli.notify_dry_run import notify_dry_run
from lib.core.errors import ParamsError, TargetError


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STRICT", "NOTIFY_EMAIL", "EVIDENCE_URL", "STAGING_SMTP_URL", "STAGING_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_the_message_arrives_and_is_kept_as_received(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert notify_dry_run("staging", rendered=tmp_path) == 0
    [kept] = tmp_path.glob("*/staging/dry_runs/*/artifacts/health/notification.eml")
    message = email.message_from_bytes(kept.read_bytes(), policy=email.policy.default)
    assert message["Subject"] == "[staging] Dry run: Chatwoot failing"
    assert message["Delivered-To"] == "justin@hotrodan.com"
    said = capsys.readouterr().out
    assert str(kept) in said
    assert "nothing left this machine" in said
    [line] = [json.loads(text) for text in (kept.parents[2] / "evidence.jsonl").read_text().splitlines()]
    assert (line["check"], line["result"], line["provenance"]) == ("health.notification_delivered", "pass", "simulated")


def test_it_is_no_run(tmp_path: Path) -> None:
    notify_dry_run("staging", rendered=tmp_path)
    assert not any(tmp_path.glob("*/staging/latest"))
    assert not (tmp_path / "history.sqlite").exists()


def test_notify_email_says_whom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_EMAIL", "someone@example.com")
    notify_dry_run("staging", rendered=tmp_path)
    [kept] = tmp_path.glob("*/staging/dry_runs/*/artifacts/health/notification.eml")
    assert b"To: someone@example.com" in kept.read_bytes()


def test_strict_refuses_a_rehearsal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRICT", "1")
    with pytest.raises(ParamsError, match="STRICT is set"):
        notify_dry_run("staging", rendered=tmp_path)


def test_a_mail_server_that_is_not_named_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGING_DATABASE_URL", "postgresql://x@localhost/y")
    with pytest.raises(TargetError, match="STAGING_SMTP_URL is not set"):
        notify_dry_run("staging", rendered=tmp_path)


def test_a_live_mail_server_that_is_not_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STAGING_SMTP_URL", "smtp://user:hunter2-password@127.0.0.1:9")
    assert notify_dry_run("staging", rendered=tmp_path) == 2
    said = capsys.readouterr().out
    assert "the connection was refused" in said
    assert "hunter2-password" not in said
