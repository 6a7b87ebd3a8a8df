"""What breaks inside a part of ours is answered at once, noted, and said to be ours: never a finding, never a wait."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import smtplib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn

from lib.core.background import Background
from lib.core.breakages import MOST_NOTES, Breakage, breakages_since, note_breakage, read_breakages
from lib.core.errors import WorkbookError
from lib.core.paths import ROOT
from lib.embedded.fly.control import Broken, Refused, call
from lib.embedded.fly.start import EmbeddedFly, Switches, start_fly
from lib.embedded.postgres.server import start_postgres
from lib.embedded.state_folders import state_base
from lib.embedded.vendors.chatwoot import Chatwoot
from lib.embedded.vendors.fake_server import StandIn
from lib.embedded.vendors.github import GitHubStandIn
from lib.embedded.vendors.mail import MailSink
from lib.embedded.vendors.publer import Publer
from lib.embedded.vendors.vault import VaultStandIn
from tests.support.fly_worlds import APP, flyctl

OURS = "This is a bug of ours, not a finding about the project."


def wait_for(found: Callable[[], list[Breakage]]) -> list[Breakage]:
    """Return what is found as soon as there is something, or nothing after a generous while."""
    deadline = time.monotonic() + 20
    while not found() and time.monotonic() < deadline:
        time.sleep(0.01)
    return found()


@pytest.fixture
def fly() -> Iterator[EmbeddedFly]:
    folder = state_base(ROOT) / f"tests-fly-{secrets.token_hex(4)}"
    with start_fly(folder, pack=ROOT / "pack", secrets={}, switches=Switches()) as standing:
        yield standing


def test_an_operation_that_raises_is_answered_with_what_broke(fly: EmbeddedFly) -> None:
    with pytest.raises(Broken, match=r"The Fly.io stand-in broke: TypeError: .*nonsense.*This is a bug of ours"):
        call(fly.data_dir, "app", nonsense=1)
    (note,) = read_breakages(fly.work)
    assert note.target == "fly" and "Traceback" in note.traceback and not note.is_final


def test_an_app_that_is_not_there_is_no_breakage(fly: EmbeddedFly) -> None:
    with pytest.raises(Refused):
        call(fly.data_dir, "app", name="nobody")
    assert read_breakages(fly.work) == []


def test_an_answer_that_is_no_json_is_answered_too(fly: EmbeddedFly, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib.embedded.fly.control.json.dumps", lambda _: "x" * 10)
    with pytest.raises(Broken, match=r"got no answer|JSONDecodeError"):
        call(fly.data_dir, "app", name=APP)


def test_a_machine_whose_own_task_broke_is_told_by_flyctl(fly: EmbeddedFly) -> None:
    shutil.rmtree(fly.data_dir / "logs")
    flyctl(fly, "status", "--app", APP)  # starts the machines
    assert wait_for(lambda: read_breakages(fly.work))
    done = flyctl(fly, "status", "--app", APP)
    assert done.returncode == 70
    assert done.stderr.startswith("Error: The Fly.io stand-in broke: FileNotFoundError:") and OURS in done.stderr


def test_a_platform_that_was_killed_is_noted_and_told(fly: EmbeddedFly) -> None:
    assert fly._process is not None
    os.kill(fly._process.pid, signal.SIGKILL)
    (note,) = wait_for(lambda: read_breakages(fly.work))
    assert note.is_final and "its process was ended by signal 9" in note.sentence
    done = flyctl(fly, "status", "--app", APP)
    assert done.returncode == 70 and OURS in done.stderr


def test_a_platform_that_is_stopped_leaves_no_note(base: Path) -> None:
    work = base / "work"
    start_fly(base / "fly", pack=ROOT / "pack", secrets={}, switches=Switches(), work=work).stop()
    assert read_breakages(work) == []


def test_a_database_that_was_killed_is_noted(base: Path, tmp_path: Path) -> None:
    with start_postgres(base / "state", tools=ROOT / ".tools") as server:
        server.work = tmp_path
        assert server._process is not None
        os.kill(server._process.pid, signal.SIGKILL)
        (note,) = wait_for(lambda: read_breakages(tmp_path))
        assert note.target == "database" and note.is_final
    assert len(read_breakages(tmp_path)) == 1


async def explode(*_: Any, **__: Any) -> Any:
    raise KeyError("a bug of the test's")


def make(kind: str, folder: Path) -> tuple[StandIn, str, dict[str, str]]:
    """Return a stand-in, a path of it, and the headers that open it."""
    if kind == "chatwoot":
        chatwoot = Chatwoot(folder=folder)
        return chatwoot, "/api/v1/profile", {"api_access_token": chatwoot.token}
    if kind == "publer":
        publer = Publer(folder=folder)
        return publer, "/users/me", {"Authorization": f"Bearer-API {publer.token}"}
    if kind == "github":
        github = GitHubStandIn(slug="a/b", environments=[], folder=folder)
        return github, "/repos/a/b/actions/secrets", {"Authorization": f"Bearer {github.token}"}
    if kind == "vault":
        vault = VaultStandIn(folder=folder)
        return vault, "/v1/secret/data/x", {"X-Vault-Token": vault.token}
    webhook = MailSink(folder=folder / "mail").webhook
    return webhook, webhook.path, {}


@pytest.mark.parametrize("kind", ["chatwoot", "publer", "github", "vault", "mail"])
def test_a_vendor_whose_handler_raises_says_so(kind: str, tmp_path: Path) -> None:
    one, path, headers = make(kind, tmp_path)
    for endpoint in one.endpoints:
        object.__setattr__(endpoint, "handler", explode)
    with one:
        answer = httpx.request("POST" if kind == "mail" else "GET", one.base_url + path, headers=headers, json=None)
    assert answer.status_code == 501
    assert "broke: KeyError: 'a bug of the test's'" in answer.text.replace('"', "'") and OURS in answer.text
    (note,) = read_breakages(tmp_path)
    assert note.target == kind and "explode" in note.traceback


@pytest.mark.parametrize("kind", ["chatwoot", "publer", "github", "vault", "mail"])
def test_a_vendor_that_answers_leaves_no_note(kind: str, tmp_path: Path) -> None:
    one, path, headers = make(kind, tmp_path)
    with one:
        assert (
            httpx.request("POST" if kind == "mail" else "GET", one.base_url + path, headers=headers, json={}).status_code != 501
        )
    assert read_breakages(tmp_path) == []


def test_a_mail_server_whose_handler_raises_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MailSink, "handle_MAIL", explode)
    with MailSink(folder=tmp_path / "mail") as sink:
        parts = urlsplit(sink.parts["url"])
        with smtplib.SMTP(str(parts.hostname), parts.port or 0, timeout=10) as client:
            client.login(str(parts.username), str(parts.password))
            code, said = client.mail("a@example.com")
    assert code == 451 and OURS in said.decode()
    assert [note.target for note in read_breakages(tmp_path)] == ["mail"]


def test_a_server_that_can_not_start_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn.Server, "serve", explode)
    started = threading.Event()
    with pytest.raises(WorkbookError, match="The Publer stand-in broke: KeyError"), Publer(folder=tmp_path):
        started.set()
    assert not started.is_set()


def test_a_final_note_holds_for_every_later_look(tmp_path: Path) -> None:
    note_breakage(tmp_path, "fly", ValueError("once"))
    known = {one.name for one in read_breakages(tmp_path)}
    assert breakages_since(tmp_path, known, ["fly"]) == []
    note_breakage(tmp_path, "fly", "its process ended", is_final=True)
    known = {one.name for one in read_breakages(tmp_path)}
    assert [one.is_final for one in breakages_since(tmp_path, known, ["fly"])] == [True]
    assert breakages_since(tmp_path, known, ["mail"]) == []


def test_notes_of_many_threads_are_all_kept_up_to_a_limit(tmp_path: Path) -> None:
    writers = [Background(lambda: note_breakage(tmp_path, "mail", "again"), name="writer") for _ in range(MOST_NOTES + 5)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.finish()
    assert len(read_breakages(tmp_path)) == MOST_NOTES


def test_a_thread_gives_back_what_it_raised() -> None:
    seen: list[BaseException] = []
    thread = Background(lambda: [][0], name="broken", on_failure=seen.append)
    thread.start()
    with pytest.raises(IndexError):
        thread.finish(10)
    assert isinstance(seen[0], IndexError)


def test_a_thread_that_never_started_is_finished() -> None:
    Background(lambda: None, name="unused").finish()
