"""The statements are what in-toto's own code takes, signed so that its own code verifies them, and say no more than is so."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.json_format import ParseDict
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from jsonschema import Draft202012Validator
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner

from lib.core.results import Outcome, Provenance, SkipReason
from lib.core.verdict import GateInput, Verdict
from lib.evidence.manifest import PREDICATE_TYPE
from lib.evidence.statements import FACTS, FACTS_TYPE, SUMMARY, TEST_RESULT, WRITTEN, write_statements

SCHEMAS = Path(__file__).parents[2] / "docs" / "reference" / "predicates"

COMMIT = "d20ace7968ba43c0219f62d71334c1095bab1602"
ABOUT = {
    "run_id": "20261126T120000Z-aaaa",
    "project": "shop",
    "environment": "staging",
    "verdict": "GO",
    "waivers": [{"check": "rls.secret_check", "reason": "not to be told"}],
    "ended_at": "2026-11-26T12:01:00+00:00",
}


def gate(check: str, outcome: Outcome, **facts: Any) -> GateInput:
    return GateInput(check=check, outcome=outcome, gate=facts.pop("gate", True), provenance=Provenance.LIVE, **facts)


JUDGED = [
    gate("rls.a", Outcome.PASS),
    gate("rls.b", Outcome.PASS, is_reused=True),
    gate("rls.c", Outcome.FAIL, is_waived=True),
    gate("rls.d", Outcome.FAIL, gate=False),
    gate("rls.e", Outcome.SKIP, skipped_because=SkipReason.NOT_ALLOWED),
    gate("rls.f", Outcome.SKIP, skipped_because=SkipReason.NOT_APPLICABLE),
    gate("rls.g", Outcome.ERROR),
    gate("rls.h", Outcome.FAIL),
]


@pytest.fixture
def signer() -> CryptoSigner:
    return CryptoSigner(Ed25519PrivateKey.generate())


def write(folder: Path, signer: CryptoSigner, verdict: Verdict, judged: list[GateInput], **commits: str) -> dict[str, Any]:
    """Return each statement by its file, after foreign code has verified its signature."""
    (folder / "evidence.jsonl").write_text('{"check": "rls.a"}\n')
    write_statements(
        folder, ABOUT, signer, verdict=verdict, judged=judged, commits=commits, settings={"settings of rls": "0" * 64}
    )
    found = {}
    for name in (FACTS, TEST_RESULT, SUMMARY):
        envelope = json.loads((folder / name).read_text())
        Envelope.from_dict(dict(envelope)).verify([signer.public_key], threshold=1)
        found[name] = json.loads(base64.b64decode(envelope["payload"]))
    return found


def test_foreign_code_takes_each_of_them(tmp_path: Path, signer: CryptoSigner) -> None:
    for said in write(tmp_path, signer, Verdict.GO, JUDGED[:1], project=COMMIT).values():
        Statement.copy_from_pb(ParseDict(said, statement_pb2.Statement())).validate()
    said = json.loads(base64.b64decode(json.loads((tmp_path / TEST_RESULT).read_text())["payload"]))
    read = ParseDict(said["predicate"], test_result_pb2.TestResult())
    assert (read.result, list(read.passed_tests), read.configuration[0].name) == ("PASSED", ["rls.a"], "settings of rls")
    assert {"name": "project", "digest": {"gitCommit": COMMIT}} in said["subject"]


@pytest.mark.parametrize(
    ("verdict", "result", "properties"),
    [
        (Verdict.GO, "PASSED", ["LAUNCH_READINESS_GO_STAGING"]),
        (Verdict.REHEARSED, "WARNED", ["LAUNCH_READINESS_REHEARSED_STAGING"]),
        (Verdict.PARTIAL, "WARNED", ["LAUNCH_READINESS_PARTIAL_STAGING"]),
        (Verdict.BLOCKED, "FAILED", []),
        (Verdict.NO_GO, "FAILED", []),
    ],
)
def test_only_a_go_has_passed_and_nothing_holds_of_a_stopped_launch(
    tmp_path: Path, signer: CryptoSigner, verdict: Verdict, result: str, properties: list[str]
) -> None:
    said = write(tmp_path, signer, verdict, JUDGED)
    assert said[TEST_RESULT]["predicate"]["result"] == result
    assert said[SUMMARY]["predicate"]["properties"] == properties


def test_each_check_is_where_it_counts(tmp_path: Path, signer: CryptoSigner) -> None:
    said = write(tmp_path, signer, Verdict.NO_GO, JUDGED)[TEST_RESULT]["predicate"]
    assert (said["passedTests"], said["failedTests"]) == (["rls.a"], ["rls.g", "rls.h"])
    assert said["warnedTests"] == ["rls.b", "rls.c", "rls.d", "rls.e"]


def test_the_facts_statement_names_nothing_that_may_be_withheld(tmp_path: Path, signer: CryptoSigner) -> None:
    said = write(tmp_path, signer, Verdict.GO, JUDGED)[FACTS]
    assert "secret_check" not in json.dumps(said) and "not to be told" not in json.dumps(said)
    assert said["predicate"]["leaves"] == 1


def test_a_second_seal_speaks_of_the_run_as_it_is_then(tmp_path: Path, signer: CryptoSigner) -> None:
    first = write(tmp_path, signer, Verdict.GO, JUDGED)
    (tmp_path / "more.txt").write_text("more")
    second = write(tmp_path, signer, Verdict.GO, JUDGED)
    assert second[FACTS]["predicate"]["leaves"] == first[FACTS]["predicate"]["leaves"] + 1
    assert {path.name for path in tmp_path.iterdir()} == {*WRITTEN, "evidence.jsonl", "more.txt"}


@pytest.mark.parametrize("name", ["run-1", "facts-1"])
def test_the_published_schemas_are_schemas(name: str) -> None:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] in {PREDICATE_TYPE, FACTS_TYPE}


def test_the_facts_statement_is_as_its_schema_says(tmp_path: Path, signer: CryptoSigner) -> None:
    schema = json.loads((SCHEMAS / "facts-1.schema.json").read_text())
    Draft202012Validator(schema).validate(write(tmp_path, signer, Verdict.GO, JUDGED)[FACTS]["predicate"])
