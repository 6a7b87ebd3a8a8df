"""The health scripts have two doors and one truth: with Node they say what they say with bash, of each fault, word by word."""

from __future__ import annotations

import http.server
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lib.clients.npm import find_npm
from lib.embedded.vendors.chatwoot import Chatwoot
from lib.embedded.vendors.publer import Publer
from tests.pack.test_ops_scripts import HURRIED, ONCE, SCRIPTS, without_what_varies

CHATWOOT_FAULTS = [
    "none", "refused", "dns", "wrong_certificate", "hang_up", "slow", "truncated", "reset", "html", "not_json", "too_large",
    "redirect_elsewhere", "expired_token", "forbidden", "not_found", "rate_limited", "server_error", "unavailable",
    "missing_field", "failing_queue", "failing_data", "old_version", "suspended_account", "no_inboxes",
    "agent_in_no_inbox", "reauthorization",
]  # fmt: skip
PUBLER_FAULTS = [
    "none", "refused", "html", "not_json", "expired_token", "forbidden", "rate_limited", "missing_field", "other_workspace",
    "no_accounts",
]  # fmt: skip
ODD_BODIES = [
    "", "null", "[]", "{}", '"woot"', "[[1, 2], {}]", '{"status": null}', '{"status": true}', '{"status": {"a": {}}}',
    '{"status": "woot", "status": "bad"', "\ufeff{}", "  <html>", '{"id": {}, "name": []}',
    '{"accounts": [], "payload": [], "role": "agent"}',
    '{"accounts": [{"id": 1, "status": {}, "role": "agent"}, 7], "payload": {}}',
    '[{"id": "w-1", "name": "a", "plan": null}, {"id": 5}]', "[" * 70 + "]" * 70, '{"version": "4.1", "timestamp": "soon"}',
    '{"queue_services": "ok", "data_services": "ok", "version": "14.2", "timestamp": "2025-10-17 12:00:00"}',
    '{"payload": [{"id": 3, "name": "x", "channel_type": "y", "reauthorization_required": true}, {"id": 4}]}',
]  # fmt: skip
"""What no vendor answers, and a script must read as the other does. Bash alone tells a string's escapes as they came."""

AWAY = re.compile(r"(\d+) s away from ours")
"""How far a server's clock is from this machine's, s."""


def run_node(name: str, variables: Mapping[str, str], **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a script on a PATH with node and nothing else."""
    _, folders = find_npm()
    node = folders[0] / "node" if folders else Path("node")
    return subprocess.run(
        [node, SCRIPTS / name], env={"PATH": os.environ["PATH"], **ONCE, **variables, **changes}, capture_output=True, text=True
    )


def run_bash(name: str, variables: Mapping[str, str], **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPTS / name], env={"PATH": os.environ["PATH"], **ONCE, **variables, **changes}, capture_output=True, text=True
    )


def assert_same(service: str, variables: Mapping[str, str], **changes: str) -> Any:
    """Assert that both doors say the same, and return what they say."""
    bash = run_bash(f"check-{service}-health.sh", variables, **changes)
    node = run_node(f"check-{service}-health.mjs", variables, **changes)
    assert (node.returncode, node.stderr) == (bash.returncode, bash.stderr)
    if not bash.stdout:
        assert node.stdout == ""
        return None
    away = [[int(number) for number in AWAY.findall(one.stdout)] for one in (node, bash)]
    assert away[0] == pytest.approx(away[1], abs=10)  # they look at the clock one after the other
    ours, theirs = (json.loads(AWAY.sub("", one.stdout)) for one in (node, bash))
    assert without_what_varies(ours) == without_what_varies(theirs)
    assert [set(one) for one in ours["answers"]] == [set(one) for one in theirs["answers"]]
    assert [set(one["headers"]) for one in ours["answers"]] == [set(one["headers"]) for one in theirs["answers"]]
    return ours


def chatwoot_variables(url: str, token: str = "a-token-of-nobody") -> dict[str, str]:
    return {"CHATWOOT_URL": url, "CHATWOOT_API_TOKEN": token, "CHATWOOT_ACCOUNT_ID": "1"}


def publer_variables(url: str, token: str = "a-key-of-nobody", workspace: str = "w-1") -> dict[str, str]:
    return {"PUBLER_URL": url, "PUBLER_API_KEY": token, "PUBLER_WORKSPACE_ID": workspace}


@pytest.mark.parametrize("fault", CHATWOOT_FAULTS)
def test_of_chatwoot_both_say_the_same(tmp_path: Path, fault: str) -> None:
    with Chatwoot(fault=fault, folder=tmp_path) as one:
        said = assert_same("chatwoot", chatwoot_variables(one.base_url, one.token), **(HURRIED if fault == "slow" else {}))
        assert not any(secret in json.dumps(said) for secret in one.planted)
    assert {one["result"] for one in said["results"]} == {"pass"} if fault == "none" else said["results"]


@pytest.mark.parametrize("fault", PUBLER_FAULTS)
def test_of_publer_both_say_the_same(tmp_path: Path, fault: str) -> None:
    with Publer(fault=fault, folder=tmp_path) as one:
        said = assert_same("publer", publer_variables(one.base_url, one.token, one.parts["workspace"]))
        assert one.token not in json.dumps(said)


def test_both_wait_for_a_short_retry_after(tmp_path: Path) -> None:
    for run, end in ((run_bash, "sh"), (run_node, "mjs")):
        with Publer(fault="rate_limited_once", folder=tmp_path / end) as one:
            variables = publer_variables(one.base_url, one.token, one.parts["workspace"])
            done = run(f"check-publer-health.{end}", variables, ATTEMPTS="2", DEADLINE_S="10")
        assert (done.returncode, {one["tried"] for one in json.loads(done.stdout)["answers"]}) == (0, {2})


def test_a_dripping_answer_ends_with_the_deadline(tmp_path: Path) -> None:
    with Publer(fault="slow_drip", folder=tmp_path) as one:
        assert_same("publer", publer_variables(one.base_url, one.token, one.parts["workspace"]), **HURRIED)


def test_tries_are_told_alike(tmp_path: Path) -> None:
    with Chatwoot(fault="unavailable", folder=tmp_path) as one:
        said = assert_same("chatwoot", chatwoot_variables(one.base_url, one.token), ATTEMPTS="2")
    assert said["results"][0]["detail"] == "GET /health: server error, asked 2 times."


@contextmanager
def saying(body: str) -> Iterator[str]:
    """Yield the address of a server that answers everything with this body."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = body.encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("body", ODD_BODIES, ids=range(len(ODD_BODIES)))
def test_an_odd_answer_is_read_alike(body: str) -> None:
    with saying(body) as url:
        said = assert_same("chatwoot", chatwoot_variables(url))
        assert {one["result"] for one in said["results"]} <= {"fail", "pass", "error"}
        assert_same("publer", publer_variables(url))


@pytest.mark.parametrize("versions", ["4.*", "3.* 14.?", "1[34].*", "1[!4].2", "*"])
def test_versions_are_patterns_of_a_shell_in_both(versions: str) -> None:
    with saying('{"version": "14.2", "timestamp": "2025-10-17 12:00:00"}') as url:
        assert_same("chatwoot", chatwoot_variables(url), CHATWOOT_VERSIONS=versions, MAX_CLOCK_SKEW_S="9999999999")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"CHATWOOT_API_TOKEN": ""}, "CHATWOOT_API_TOKEN is not set"),
        ({"CHATWOOT_API_TOKEN": "x\nEvil: 1"}, "holds a control character"),
        ({"CHATWOOT_URL": "http://chat.example.com"}, "has no TLS"),
        ({"CHATWOOT_URL": "http://127.0.0.1.example.com"}, "has no TLS"),
        ({"CHATWOOT_URL": "https://"}, "has no TLS"),
        ({"CHATWOOT_ACCOUNT_ID": "1/../2"}, "is not a number"),
    ],
)
def test_wrong_input_is_the_same_sentence_and_exit_2(changes: dict[str, str], said: str) -> None:
    variables = {**chatwoot_variables("http://127.0.0.1:9"), **changes}
    assert assert_same("chatwoot", variables) is None
    done = run_node("check-chatwoot-health.mjs", variables)
    assert (done.returncode, said in done.stderr, len(done.stderr.splitlines())) == (2, True, 1)


def test_nothing_but_node_itself_is_imported() -> None:
    for path in SCRIPTS.glob("*.mjs"):
        wanted = [line.rpartition(" from ")[2] for line in path.read_text().splitlines() if line.startswith("import ")]
        assert wanted and all(one.startswith(('"node:', '"./')) for one in wanted), path.name
