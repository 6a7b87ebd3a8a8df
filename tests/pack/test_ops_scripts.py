"""The scripts for a machine without Python say of each fault what the workbook says, and show no token."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lib.clients.chatwoot import chatwoot_probes, chatwoot_site, clock_problems, hide_from_agents
from lib.clients.probe import Reading, read_answer
from lib.clients.publer import publer_probes, publer_site
from lib.core.busyness import QUIET
from lib.core.paths import ROOT
from lib.core.results import Check
from lib.embedded.vendors.chatwoot import Chatwoot
from lib.embedded.vendors.mail import MailSink
from lib.embedded.vendors.publer import Publer
from lib.run.params import load_params
from lib.tasks.health.looks import CHATWOOT, PUBLER, findings_of
from lib.transport.context import Service
from lib.transport.retry import Limit, RetryPolicy
from lib.transport.web import ask

SCRIPTS = ROOT / "pack" / "scripts" / "ops"
ONCE = {"TIMEOUT_S": "5", "DEADLINE_S": "10", "ATTEMPTS": "1"}
HURRIED = {"TIMEOUT_S": "1", "DEADLINE_S": "2"}
"""For faults that take time; else a busy machine would look like one."""
PROGRAMS = ("bash", "curl", "cat", "date", "env", "grep", "head", "mktemp", "rm", "sleep", "tail", "tr", "wc")
"""All that the scripts may need: no Python, awk, sed or jq."""
SETTINGS = load_params("local", variables={}).sections["health"]
EXIT_CODES = {"pass": 0, "fail": 1, "error": 2}

pytestmark = pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="bash or curl is not here")


@pytest.fixture(scope="module", autouse=True)
def bare_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Let the scripts run on a PATH with their programs and nothing else."""
    folder = tmp_path_factory.mktemp("bin")
    for name in PROGRAMS:
        found = shutil.which(name)
        assert found, f"{name} is needed for these tests"
        (folder / name).symlink_to(found)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BARE_PATH", str(folder))
        yield folder


def run_script(name: str, variables: Mapping[str, str], argument: str = "", **changes: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["BARE_PATH"], **ONCE, **variables, **changes}
    return subprocess.run([SCRIPTS / name, *([argument] if argument else [])], env=environment, capture_output=True, text=True)


MESSAGE = {"NOTIFY_EMAIL": "ann@example.com,bob@example.com"}


def test_a_failure_is_mailed_to_every_person(tmp_path: Path) -> None:
    with MailSink(folder=tmp_path / "mail") as sink:
        said = subprocess.run(
            [SCRIPTS / "notify-failure.sh", "Health check of staging", "https://ci.example.com/1"],
            env={"PATH": os.environ["BARE_PATH"], **MESSAGE, "SMTP_URL": sink.parts["url"]},
            capture_output=True,
            text=True,
        )
        assert said.returncode == 0, said.stderr
        assert sink.password not in said.stdout + said.stderr
    [kept] = (tmp_path / "mail").glob("*.eml")
    text = kept.read_text()
    assert "Subject: Health check of staging failed" in text
    assert "ann@example.com,bob@example.com" in text
    assert "https://ci.example.com/1" in text


def test_a_mail_server_that_does_not_take_it_fails_the_script(tmp_path: Path) -> None:
    with MailSink(fault="rejects_recipient", folder=tmp_path / "mail") as sink:
        said = run_script("notify-failure.sh", {**MESSAGE, "SMTP_URL": sink.parts["url"]}, argument="x")
        assert said.returncode == 1
        assert "Nobody was notified" in said.stderr
        assert sink.password not in said.stderr


@pytest.mark.parametrize(
    ("variables", "argument", "named"),
    [
        ({"SMTP_URL": "smtp://h"}, "x", "NOTIFY_EMAIL is not set"),
        ({**MESSAGE}, "x", "SMTP_URL is not set"),
        ({**MESSAGE, "SMTP_URL": "https://h"}, "x", "no address of a mail server"),
        ({**MESSAGE, "SMTP_URL": "smtp://h"}, "", "What failed is not said"),
    ],
)
def test_what_is_missing_is_named_before_anything_is_sent(variables: dict[str, str], argument: str, named: str) -> None:
    said = run_script("notify-failure.sh", variables, argument=argument)
    assert said.returncode == 2
    assert named in said.stderr


def patience_for(fault: str) -> RetryPolicy:
    timeout_s, deadline_s = (1, 2) if fault == "slow" else (5, 10)
    return RetryPolicy(attempts=1, timeout_s=timeout_s, deadline_s=deadline_s, max_body_bytes=1_000_000, max_retry_after_s=0)


def ask_chatwoot(one: Chatwoot, **changes: str) -> subprocess.CompletedProcess[str]:
    variables = {"CHATWOOT_URL": one.base_url, "CHATWOOT_API_TOKEN": one.token, "CHATWOOT_ACCOUNT_ID": "1"}
    return run_script("check-chatwoot-health.sh", variables, **changes)


def ask_publer(one: Publer, **changes: str) -> subprocess.CompletedProcess[str]:
    variables = {"PUBLER_URL": one.base_url, "PUBLER_API_KEY": one.token, "PUBLER_WORKSPACE_ID": one.parts["workspace"]}
    return run_script("check-publer-health.sh", variables, **changes)


def told(done: subprocess.CompletedProcess[str]) -> dict[str, tuple[str, Any]]:
    return {one["check"]: (one["result"], one["observed"]) for one in json.loads(done.stdout)["results"]}


def without_what_varies(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON without times, sizes of what was cut off, and bodies, which the scripts never tell."""
    varies = ("asked_at", "elapsed_ms", "size_bytes", "body", "headers")
    return {**said, "answers": [{name: one[name] for name in one if name not in varies} for one in said["answers"]]}


def workbook_says_of_chatwoot(one: Chatwoot) -> Any:
    service = Service(name="chatwoot", parts=one.parts)
    probes = chatwoot_probes(service, SETTINGS.chatwoot)
    answers = ask(chatwoot_site(service, patience_for(one.fault)), [probe.question for probe in probes], concurrency=1)
    readings = []
    for probe, answer in zip(probes, answers, strict=True):
        reading = read_answer(probe, answer)
        if probe.name == "services":
            late = clock_problems(answer, reading.body, max_skew_s=SETTINGS.chatwoot.max_clock_skew_s)
            reading = read_answer(probe, answer, late)
        readings.append(reading)
    return kept("chatwoot", CHATWOOT, hide_from_agents(readings, one.parts["account"]))


def workbook_says_of_publer(one: Publer) -> Any:
    service = Service(name="publer", parts=one.parts)
    probes = publer_probes(service, SETTINGS.publer)
    site = publer_site(service, patience_for(one.fault), Limit(requests=100, window_s=120))
    answers = ask(site, [probe.question for probe in probes], concurrency=1)
    return kept("publer", PUBLER, [read_answer(probe, answer) for probe, answer in zip(probes, answers, strict=True)])


def kept(service: str, checks: Mapping[str, Check], readings: Sequence[Reading]) -> Any:
    """Return the workbook's JSON of one service, as it is kept beside a run."""
    [artifact] = findings_of(service, checks, readings, control=QUIET, timeout_s=SETTINGS.timeout_s).artifacts.values()
    return json.loads(json.dumps(artifact))


def assert_exit_code(done: subprocess.CompletedProcess[str]) -> None:
    results = {result for result, _ in told(done).values()}
    worst = "fail" if "fail" in results else "error" if "error" in results else "pass"
    assert done.returncode == EXIT_CODES[worst]


@pytest.mark.parametrize(
    "fault",
    ["none", "refused", "dns", "wrong_certificate", "hang_up", "slow", "truncated", "reset", "html", "not_json", "too_large",
     "redirect_elsewhere", "expired_token", "forbidden", "not_found", "rate_limited", "server_error", "unavailable",
     "missing_field", "failing_queue", "failing_data", "old_version", "suspended_account", "no_inboxes",
     "agent_in_no_inbox", "reauthorization"],
)  # fmt: skip
def test_chatwoots_script_agrees_with_the_workbook(tmp_path: Path, fault: str) -> None:
    with Chatwoot(fault=fault, folder=tmp_path) as one:
        done = ask_chatwoot(one, **(HURRIED if fault == "slow" else {}))
        said, workbook = json.loads(done.stdout), workbook_says_of_chatwoot(one)
        assert without_what_varies(said) == without_what_varies(workbook)
        assert [set(answer) | {"body"} for answer in said["answers"]] == [set(answer) for answer in workbook["answers"]]
        assert [answer["headers"].get("content-type") for answer in said["answers"]] == [
            answer["headers"].get("content-type") for answer in workbook["answers"]
        ]
        assert not any(secret in done.stdout + done.stderr for secret in one.planted)
    assert_exit_code(done)
    assert done.stderr == ""


@pytest.mark.parametrize(
    "fault",
    ["none", "refused", "html", "not_json", "expired_token", "forbidden", "rate_limited", "missing_field", "other_workspace",
     "no_accounts"],
)  # fmt: skip
def test_publers_script_agrees_with_the_workbook(tmp_path: Path, fault: str) -> None:
    with Publer(fault=fault, folder=tmp_path) as one:
        done = ask_publer(one)
        assert without_what_varies(json.loads(done.stdout)) == without_what_varies(workbook_says_of_publer(one))
        assert one.token not in done.stdout + done.stderr
    assert_exit_code(done)


def test_a_dripping_answer_ends_with_the_deadline(tmp_path: Path) -> None:
    with Publer(fault="slow_drip", folder=tmp_path) as one:
        assert set(told(ask_publer(one, **HURRIED)).values()) == {("fail", "answer too slow (HTTP 200)")}


def test_an_old_timestamp_is_seen(tmp_path: Path) -> None:
    with Chatwoot(fault="stale_clock", folder=tmp_path) as one:
        result, observed = told(ask_chatwoot(one))["health.chatwoot_services_ok"]
    assert result == "fail"
    assert observed[0].startswith("its clock is 10")


def test_a_short_retry_after_is_waited_for(tmp_path: Path) -> None:
    with Publer(fault="rate_limited_once", folder=tmp_path) as one:
        done = ask_publer(one, ATTEMPTS="2", DEADLINE_S="10")
    assert done.returncode == 0
    assert {answer["tried"] for answer in json.loads(done.stdout)["answers"]} == {2}


@pytest.mark.parametrize("program", ["curl", "grep", "wc"])
def test_a_missing_program_is_one_sentence_and_exit_2(tmp_path: Path, bare_machine: Path, program: str) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in (name for name in PROGRAMS if name != program):
        (folder / name).symlink_to(bare_machine / name)
    with Chatwoot(folder=tmp_path) as one:
        done = ask_chatwoot(one, PATH=str(folder))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{program} is not installed, or not on PATH. Fix: Install it, and run again.\n"


def test_tries_are_told_as_the_workbook_tells_them(tmp_path: Path) -> None:
    with Chatwoot(fault="unavailable", folder=tmp_path) as one:
        first = json.loads(ask_chatwoot(one, ATTEMPTS="2").stdout)["results"][0]
    assert first["detail"] == "GET /health: server error, asked 2 times."
    assert first["fix"] == ["Read the service's log for this moment."]


def test_json_is_read_as_json_and_not_by_looks(tmp_path: Path) -> None:
    script = f'. "{SCRIPTS}/health-common.sh"; read_json "$1" || exit 1; field "$2"'

    def field(text: str, path: str) -> tuple[int, str]:
        done = subprocess.run(["bash", "-c", script, "bash", text, path], capture_output=True, text=True)
        return done.returncode, done.stdout

    assert field('{"a": {"b": [1, {"c": "x \\"y\\": ok, [z]"}]}}', "a.b.1.c") == (0, 'x \\"y\\": ok, [z]')
    assert field('{"a": "status", "status": "bad"}', "status") == (0, "bad")
    assert field('{"note": "\\"status\\": \\"woot\\""}', "status") == (0, "")
    assert field("[]", "#") == (0, "0")
    assert field('{"a": null}', "a") == (0, "")
    broken = ("", "{", '{"a" 1}', '{"a": 1,}', "[1, 2", "[1 2]", '{"a": 1} x', "{'a': 1}", '{"a": 01}', '{"a": "x')
    for wrong in (*broken, "<html>", "nul"):
        assert field(wrong, "a")[0] == 1, wrong


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"CHATWOOT_API_TOKEN": ""}, "CHATWOOT_API_TOKEN is not set"),
        ({"CHATWOOT_API_TOKEN": 'x\nheader = "evil: 1"'}, "holds a control character"),
        ({"CHATWOOT_URL": "http://chat.example.com"}, "has no TLS"),
        ({"CHATWOOT_URL": "http://127.0.0.1.example.com"}, "has no TLS"),
        ({"CHATWOOT_ACCOUNT_ID": "1/../2"}, "is not a number"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_2(tmp_path: Path, changes: dict[str, str], said: str) -> None:
    with Chatwoot(folder=tmp_path) as one:
        done = ask_chatwoot(one, **changes)
        assert sum(one.asked.values()) == 0
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_token_is_never_in_argv(tmp_path: Path) -> None:
    seen = tmp_path / "argv"
    fake = tmp_path / "bin" / "curl"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {seen}\ncat > {tmp_path}/stdin\nexit 7\n')
    fake.chmod(0o755)
    with Chatwoot(folder=tmp_path) as one:
        ask_chatwoot(one, PATH=f"{fake.parent}:{os.environ['BARE_PATH']}")
    assert one.token not in seen.read_text()
    assert one.token in (tmp_path / "stdin").read_text()


@pytest.mark.parametrize(
    ("script", "default", "value"),
    [
        ("check-chatwoot-health.sh", "CHATWOOT_VERSIONS:-", " ".join(SETTINGS.chatwoot.services.versions)),
        ("check-chatwoot-health.sh", "CHATWOOT_MIN_INBOXES:-", SETTINGS.chatwoot.inboxes.min_items),
        ("check-chatwoot-health.sh", "MAX_CLOCK_SKEW_S:-", f"{SETTINGS.chatwoot.max_clock_skew_s:g}"),
        ("check-publer-health.sh", "PUBLER_MIN_ACCOUNTS:-", SETTINGS.publer.accounts.min_items),
        ("health-common.sh", "ATTEMPTS:-", SETTINGS.attempts),
        ("health-common.sh", "TIMEOUT_S:-", f"{SETTINGS.timeout_s:g}"),
        ("health-common.sh", "DEADLINE_S:-", f"{SETTINGS.deadline_s:g}"),
        ("health-common.sh", "MAX_BODY_BYTES:-", SETTINGS.max_body_bytes),
        ("health-common.sh", "MAX_RETRY_AFTER_S:-", f"{SETTINGS.max_retry_after_s:g}"),
    ],
)
def test_the_scripts_expect_what_params_expect(script: str, default: str, value: object) -> None:
    assert f"${{{default}{value}}}" in (SCRIPTS / script).read_text()
