"""What a run says beside its own manifest, each as an in-toto Statement v1 in a signed DSSE envelope.

- `facts.dsse.json`: the root of the tree of its facts and files, with what the run is. `leaves.json` has the leaves.
- `test-result.dsse.json`: in-toto's own test result, on the project's commit. FAILED is NO-GO or BLOCKED, PASSED is GO alone.
- `svr.dsse.json`: in-toto's simple verification result: the verdict and its environment as a property, none for a NO-GO.

They are written before the manifest, which lists them.
Source: https://github.com/in-toto/attestation/tree/main/spec/predicates (test-result.md, svr.md).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner

from lib.core.files import digest_file, write_whole
from lib.core.results import Outcome
from lib.core.verdict import GateInput, Verdict
from lib.evidence.leaves import as_rows, find_root, list_leaves
from lib.evidence.log import FILE as EVIDENCE
from lib.evidence.manifest import ENVELOPE, MANIFEST, PAYLOAD_TYPE, STATEMENT_TYPE, UNFINISHED

FACTS, LEAVES = "facts.dsse.json", "leaves.json"
TEST_RESULT, SUMMARY = "test-result.dsse.json", "svr.dsse.json"
WRITTEN = (FACTS, LEAVES, TEST_RESULT, SUMMARY)
BESIDE = frozenset({MANIFEST, ENVELOPE, UNFINISHED, *WRITTEN})
"""Files that are no leaves: they speak of the leaves, or are made after them."""
FACTS_TYPE = "urn:launch-readiness-workbook:facts:1"
TEST_RESULT_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
SUMMARY_TYPE = "https://in-toto.io/attestation/svr/v0.1"
VERIFIER = "urn:launch-readiness-workbook:verdict:1"
"""Who says the summary; the number changes when the same results would come to another verdict."""
RESULT_WORDS = {Verdict.GO: "PASSED", Verdict.NO_GO: "FAILED", Verdict.BLOCKED: "FAILED"}
PREFIX = "LAUNCH_READINESS_"
NO_WORD = re.compile(r"\W")
TREE = "rfc6962Sha256"
TOLD = (
    "run_id", "project", "environment", "verdict", "rehearsal", "partial", "finished", "pack_commit", "started_at", "ended_at",
)  # fmt: skip
"""What the facts' statement says of the run: it goes with every copy, so it must name nothing that may be withheld."""


def write_statements(
    run_folder: Path,
    about: Mapping[str, Any],
    signer: CryptoSigner,
    *,
    verdict: Verdict,
    judged: Sequence[GateInput],
    commits: Mapping[str, str],
    settings: Mapping[str, str],
) -> None:
    """Write the run's statements and its leaves into its folder.

    about: what is said of the run, plain JSON. judged: its results as the verdict takes them. commits: name -> full git commit
    that was judged, or that judged. settings: name -> sha256 in hex of what the tests were configured with.
    """
    for name in WRITTEN:
        (run_folder / name).unlink(missing_ok=True)  # of a seal before
    leaves = list_leaves(run_folder, beside=BESIDE)
    write_whole(run_folder / LEAVES, json.dumps(as_rows(leaves), indent=0) + "\n")
    root = find_root([one.digest for one in leaves])
    subjects = [
        *({"name": name, "digest": {"gitCommit": commit}} for name, commit in sorted(commits.items())),
        {"name": EVIDENCE, "digest": {"sha256": digest_evidence(run_folder)}},
    ]
    facts = {**{name: about[name] for name in TOLD if name in about}, "leaves": len(leaves)}
    statements = {
        FACTS: make_statement(FACTS_TYPE, [{"name": "facts", "digest": {TREE: root}}], facts),
        TEST_RESULT: make_statement(TEST_RESULT_TYPE, subjects, tell_tests(verdict, judged, settings)),
        SUMMARY: make_statement(SUMMARY_TYPE, subjects, tell_properties(verdict, about)),
    }
    for name, statement in statements.items():
        envelope = Envelope(json.dumps(statement, sort_keys=True).encode(), PAYLOAD_TYPE, {})
        envelope.sign(signer)
        write_whole(run_folder / name, json.dumps(envelope.to_dict(), indent=1, sort_keys=True) + "\n")


def digest_evidence(run_folder: Path) -> str:
    """Return the sha256, hex, of the run's evidence; a run that was ended before it found anything has none, which is empty."""
    path = run_folder / EVIDENCE
    return digest_file(path) if path.exists() else hashlib.sha256().hexdigest()


def make_statement(predicate_type: str, subjects: Sequence[Mapping[str, Any]], predicate: Mapping[str, Any]) -> dict[str, Any]:
    """Return an in-toto Statement v1."""
    return {"_type": STATEMENT_TYPE, "subject": list(subjects), "predicateType": predicate_type, "predicate": dict(predicate)}


def tell_tests(verdict: Verdict, judged: Sequence[GateInput], settings: Mapping[str, str]) -> dict[str, Any]:
    """Return the test result: what keeps a launch from going on has failed, what else did not pass is a warning.

    A check that has nothing to look at is in none of the lists.
    """
    words: dict[str, list[str]] = {"passedTests": [], "warnedTests": [], "failedTests": []}
    for one in judged:
        if one.outcome is Outcome.PASS:
            words["warnedTests" if one.is_reused else "passedTests"].append(one.check)
        elif one.outcome in (Outcome.FAIL, Outcome.ERROR):
            words["failedTests" if one.gate and not one.is_waived else "warnedTests"].append(one.check)
        elif one.is_untried or one.is_hidden:
            words["warnedTests"].append(one.check)
    return {
        "result": RESULT_WORDS.get(verdict, "WARNED"),
        "configuration": [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(settings.items())],
        **{name: sorted(checks) for name, checks in words.items()},
    }


def tell_properties(verdict: Verdict, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the summary: the verdict with its environment as a property; nothing holds where the launch is stopped."""
    words = f"{verdict.word}_{about['environment']}".upper()
    holds = verdict not in (Verdict.NO_GO, Verdict.BLOCKED)
    return {
        "verifier": {"id": VERIFIER},
        "timeCreated": about["ended_at"],
        "properties": [PREFIX + NO_WORD.sub("_", words)] if holds else [],
    }


def digest_of(value: Any) -> str:
    """Return the sha256, hex, of plain JSON in one form."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode()).hexdigest()
